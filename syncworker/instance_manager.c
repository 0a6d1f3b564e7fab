/*
 * instance_manager.c
 *	  Asks the Instance Manager over HTTP, without ever blocking on it.
 *
 * libcurl's sockets live in an epoll instance of our own, which WaitLatchOrSocket() watches next to
 * the process latch: a request to end takes effect in the middle of a transfer.  libcurl resolves
 * names in a thread, which must not run the server's signal handlers, so signals are blocked
 * around every call that may start it.  No error is raised through libcurl's frames: callbacks
 * return failure and the reason is put together afterwards.
 */
#include "postgres.h"

#include <curl/curl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/fd.h"
#include "storage/latch.h"

#include "compat.h"
#include "instance_manager.h"
#include "worker.h"

#define MAX_BODY (32 * 1024 * 1024)
#define MAX_HEADERS (64 * 1024)
#define DEADLINE_SLACK_MS 1000
#define LIST_ROUTE "list-challenge-pods"

/* The one client of this process.  The easy handle is reused, which keeps the connection open. */
typedef struct Client
{
	CURLM *multi;
	CURL *easy;
	int epoll;
	int64 timer_due; /* when libcurl wants to be called; negative: never */
	bool failed;     /* a callback could not do its work */
} Client;

/* What has arrived of one response. */
typedef struct Arrival
{
	char *data;
	size_t length;
	size_t size;
	size_t header_bytes;
	bool too_large;
} Arrival;

static Client client = {.epoll = -1};

/* Failures that deserve plainer words than libcurl's. */
static const struct
{
	CURLcode code;
	const char *text;
} failures[] = {
    {CURLE_OPERATION_TIMEDOUT, "timed out"},
    {CURLE_COULDNT_CONNECT, "could not connect"},
    {CURLE_COULDNT_RESOLVE_HOST, "could not resolve the host name"},
    {CURLE_GOT_NOTHING, "connection closed without a response"},
    {CURLE_PARTIAL_FILE, "response cut short"},
    {CURLE_RECV_ERROR, "connection lost"},
    {CURLE_SEND_ERROR, "connection lost"},
    {CURLE_FILESIZE_EXCEEDED, "response larger than 32 MiB"},
    {CURLE_UNSUPPORTED_PROTOCOL, "not an HTTP server"},
    {CURLE_WEIRD_SERVER_REPLY, "not an HTTP server"},
};

static int64
now_ms(void)
{
	instr_time now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MILLISEC(now);
}

/* Blocks all signals but those of faults, so that a thread started meanwhile handles none. */
static void
block_signals(sigset_t *before)
{
	sigset_t blocked;

	sigfillset(&blocked);
	sigdelset(&blocked, SIGSEGV);
	sigdelset(&blocked, SIGBUS);
	sigdelset(&blocked, SIGILL);
	sigdelset(&blocked, SIGFPE);
	sigdelset(&blocked, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &blocked, before);
}

static void
restore_signals(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* Keeps a piece of the body; any answer but its size makes libcurl give up. */
static size_t
on_body(char *data, size_t one, size_t size, void *context)
{
	Arrival *arrival = context;

	if (size > MAX_BODY - arrival->length)
	{
		arrival->too_large = true;
		return 0;
	}
	if (arrival->length + size + 1 > arrival->size)
	{
		size_t wanted = Max(arrival->size * 2, arrival->length + size + 1);
		char *grown = realloc(arrival->data, wanted);

		if (grown == NULL)
			return 0;
		arrival->data = grown;
		arrival->size = wanted;
	}
	memcpy(arrival->data + arrival->length, data, size);
	arrival->length += size;
	arrival->data[arrival->length] = '\0';
	return size;
}

/* Headers are not needed, only bounded. */
static size_t
on_header(char *data, size_t one, size_t size, void *context)
{
	Arrival *arrival = context;

	arrival->header_bytes += size;
	if (arrival->header_bytes <= MAX_HEADERS)
		return size;
	arrival->too_large = true;
	return 0;
}

/* libcurl opens, changes or closes a socket. */
static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *unused)
{
	struct epoll_event event = {.data.fd = fd};

	if (what == CURL_POLL_REMOVE)
	{
		epoll_ctl(client.epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		event.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		event.events |= EPOLLOUT;
	if (epoll_ctl(client.epoll, EPOLL_CTL_MOD, fd, &event) != 0 &&
	    (errno != ENOENT || epoll_ctl(client.epoll, EPOLL_CTL_ADD, fd, &event) != 0))
		client.failed = true;
	return 0;
}

/* libcurl wants to be called after a while; a negative time takes the wish back. */
static int
on_timer(CURLM *multi, long timeout_ms, void *context)
{
	client.timer_due = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
	return 0;
}

/* Sets what is the same for all requests. */
static void
set_common_options(CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
#if CURL_AT_LEAST_VERSION(7, 85, 0)
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long) (CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if CURL_AT_LEAST_VERSION(7, 87, 0)
	/* A transfer that ends while its name is being resolved does not wait for the resolver. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t) MAX_BODY);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "edurange-sync-worker");
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
}

/* Frees the client; the next request makes a new one. */
static void
client_close(void)
{
	if (client.easy != NULL)
		curl_easy_cleanup(client.easy);
	if (client.multi != NULL)
		curl_multi_cleanup(client.multi);
	if (client.epoll >= 0)
	{
		close(client.epoll);
		ReleaseExternalFD();
	}
	client = (Client){.epoll = -1, .timer_due = -1};
}

/* Makes the client if there is none; false when the system gives no more of something. */
static bool
client_open(void)
{
	if (client.multi != NULL)
		return true;
	if (!AcquireExternalFD())
		return false;
	client = (Client){.epoll = epoll_create1(EPOLL_CLOEXEC), .timer_due = -1};
	if (client.epoll < 0)
	{
		ReleaseExternalFD();
		return false;
	}
	client.multi = curl_multi_init();
	client.easy = curl_easy_init();
	if (client.multi == NULL || client.easy == NULL)
	{
		client_close();
		return false;
	}
	curl_multi_setopt(client.multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(client.multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(client.multi, CURLMOPT_MAXCONNECTS, 2L);
	set_common_options(client.easy);
	return true;
}

/* Tells libcurl about one socket, or (CURL_SOCKET_TIMEOUT) about the time. */
static void
client_act(curl_socket_t fd, int mask)
{
	int running;

	if (curl_multi_socket_action(client.multi, fd, mask, &running) != CURLM_OK)
		client.failed = true;
}

/* Lets libcurl do what its sockets and its timer ask for; it never waits in here. */
static void
client_progress(void)
{
	struct epoll_event events[8];
	sigset_t before;
	int count;

	block_signals(&before);
	count = epoll_wait(client.epoll, events, lengthof(events), 0);
	for (int i = 0; i < count; i++)
	{
		int mask = 0;

		if (events[i].events & EPOLLIN)
			mask |= CURL_CSELECT_IN;
		if (events[i].events & EPOLLOUT)
			mask |= CURL_CSELECT_OUT;
		if (events[i].events & (EPOLLERR | EPOLLHUP))
			mask |= CURL_CSELECT_ERR;
		client_act(events[i].data.fd, mask);
	}
	if (client.timer_due >= 0 && client.timer_due <= now_ms())
	{
		client.timer_due = -1;
		client_act(CURL_SOCKET_TIMEOUT, 0);
	}
	restore_signals(&before);
}

/* Sleeps until there is something to do, but not past the deadline; acts on signals. */
static void
client_wait(int64 deadline)
{
	static uint32 wait_event = 0;
	int64 due = client.timer_due >= 0 ? Min(client.timer_due, deadline) : deadline;
	int events;

	if (wait_event == 0)
		wait_event = compat_wait_event("EdurangeSyncPoll");
	events = WaitLatchOrSocket(MyLatch,
	                           WL_LATCH_SET | WL_SOCKET_READABLE | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
	                           client.epoll, Max(due - now_ms(), 0), wait_event);
	if (events & WL_LATCH_SET)
	{
		ResetLatch(MyLatch);
		worker_check_interrupts();
	}
}

/* Runs the prepared transfer to its end, at the latest to the deadline. */
static CURLcode
client_run(int64 deadline)
{
	CURLcode result = CURLE_OPERATION_TIMEDOUT;
	sigset_t before;
	bool done = false;

	block_signals(&before);
	if (curl_multi_add_handle(client.multi, client.easy) != CURLM_OK)
		client.failed = true;
	restore_signals(&before);

	while (!done && !client.failed && now_ms() < deadline)
	{
		CURLMsg *message;
		int left;

		client_wait(deadline);
		client_progress();
		while ((message = curl_multi_info_read(client.multi, &left)) != NULL)
		{
			if (message->msg != CURLMSG_DONE)
				continue;
			result = message->data.result;
			done = true;
		}
	}

	block_signals(&before);
	curl_multi_remove_handle(client.multi, client.easy);
	restore_signals(&before);
	return client.failed ? CURLE_FAILED_INIT : result;
}

static const char *
failure_text(CURLcode code, const Arrival *arrival)
{
	if (arrival->too_large)
		return "response larger than 32 MiB";
	for (int i = 0; i < lengthof(failures); i++)
		if (failures[i].code == code)
			return failures[i].text;
	return curl_easy_strerror(code);
}

/* Fetches a URL whole, or says why not; only status 200 counts. */
static bool
fetch(const char *url, long timeout_ms, ImReply *reply)
{
	Arrival arrival = {0};
	CURLcode code = CURLE_FAILED_INIT;
	long status = 0;

	if (client_open())
	{
		curl_easy_setopt(client.easy, CURLOPT_URL, url);
		curl_easy_setopt(client.easy, CURLOPT_TIMEOUT_MS, timeout_ms);
		curl_easy_setopt(client.easy, CURLOPT_WRITEDATA, &arrival);
		curl_easy_setopt(client.easy, CURLOPT_HEADERDATA, &arrival);
		code = client_run(now_ms() + timeout_ms + DEADLINE_SLACK_MS);
		curl_easy_getinfo(client.easy, CURLINFO_RESPONSE_CODE, &status);
		if (client.failed)
			client_close();
	}
	if (code == CURLE_OK && status == 200 && arrival.data != NULL)
	{
		reply->body = arrival.data;
		reply->length = arrival.length;
		return true;
	}
	free(arrival.data);
	if (code != CURLE_OK)
		strlcpy(reply->problem, failure_text(code, &arrival), sizeof(reply->problem));
	else if (status != 200)
		snprintf(reply->problem, sizeof(reply->problem), "HTTP %ld", status);
	else
		strlcpy(reply->problem, "empty response", sizeof(reply->problem));
	return false;
}

/*
 * Path of a route below the path of a base URL: slashes are single, and "/api" is appended unless
 * it is there.  The caller frees; NULL without memory.
 */
static char *
route_path(const char *base, const char *route)
{
	static const char api[] = "/api";
	size_t size = strlen(base) + strlen(api) + strlen(route) + 2;
	char *path = malloc(size);
	size_t length = 0;
	bool has_api;

	if (path == NULL)
		return NULL;
	for (const char *p = base; *p != '\0'; p++)
		if (*p != '/' || length == 0 || path[length - 1] != '/')
			path[length++] = *p;
	if (length > 0 && path[length - 1] == '/')
		length--;
	path[length] = '\0';
	has_api = length >= strlen(api) && strcmp(path + length - strlen(api), api) == 0;
	snprintf(path + length, size - length, "%s/%s", has_api ? "" : api, route);
	return path;
}

/* Whether the URL is one that can be extended by a path: http or https, nothing after the path. */
static bool
base_url_usable(CURLU *url)
{
	char *scheme = NULL;
	char *rest = NULL;
	bool usable;

	usable = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	         (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
	         curl_url_get(url, CURLUPART_QUERY, &rest, 0) == CURLUE_NO_QUERY &&
	         curl_url_get(url, CURLUPART_FRAGMENT, &rest, 0) == CURLUE_NO_FRAGMENT;
	curl_free(scheme);
	curl_free(rest);
	return usable;
}

/* The URL of a route; NULL when the base URL is no good.  Free with curl_free(). */
static char *
route_url(const char *base_url, const char *route)
{
	CURLU *url = curl_url();
	char *base_path = NULL;
	char *path = NULL;
	char *result = NULL;

	if (url != NULL && curl_url_set(url, CURLUPART_URL, base_url, 0) == CURLUE_OK &&
	    base_url_usable(url) && curl_url_get(url, CURLUPART_PATH, &base_path, 0) == CURLUE_OK &&
	    (path = route_path(base_path, route)) != NULL &&
	    curl_url_set(url, CURLUPART_PATH, path, 0) == CURLUE_OK &&
	    curl_url_get(url, CURLUPART_URL, &result, 0) != CURLUE_OK)
		result = NULL;
	free(path);
	curl_free(base_path);
	curl_url_cleanup(url);
	return result;
}

/* Whether the document has the shape of a list of pods; what a pod means is not judged here. */
static const char *
list_problem(const ImReply *reply)
{
	json_t *document = json_loadb(reply->body, reply->length, JSON_REJECT_DUPLICATES, NULL);
	json_t *pods = json_object_get(document, "challenge_pods");
	const char *problem = NULL;
	size_t i;
	json_t *pod;

	if (document == NULL)
		problem = "the response is not valid JSON";
	else if (!json_is_array(pods))
		problem = "the response has no array \"challenge_pods\"";
	json_array_foreach(pods, i, pod)
	{
		if (!json_is_object(pod))
			problem = "\"challenge_pods\" has an element that is not an object";
	}
	json_decref(document);
	return problem;
}

/* Must be called once, before the first request. */
void
im_start(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		ereport(FATAL, (errmsg("could not initialize libcurl")));
}

/* Asks for the list of pods.  True: the reply has it, complete and well-formed; else the reason. */
bool
im_list_pods(const char *base_url, long timeout_ms, ImReply *reply)
{
	char *url = route_url(base_url, LIST_ROUTE);
	const char *problem = NULL;

	memset(reply, 0, sizeof(*reply));
	if (url == NULL)
		problem = "edurange.instance_manager_url is not a plain http or https URL";
	else if (fetch(url, timeout_ms, reply))
		problem = list_problem(reply);
	curl_free(url);
	if (problem != NULL)
	{
		im_reply_free(reply);
		strlcpy(reply->problem, problem, sizeof(reply->problem));
	}
	return reply->body != NULL;
}

/* Frees the body of a reply. */
void
im_reply_free(ImReply *reply)
{
	free(reply->body);
	reply->body = NULL;
	reply->length = 0;
}
