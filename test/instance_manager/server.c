/*
 * server.c
 *	  The simulator's HTTP side: takes requests, finds the route, sends the reply.
 *
 * Each connection has a thread of its own, so that a fault may sleep.  One lock guards pods, faults
 * and counters; it is never held while sleeping or sending.
 */
#include "server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "faults.h"

#define MAX_REQUEST_BODY (4 * 1024 * 1024)
#define STREAM_BLOCK 4096
/* How often who sleeps looks whether the client is still there. */
#define CLIENT_LOOK_MS 100

/* The bytes of a reply that does not travel in the plain way. */
typedef struct Stream
{
	char *text;
	uint64_t length;
	uint64_t total;
	uint64_t cut_at;
	long pace_ms;
} Stream;

static ServerSettings settings;
static struct MHD_Daemon *daemon_handle;
static pthread_mutex_t state_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t sleep_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t sleep_wakeup;
static bool stopping;
static json_t *counters;
static json_t *asked; /* route -> pod -> how often */

/* Milliseconds on a clock that only goes forward. */
int64_t
server_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Sleeps, but not past server_stop(); false when the server stops. */
static bool
sleep_ms(long ms)
{
	int64_t until = server_now_ms() + ms;
	struct timespec deadline = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};
	bool going_on;

	pthread_mutex_lock(&sleep_lock);
	while (!stopping && server_now_ms() < until)
		pthread_cond_timedwait(&sleep_wakeup, &sleep_lock, &deadline);
	going_on = !stopping;
	pthread_mutex_unlock(&sleep_lock);
	return going_on;
}

/*
 * The same, but only as long as there is somebody to answer: whoever has left leaves no thread behind, of which there
 * can be so many only.
 */
static bool
sleep_for_client(struct MHD_Connection *connection, long ms)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	int64_t until = server_now_ms() + ms;

	for (;;)
	{
		struct pollfd client = {.fd = info->connect_fd, .events = POLLRDHUP};
		int64_t left = until - server_now_ms();

		if (left <= 0)
			return true;
		if (poll(&client, 1, 0) > 0 ||
		    !sleep_ms(left < CLIENT_LOOK_MS ? (long) left : CLIENT_LOOK_MS))
			return false;
	}
}

/* Value of a query parameter, or NULL. */
const char *
request_argument(const Request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

static void
count(const char *name)
{
	json_object_set_new(counters, name,
	                    json_integer(json_integer_value(json_object_get(counters, name)) + 1));
}

/* The pod that a request is about: as it says itself, or as the name of a secret does; NULL: none. */
static const char *
pod_of_request(const Request *request)
{
	static const char prefix[] = "flag-secret-";
	const char *secret = json_string_value(json_object_get(request->body, "secret_name"));
	const char *deployment = json_string_value(json_object_get(request->body, "deployment_name"));

	if (secret != NULL)
		return strncmp(secret, prefix, strlen(prefix)) == 0 ? secret + strlen(prefix) : secret;
	return deployment != NULL ? deployment : request_argument(request, "pod_name");
}

static void
count_pod(const char *route, const char *pod)
{
	json_t *pods = json_object_get(asked, route);

	if (pods == NULL)
	{
		pods = json_object();
		json_object_set_new(asked, route, pods);
	}
	json_object_set_new(pods, pod,
	                    json_integer(json_integer_value(json_object_get(pods, pod)) + 1));
}

/* How often each route was asked about each pod; the caller owns the copy. */
json_t *
server_asked(void)
{
	return json_deep_copy(asked);
}

/* How often each route was asked, and the last path that no route has; the caller owns the copy. */
json_t *
server_counters(void)
{
	return json_deep_copy(counters);
}

/* Starts counting anew. */
void
server_reset_counters(void)
{
	json_object_clear(counters);
	json_object_clear(asked);
	for (const Route *route = api_routes; route->method != NULL; route++)
		json_object_set_new(counters, route->name, json_integer(0));
	json_object_set_new(counters, "unmatched", json_integer(0));
	json_object_set_new(counters, "redirected", json_integer(0));
	json_object_set_new(counters, "last_unmatched", json_null());
	json_object_set_new(counters, "last_user", json_null());
}

/* Hands out the bytes of a stream: at its pace, up to where it breaks off. */
static ssize_t
stream_read(void *context, uint64_t position, char *buffer, size_t size)
{
	Stream *stream = context;
	uint64_t end = stream->cut_at > 0 ? stream->cut_at : stream->total;
	size_t wanted = stream->pace_ms > 0 ? 1 : size;
	size_t from_text = 0;

	if (position >= end)
		return stream->cut_at > 0 ? MHD_CONTENT_READER_END_WITH_ERROR
		                          : MHD_CONTENT_READER_END_OF_STREAM;
	if (stream->pace_ms > 0 && !sleep_ms(stream->pace_ms))
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (wanted > end - position)
		wanted = end - position;
	if (position < stream->length)
	{
		from_text = stream->length - position < wanted ? stream->length - position : wanted;
		memcpy(buffer, stream->text + position, from_text);
	}
	memset(buffer + from_text, ' ', wanted - from_text);
	return (ssize_t) wanted;
}

static void
stream_free(void *context)
{
	Stream *stream = context;

	free(stream->text);
	free(stream);
}

/* Makes the response object; takes the text over. */
static struct MHD_Response *
make_response(const Reply *reply, char *text)
{
	uint64_t length = strlen(text);
	Stream *stream;

	if (reply->pace_ms == 0 && reply->cut_at == 0 && reply->pad_to == 0)
		return MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE);
	stream = calloc(1, sizeof(Stream));
	if (stream == NULL)
	{
		free(text);
		return NULL;
	}
	*stream = (Stream){text, length, length, reply->cut_at, reply->pace_ms};
	if (reply->pad_to > length)
		stream->total = reply->pad_to;
	return MHD_create_response_from_callback(reply->unknown_length ? MHD_SIZE_UNKNOWN
	                                                               : stream->total,
	                                         STREAM_BLOCK, stream_read, stream, stream_free);
}

/* Sends the reply and frees what it holds.  MHD_NO closes the connection. */
static enum MHD_Result
send_reply(struct MHD_Connection *connection, Reply *reply)
{
	struct MHD_Response *response = NULL;
	enum MHD_Result result = MHD_NO;
	char *text = reply->text;

	if (text == NULL)
		text = json_dumps(reply->body, JSON_COMPACT);
	json_decref(reply->body);
	if (text != NULL && !reply->hang_up &&
	    (reply->delay_ms == 0 || sleep_for_client(connection, reply->delay_ms)))
		response = make_response(reply, text);
	else
		free(text);
	if (response != NULL)
	{
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->content_type);
		if (reply->location != NULL)
			MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, reply->location);
		result = MHD_queue_response(connection, reply->status, response);
		MHD_destroy_response(response);
	}
	free(reply->location);
	return result;
}

/* Framework errors of the real one are pages, not JSON. */
static void
reply_page(Reply *reply, unsigned int status, const char *title)
{
	char page[200];

	snprintf(page, sizeof(page), "<!doctype html>\n<title>%u %s</title>\n<h1>%s</h1>\n", status,
	         title, title);
	reply->status = status;
	reply->text = strdup(page);
	reply->content_type = "text/html; charset=utf-8";
}

/* As the framework of the real one does: a doubled slash is redirected to a single one. */
static bool
redirect_doubled_slash(const char *path, Reply *reply)
{
	char *single;
	size_t length = 0;

	if (strstr(path, "//") == NULL)
		return false;
	single = malloc(strlen(path) + 1);
	if (single == NULL)
		return false;
	for (const char *p = path; *p != '\0'; p++)
		if (*p != '/' || length == 0 || single[length - 1] != '/')
			single[length++] = *p;
	single[length] = '\0';
	reply_page(reply, 308, "Permanent Redirect");
	reply->location = single;
	count("redirected");
	return true;
}

/* The route of a table that has this path; method_fits says whether the method fits too. */
static const Route *
find_route(const Route *table, const char *method, const char *path, bool *method_fits)
{
	const Route *found = NULL;

	*method_fits = false;
	for (const Route *route = table; route->method != NULL && !*method_fits; route++)
	{
		size_t length = strlen(route->path);

		if (strncmp(route->path, path, length) != 0 ||
		    (route->takes_tail ? path[length] == '\0' : path[length] != '\0'))
			continue;
		found = route;
		*method_fits = strcmp(route->method, method) == 0;
	}
	return found;
}

/* The request's path without the configured prefix; NULL when it does not have it. */
static const char *
without_prefix(const char *url)
{
	size_t length = strlen(settings.prefix);

	return strncmp(url, settings.prefix, length) == 0 ? url + length : NULL;
}

/* Keeps who asked last, as "user:password"; null: nobody said. */
static void
note_user(const Request *request)
{
	char *password = NULL;
	char *user = MHD_basic_auth_get_username_password(request->connection, &password);

	json_object_set_new(counters, "last_user",
	                    user == NULL ? json_null()
	                                 : json_sprintf("%s:%s", user, password ? password : ""));
	MHD_free(user);
	MHD_free(password);
}

/* Finds the route and lets it fill the reply; returns the fault that the reply shall get. */
static json_t *
answer(Request *request, const char *method, const char *url, Reply *reply, const Route **found)
{
	const char *inner = without_prefix(url);
	bool method_fits = false;
	const Route *route = find_route(control_routes, method, url, &method_fits);

	*found = NULL;
	if (route == NULL && redirect_doubled_slash(url, reply))
		return NULL;
	if (route == NULL && inner != NULL)
		route = find_route(api_routes, method, inner, &method_fits);
	if (route == NULL)
	{
		count("unmatched");
		json_object_set_new(counters, "last_unmatched", json_string(url));
		reply_page(reply, 404, "Not Found");
	}
	else if (!method_fits)
		reply_page(reply, 405, "Method Not Allowed");
	else if (request->too_large)
		reply_page(reply, 413, "Request Entity Too Large");
	else
	{
		const char *pod;

		request->tail = url + strlen(route->path);
		request->body =
		    request->data == NULL ? NULL : json_loadb(request->data, request->length, 0, NULL);
		route->handle(request, reply);
		*found = route;
		if (route->name == NULL)
			return NULL;
		pod = pod_of_request(request);
		count(route->name);
		note_user(request);
		if (pod != NULL)
			count_pod(route->name, pod);
		return faults_take(route->name, pod);
	}
	return NULL;
}

/* Keeps what arrives of the request body, up to the limit. */
static void
collect(Request *request, const char *data, size_t size)
{
	char *grown = NULL;

	if (request->length + size <= MAX_REQUEST_BODY)
		grown = realloc(request->data, request->length + size);
	if (grown == NULL)
	{
		request->too_large = true;
		return;
	}
	memcpy(grown + request->length, data, size);
	request->data = grown;
	request->length += size;
}

/* Called by the library for each piece of a request; answers when it is complete. */
static enum MHD_Result
handle(void *context, struct MHD_Connection *connection, const char *url, const char *method,
       const char *version, const char *data, size_t *size, void **connection_state)
{
	Request *request = *connection_state;
	Reply reply = {.status = 200, .content_type = "application/json"};
	const Route *route;
	json_t *fault;

	(void) context;
	(void) version;
	if (request == NULL)
	{
		*connection_state = calloc(1, sizeof(Request));
		return *connection_state == NULL ? MHD_NO : MHD_YES;
	}
	if (*size > 0)
	{
		collect(request, data, *size);
		*size = 0;
		return MHD_YES;
	}
	request->connection = connection;
	pthread_mutex_lock(&state_lock);
	fault = answer(request, method, url, &reply, &route);
	pthread_mutex_unlock(&state_lock);
	if (fault != NULL)
		faults_apply(fault, route, url, &reply);
	json_decref(fault);
	return send_reply(connection, &reply);
}

static void
completed(void *context, struct MHD_Connection *connection, void **connection_state,
          enum MHD_RequestTerminationCode code)
{
	Request *request = *connection_state;

	(void) context;
	(void) connection;
	(void) code;
	if (request == NULL)
		return;
	json_decref(request->body);
	free(request->data);
	free(request);
	*connection_state = NULL;
}

/* Opens the listening socket; -1 with errno set when it cannot. */
static int
listen_on(const char *host, const char *port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *address;
	int one = 1;
	int fd;

	if (getaddrinfo(host, port, &hints, &address) != 0)
	{
		errno = EADDRNOTAVAIL;
		return -1;
	}
	fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, 0);
	if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	                bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, 128) != 0))
	{
		int failure = errno;

		close(fd);
		errno = failure;
		fd = -1;
	}
	freeaddrinfo(address);
	return fd;
}

/* The port that a socket got, which the caller may have left to the system. */
static unsigned int
port_of(int fd)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	char text[NI_MAXSERV];

	if (getsockname(fd, (struct sockaddr *) &address, &length) != 0 ||
	    getnameinfo((struct sockaddr *) &address, length, NULL, 0, text, sizeof(text),
	                NI_NUMERICSERV) != 0)
		return 0;
	return (unsigned int) strtoul(text, NULL, 10);
}

/* Starts answering; false, with errno set, when the address cannot be had. */
bool
server_start(const ServerSettings *chosen, unsigned int *port)
{
	pthread_condattr_t monotonic;
	int fd;

	settings = *chosen;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&sleep_wakeup, &monotonic);
	pthread_condattr_destroy(&monotonic);
	fd = listen_on(settings.host, settings.port);
	if (fd < 0)
		return false;
	*port = port_of(fd);
	counters = json_object();
	asked = json_object();
	server_reset_counters();
	daemon_handle = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD |
	                                     MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_ITC,
	                                 0, NULL, NULL, handle, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
	                                 MHD_OPTION_NOTIFY_COMPLETED, completed, NULL,
	                                 MHD_OPTION_CONNECTION_TIMEOUT, 120U, MHD_OPTION_END);
	if (daemon_handle == NULL)
		close(fd);
	return daemon_handle != NULL;
}

/* Stops at once: sleeping answers are woken and break off. */
void
server_stop(void)
{
	pthread_mutex_lock(&sleep_lock);
	stopping = true;
	pthread_cond_broadcast(&sleep_wakeup);
	pthread_mutex_unlock(&sleep_lock);
	MHD_stop_daemon(daemon_handle);
	json_decref(counters);
	json_decref(asked);
	counters = asked = NULL;
}
