/*
 * http.c
 *	  Many HTTP requests at the same time, without ever blocking the process.
 *
 * libcurl's sockets live in an epoll instance of our own, which WaitLatchOrSocket() watches next to
 * the process latch: a request to end takes effect in the middle of a transfer.  libcurl resolves
 * names in a thread, which must not run the server's signal handlers, so signals are blocked
 * around every call that may start it.  No error is raised through libcurl's frames: callbacks
 * return failure and the reason is put together afterwards.
 *
 * Deadlines are kept here, not by libcurl: what has arrived is read first, and time that the process spent
 * elsewhere, in a transaction, is not held against the server.
 */
#include "postgres.h"

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/latch.h"

#include "clock.h"
#include "compat.h"
#include "http.h"
#include "interrupts.h"
#include "responses.h"

#define MAX_HEADERS (64 * 1024)
#define MAX_TRANSFERS 512
/* Connections that are kept open while nothing is asked. */
#define MAX_IDLE_CONNECTIONS 64

/* A request under way.  Its easy handle is kept for the next one, with its connection. */
typedef struct Transfer
{
	CURL *easy;
	HttpRequest *request; /* NULL: none */
	int64 deadline;
	int redirects;
	size_t size; /* of the memory behind the body */
	size_t header_bytes;
	bool head_too_large;
	bool body_too_large;
} Transfer;

/* The one client of this process. */
typedef struct Client
{
	CURLM *multi;
	int epoll;
	int64 timer_due; /* when libcurl wants to be called; negative: never */
	bool failed;     /* a callback could not do its work */
	int running;
	struct curl_slist *json_header;
	Transfer transfers[MAX_TRANSFERS];
} Client;

static Client client = {.epoll = -1, .timer_due = -1};

/* Whether a request was done since http_wait() returned, and when that was. */
static bool finished = false;
static int64 left_at = 0;

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
	Transfer *transfer = context;
	HttpRequest *request = transfer->request;

	if (size > request->most - request->length)
	{
		transfer->body_too_large = true;
		return 0;
	}
	if (request->length + size + 1 > transfer->size)
	{
		size_t wanted = Max(transfer->size * 2, request->length + size + 1);
		char *grown = realloc(request->body, wanted);

		if (grown == NULL)
			return 0;
		request->body = grown;
		transfer->size = wanted;
	}
	memcpy(request->body + request->length, data, size);
	request->length += size;
	request->body[request->length] = '\0';
	return size;
}

/* Headers are not needed, only bounded. */
static size_t
on_header(char *data, size_t one, size_t size, void *context)
{
	Transfer *transfer = context;

	transfer->header_bytes += size;
	if (transfer->header_bytes <= MAX_HEADERS)
		return size;
	transfer->head_too_large = true;
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
	client.timer_due = timeout_ms < 0 ? -1 : clock_ms() + timeout_ms;
	return 0;
}

/* Frees the client; the next request makes a new one. */
static void
client_close(void)
{
	for (int i = 0; i < MAX_TRANSFERS; i++)
		if (client.transfers[i].easy != NULL)
			curl_easy_cleanup(client.transfers[i].easy);
	if (client.multi != NULL)
		curl_multi_cleanup(client.multi);
	curl_slist_free_all(client.json_header);
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
	client.json_header = curl_slist_append(NULL, "Content-Type: application/json");
	if (client.multi == NULL || client.json_header == NULL)
	{
		client_close();
		return false;
	}
	curl_multi_setopt(client.multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(client.multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(client.multi, CURLMOPT_MAXCONNECTS, (long) MAX_IDLE_CONNECTIONS);
	return true;
}

/* Sets what is the same for all requests. */
static void
set_common_options(Transfer *transfer)
{
	CURL *easy = transfer->easy;

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
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "edurange-sync-worker");
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
}

/* Hands the transfer's request to libcurl, the first time or after a redirect. */
static void
transfer_send(Transfer *transfer, const char *url)
{
	HttpRequest *request = transfer->request;

	free(request->body);
	request->body = NULL;
	request->length = transfer->size = transfer->header_bytes = 0;
	curl_easy_setopt(transfer->easy, CURLOPT_URL, url);
	curl_easy_setopt(transfer->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t) request->most);
	curl_easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, request->once ? 1L : 0L);
	if (request->content == NULL)
		curl_easy_setopt(transfer->easy, CURLOPT_HTTPGET, 1L);
	else
	{
		curl_easy_setopt(transfer->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, request->content);
	}
	curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER,
	                 request->content == NULL ? NULL : client.json_header);
	if (curl_multi_add_handle(client.multi, transfer->easy) != CURLM_OK)
		client.failed = true;
}

static void
transfer_begin(Transfer *transfer, HttpRequest *request, long timeout_ms)
{
	transfer->request = request;
	transfer->redirects = 0;
	transfer->head_too_large = transfer->body_too_large = false;
	transfer->deadline = request->begun_at + timeout_ms;
	client.running++;
	if (transfer->easy == NULL)
	{
		transfer->easy = curl_easy_init();
		if (transfer->easy == NULL)
		{
			client.failed = true;
			return;
		}
		set_common_options(transfer);
	}
	curl_easy_setopt(transfer->easy, CURLOPT_USERNAME, request->user);
	curl_easy_setopt(transfer->easy, CURLOPT_PASSWORD, request->password);
	transfer_send(transfer, request->url);
}

/* Takes the request off a transfer, which is free then. */
static void
transfer_release(Transfer *transfer)
{
	if (transfer->easy != NULL)
		curl_multi_remove_handle(client.multi, transfer->easy);
	transfer->request = NULL;
	client.running--;
}

/* The end of a transfer.  Without a whole response the request keeps nothing of it. */
static void
transfer_end(Transfer *transfer, CURLcode code, long status)
{
	HttpRequest *request = transfer->request;
	long bytes_sent = 0;

	if (transfer->easy != NULL)
		curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &bytes_sent);
	request->sent = bytes_sent > 0;
	request->done = true;
	finished = true;
	transfer_release(transfer);
	if (code == CURLE_OK)
	{
		request->status = status;
		return;
	}
	free(request->body);
	request->body = NULL;
	request->length = 0;
	/* (of a single line that is too long libcurl says that there is no memory for it) */
	if (transfer->head_too_large || code == CURLE_OUT_OF_MEMORY)
		strlcpy(request->problem, "head of the response larger than 64 KiB, or out of memory",
		        sizeof(request->problem));
	else if (transfer->body_too_large || code == CURLE_FILESIZE_EXCEEDED)
		snprintf(request->problem, sizeof(request->problem), "response larger than %zu KiB",
		         request->most / 1024);
	else
		strlcpy(request->problem, response_failure(code), sizeof(request->problem));
}

/* libcurl is through with a transfer: it is over, or goes on to where it was sent. */
static void
transfer_done(Transfer *transfer, CURLcode code)
{
	const HttpRequest *request = transfer->request;
	char *target = NULL;
	long status = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK)
		code = response_redirect(transfer->easy, request->url, request->content != NULL,
		                         &transfer->redirects, &target);
	if (target != NULL)
	{
		curl_multi_remove_handle(client.multi, transfer->easy);
		transfer_send(transfer, target);
	}
	else
		transfer_end(transfer, code, status);
	free(target);
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
	struct epoll_event events[64];
	int count = epoll_wait(client.epoll, events, lengthof(events), 0);
	CURLMsg *message;
	int left;

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
	if (client.timer_due >= 0 && client.timer_due <= clock_ms())
	{
		client.timer_due = -1;
		client_act(CURL_SOCKET_TIMEOUT, 0);
	}
	while ((message = curl_multi_info_read(client.multi, &left)) != NULL)
	{
		Transfer *transfer;

		if (message->msg == CURLMSG_DONE &&
		    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **) &transfer) ==
		        CURLE_OK)
			transfer_done(transfer, message->data.result);
	}
}

/* The transfer of a request, or (NULL) a free one; NULL: there is none. */
static Transfer *
find_transfer(const HttpRequest *request)
{
	for (int i = 0; i < MAX_TRANSFERS; i++)
		if (client.transfers[i].request == request)
			return &client.transfers[i];
	return NULL;
}

/* Ends what is past its deadline, and returns the next deadline. */
static int64
end_overdue(void)
{
	int64 now = clock_ms();
	int64 next = PG_INT64_MAX;

	for (int i = 0; i < MAX_TRANSFERS && client.running > 0; i++)
	{
		Transfer *transfer = &client.transfers[i];

		if (transfer->request == NULL)
			continue;
		if (transfer->deadline <= now)
			transfer_end(transfer, CURLE_OPERATION_TIMEDOUT, 0);
		else
			next = Min(next, transfer->deadline);
	}
	return next;
}

/*
 * Gives up what is under way, and the client with it: after a failed callback nobody knows which
 * sockets libcurl waits for.
 */
static void
client_abandon(void)
{
	for (int i = 0; i < MAX_TRANSFERS; i++)
		if (client.transfers[i].request != NULL)
			transfer_end(&client.transfers[i], CURLE_FAILED_INIT, 0);
	client_close();
}

/* Lets all that is under way go on.  Returns when the next of it is overdue. */
static int64
client_go_on(void)
{
	int64 deadline;
	sigset_t before;

	if (client.multi == NULL)
		return PG_INT64_MAX;
	block_signals(&before);
	client_progress();
	deadline = end_overdue();
	if (client.failed)
		client_abandon();
	restore_signals(&before);
	return deadline;
}

/* Sleeps until there is something to do, but not past due; acts on signals.  True: by the latch. */
static bool
client_sleep(int64 due)
{
	static uint32 wait_event = 0;
	int events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;
	long left = due == PG_INT64_MAX ? -1 : (long) Max(due - clock_ms(), 0);

	if (wait_event == 0)
		wait_event = compat_wait_event("EdurangeSyncWait");
	if (left >= 0)
		events |= WL_TIMEOUT;
	if (client.multi == NULL)
		events = WaitLatch(MyLatch, events, left, wait_event);
	else
		events =
		    WaitLatchOrSocket(MyLatch, events | WL_SOCKET_READABLE, client.epoll, left, wait_event);
	if ((events & WL_LATCH_SET) == 0)
		return false;
	ResetLatch(MyLatch);
	check_interrupts();
	return true;
}

/* Must be called once, before the first request. */
void
http_start(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		ereport(FATAL, (errmsg("could not initialize libcurl")));
	left_at = clock_ms();
}

/* Begins a request.  It may be done at once, without a response: for what it is, or for want of something. */
void
http_begin(HttpRequest *request, long timeout_ms)
{
	Transfer *transfer = NULL;
	sigset_t before;

	request->begun_at = clock_ms();
	block_signals(&before);
	if (request->problem[0] == '\0' && client_open())
		transfer = find_transfer(NULL);
	if (transfer != NULL)
		transfer_begin(transfer, request, timeout_ms);
	else
	{
		request->done = finished = true;
		if (request->problem[0] == '\0')
			strlcpy(request->problem, response_failure(CURLE_FAILED_INIT),
			        sizeof(request->problem));
	}
	if (client.failed)
		client_abandon();
	restore_signals(&before);
}

/* Gives a request up, if it is under way, and frees what it holds. */
void
http_cancel(HttpRequest *request)
{
	Transfer *transfer = find_transfer(request);
	sigset_t before;

	if (transfer != NULL)
	{
		block_signals(&before);
		transfer_release(transfer);
		restore_signals(&before);
	}
	http_free(request);
}

/* Lets a request that is under way time out with the next wait. */
void
http_give_up(HttpRequest *request)
{
	Transfer *transfer = find_transfer(request);

	if (transfer != NULL)
		transfer->deadline = 0;
}

/*
 * Lets requests go on until one is done, the latch is set or the time is over.  A signal to end the process
 * ends it in here.
 */
void
http_wait(long ms)
{
	int64 now = clock_ms();
	int64 until = ms == HTTP_WAIT_FOR_EVER ? PG_INT64_MAX : now + ms;

	for (int i = 0; i < MAX_TRANSFERS && client.running > 0; i++)
		client.transfers[i].deadline += now - left_at;
	for (;;)
	{
		int64 due = Min(client_go_on(), until);

		if (client.timer_due >= 0 && client.multi != NULL)
			due = Min(due, client.timer_due);
		if (finished || (clock_ms() >= until && until != PG_INT64_MAX) || client_sleep(due))
			break;
	}
	finished = false;
	left_at = clock_ms();
}

/* Frees what a request holds; the struct stays the caller's, as if it had never been begun. */
void
http_free(HttpRequest *request)
{
	free(request->body);
	free(request->url);
	free(request->content);
	free(request->user);
	free(request->password);
	*request = (HttpRequest){0};
}
