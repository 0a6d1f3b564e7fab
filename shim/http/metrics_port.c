/*
 * metrics_port.c
 *	  The metrics on a port of their own, without a token: for a network that only Prometheus reaches.
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "api/routes.h"
#include "base/log.h"
#include "http/metrics.h"

#define CONNECTIONS 8
#define TIMEOUT_SECONDS 10

static struct MHD_Daemon *daemon_of_port;

static enum MHD_Result
send_text(struct MHD_Connection *connection, unsigned status, char *text, const char *type)
{
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result queued;

	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	queued = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return queued;
}

/* Callback: a request. */
static enum MHD_Result
answer(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
       const char *version, const char *data, size_t *size, void **closure)
{
	char *(*const *ask)(void) = cls;
	char *text;

	(void) version;
	(void) data;
	(void) closure;
	if (*size > 0 || strcmp(method, "GET") != 0 || strcmp(url, "/metrics") != 0)
		return send_text(connection, MHD_HTTP_NOT_FOUND, strdup("only GET /metrics is here\n"),
		                 "text/plain");
	text = (*ask)();
	if (text == NULL)
		return MHD_NO;
	return send_text(connection, MHD_HTTP_OK, text, response_kinds[RESPOND_METRICS].media_type);
}

bool
metrics_listen(const char *host, int port, char *(*ask)(void) )
{
	static char *(*asked)(void);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *found = NULL;
	char service[8];
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD;

	asked = ask;
	snprintf(service, sizeof(service), "%d", port);
	if (getaddrinfo(host, service, &hints, &found) == 0)
	{
		if (found->ai_family == AF_INET6)
			flags |= MHD_USE_IPv6;
		daemon_of_port = MHD_start_daemon(
		    flags, (uint16_t) port, NULL, NULL, answer, &asked, MHD_OPTION_SOCK_ADDR,
		    found->ai_addr, MHD_OPTION_CONNECTION_LIMIT, (unsigned) CONNECTIONS,
		    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) TIMEOUT_SECONDS, MHD_OPTION_END);
		freeaddrinfo(found);
	}
	if (daemon_of_port == NULL)
		log_event("error", "not_listening", "could not listen on EDURANGE_METRICS_PORT");
	return daemon_of_port != NULL;
}

void
metrics_stop(void)
{
	if (daemon_of_port != NULL)
		MHD_stop_daemon(daemon_of_port);
	daemon_of_port = NULL;
}
