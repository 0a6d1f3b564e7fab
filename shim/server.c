/*
 * server.c
 *	  The HTTP server: started, drained, stopped.
 */
#include "server.h"

#include <stdatomic.h>
#include <unistd.h>

#include "http.h"
#include "log.h"

#define MEMORY_PER_CONNECTION (64 * 1024)

static struct
{
	struct MHD_Daemon *daemon;
	atomic_bool draining;
} server;

/* Starts serving on a listening socket; the configuration must outlive it. */
bool
server_start(const Config *config, int fd)
{
	server.daemon = MHD_start_daemon(
	    MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, http_access, NULL,
	    MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_THREAD_POOL_SIZE, (unsigned) config->threads,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned) config->connection_limit,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) config->connection_timeout,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) MEMORY_PER_CONNECTION,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
	    MHD_OPTION_URI_LOG_CALLBACK, http_target, (void *) config, MHD_OPTION_NOTIFY_COMPLETED,
	    http_completed, NULL, MHD_OPTION_END);
	if (server.daemon == NULL)
	{
		log_event("error", "not_listening", "the HTTP server did not start");
		return false;
	}
	return true;
}

/* Takes no new connections; those that are open are closed after their next response. */
void
server_stop_accepting(void)
{
	int fd;

	atomic_store(&server.draining, true);
	fd = MHD_quiesce_daemon(server.daemon);
	if (fd != MHD_INVALID_SOCKET)
		close(fd);
}

bool
server_is_draining(void)
{
	return atomic_load(&server.draining);
}

/* Closes all connections.  No request may be waiting for the database. */
void
server_stop(void)
{
	MHD_stop_daemon(server.daemon);
}
