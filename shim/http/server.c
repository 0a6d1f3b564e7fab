/*
 * server.c
 *	  The HTTP server: one event loop for each core, and the thread that accepts connections.
 *
 * A loop is one thread that serves its share of the HTTP connections and has database connections
 * of its own, so that a request never changes threads.  libmicrohttpd runs without a thread; its
 * descriptor is one of those that the loop waits for.  What has come in within one turn of the loop
 * is sent to the database together.
 *
 * Connections are accepted by a thread that does nothing else, and handed to the loop that has the
 * fewest, so that a few clients that stay are spread evenly.  Beyond its share of the limit a loop makes room by
 * ending the oldest connection on which no request has come yet, if it is a second old.  Where there is none, a new
 * one is spare: routes that need no tier and metrics are answered on it and nothing else, so nobody can take their
 * place; there are so many of them that a flood of new ones leaves each the time to send its request.
 */
#include "http/server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/counters.h"
#include "base/log.h"
#include "http/clients.h"
#include "http/metrics.h"
#include "http/request.h"

/* Bytes beside the head of a request: for where its fields are, and for the head of the response. */
#define HEAD_ROOM 2048
#define SPARE_CONNECTIONS 128 /* of a loop, beyond its share of the limit */
#define SILENT_MS 1000        /* so long a connection may send nothing when others want its place */
#define PAUSE_MS 20           /* when the process has no descriptor left */
/* Without this a newer libmicrohttpd takes a connection in later, when it is not known any more which one it is. */
#if MHD_VERSION >= 0x00097707
#define ONE_THREAD MHD_USE_NO_THREAD_SAFETY
#else
#define ONE_THREAD 0
#endif

/* An event loop, all of it. */
typedef struct Engine
{
	Worker worker; /* first: what requests see */
	Watch watch;
	Task stop;
	struct MHD_Daemon *daemon;
	pthread_t thread;
	bool stopping;
	bool ready; /* libmicrohttpd has something to do */
	atomic_int connections;
	Clients clients;
	bool spare, metrics; /* is the connection that is being taken in */
} Engine;

/* A connection on its way from the thread that accepted it to its loop. */
typedef struct Arrival
{
	Task task;
	Engine *engine;
	int fd;
	bool metrics;
} Arrival;

static struct
{
	Engine *engines;
	int count;
	struct pollfd listening[2]; /* the second one is that of the metrics */
	pthread_t acceptor;
} server;

/* Callback: libmicrohttpd's descriptor has something. */
static void
note_ready(Watch *watch)
{
	Engine *engine = (Engine *) ((char *) watch - offsetof(Engine, watch));

	engine->ready = true;
}

/* Counts a connection, also one that is still on its way to its loop. */
static void
count(Engine *engine, int change)
{
	atomic_fetch_add(&engine->connections, change);
	counter_add(COUNTER_HTTP_CONNECTIONS, change);
}

/* Callback: a connection begins or ends. */
static void
note_connection(void *cls, struct MHD_Connection *connection, void **context,
                enum MHD_ConnectionNotificationCode what)
{
	Engine *engine = cls;

	if (what == MHD_CONNECTION_NOTIFY_STARTED)
	{
		count(engine, 1);
		*context = client_begin(&engine->clients, connection, engine->spare, engine->metrics);
		return;
	}
	client_end(&engine->clients, *context);
	count(engine, -1);
}

/* Has libmicrohttpd do what there is to do; then leaves alone the connections whose requests wait. */
static void
run_daemon(Engine *engine)
{
	engine->ready = false;
	MHD_run(engine->daemon);
	http_park(&engine->worker);
}

/* Makes room for a connection; false when there is none. */
static bool
make_room(Engine *engine, bool metrics)
{
	Clients *clients = &engine->clients;
	int limit = engine->worker.config->connection_limit / server.count;

	engine->metrics = metrics;
	engine->spare = metrics || (clients->count - clients->spare >= limit &&
	                            !clients_evict(clients, false, SILENT_MS, http_too_slow));
	if (!engine->spare || clients->spare < SPARE_CONNECTIONS)
		return true;
	/* what has come in is taken in first: who has sent a request by now keeps the place */
	run_daemon(engine);
	return clients_evict(clients, true, 0, http_too_slow);
}

/* Task: takes in a connection. */
static void
admit(Task *task)
{
	Arrival *arrival = (Arrival *) task;
	Engine *engine = arrival->engine;
	/* nobody asks who it is */
	static const struct sockaddr somebody = {.sa_family = AF_INET};

	if (make_room(engine, arrival->metrics))
		(void) MHD_add_connection(engine->daemon, arrival->fd, &somebody, sizeof(somebody));
	else
		close(arrival->fd);
	count(engine, -1); /* of those on their way: one that has come is counted by itself */
	engine->ready = true;
	free(arrival);
}

/* Hands an accepted connection to the loop that has the fewest. */
static void
distribute(int fd, bool metrics)
{
	Engine *least = &server.engines[0];
	Arrival *arrival = malloc(sizeof(Arrival));

	if (arrival == NULL)
	{
		close(fd);
		return;
	}
	for (int i = 1; i < server.count; i++)
		if (atomic_load(&server.engines[i].connections) < atomic_load(&least->connections))
			least = &server.engines[i];
	*arrival = (Arrival){.task.run = admit, .engine = least, .fd = fd, .metrics = metrics};
	count(least, 1);
	loop_post(least->worker.loop, &arrival->task);
}

/* The life of the thread that accepts connections, until the sockets are shut down. */
static void *
accept_connections(void *arg)
{
	for (;;)
	{
		poll(server.listening, 2, -1);
		for (int i = 0; i < 2; i++)
		{
			int fd = server.listening[i].revents != 0
			             ? accept4(server.listening[i].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)
			             : -1;

			if (fd >= 0)
				distribute(fd, i == 1);
			else if (server.listening[i].revents != 0 && errno == EINVAL)
				return NULL;
			else if (server.listening[i].revents != 0 && errno != EAGAIN)
				poll(NULL, 0, PAUSE_MS);
		}
	}
}

/* Task: the last one of a loop. */
static void
stop_engine(Task *task)
{
	Engine *engine = (Engine *) ((char *) task - offsetof(Engine, stop));

	engine->stopping = true;
}

/* Task: those who listen may have something to be told. */
static void
tell(Task *task)
{
	Worker *worker = (Worker *) ((char *) task - offsetof(Worker, reader.task));

	reader_told(&worker->reader);
	listen_tend(worker);
}

/* How long the loop may wait: until a deadline of the database's or of libmicrohttpd's. */
static int
next_timeout(Engine *engine)
{
	int timeout = database_tend(engine->worker.database);
	MHD_UNSIGNED_LONG_LONG limit;

	if (MHD_get_timeout(engine->daemon, &limit) == MHD_YES)
	{
		if (timeout < 0 || limit < (MHD_UNSIGNED_LONG_LONG) timeout)
			timeout = (int) limit;
		engine->ready = limit == 0;
	}
	if (engine == server.engines)
		timeout = reader_tend(timeout);
	timeout = listen_timeout(&engine->worker, timeout);
	return clients_timeout(&engine->clients, timeout);
}

/* The life of a loop's thread. */
static void *
run_engine(void *arg)
{
	Engine *engine = arg;
	Worker *worker = &engine->worker;
	int64_t run_at = 0;

	while (!engine->stopping)
	{
		int timeout = worker->resumed ? 0 : next_timeout(engine);

		loop_turn(worker->loop, timeout);
		if (clients_sweep(&engine->clients, worker->config, http_too_slow))
			listen_sweep(worker);
		else if (listen_timeout(worker, -1) == 0)
			listen_tend(worker);
		/* at least every second: that is how connections time out */
		if (!engine->ready && !worker->resumed && now_ms() - run_at < 1000)
		{
			database_send(worker->database);
			continue;
		}
		do
		{
			worker->resumed = false;
			run_daemon(engine);
			database_send(worker->database);
		} while (worker->resumed);
		run_at = now_ms();
		log_flush();
	}
	return NULL;
}

/*
 * The memory that libmicrohttpd keeps for each connection, idle ones included; it clears all of it
 * after each request, so more costs time as well.
 */
static size_t
memory_per_connection(const Config *config)
{
	int room = config->max_header / 3;

	return (size_t) config->max_header + (size_t) (room > HEAD_ROOM ? room : HEAD_ROOM);
}

/*
 * Callback: leaves a target and its parameters as they came.  Nothing reads what libmicrohttpd decodes, and from
 * 1.0 on it refuses by itself, without our error and id, what it cannot decode.
 */
static size_t
leave_encoded(void *cls, struct MHD_Connection *connection, char *text)
{
	return strlen(text);
}

static bool
start_engine(Engine *engine, const Config *config)
{
	const union MHD_DaemonInfo *info;
	Worker *worker = &engine->worker;

	TAILQ_INIT(&worker->listeners);
	worker->config = config;
	worker->loop = loop_new();
	worker->database = worker->loop != NULL ? database_open(config, worker->loop) : NULL;
	worker->tokens = worker->database != NULL ? tokens_new(worker->database) : NULL;
	if (worker->tokens == NULL)
		return false;
	if (engine == server.engines)
		database_try_logins(worker->database);
	worker->reader.loop = worker->loop;
	worker->reader.task.run = tell;
	reader_join(&worker->reader, worker->database);
	engine->watch.ready = note_ready;
	engine->stop.run = stop_engine;
	engine->daemon = MHD_start_daemon(
	    MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | ONE_THREAD, 0, NULL,
	    NULL, http_access, worker, MHD_OPTION_CONNECTION_LIMIT,
	    2 * (unsigned) (config->connection_limit + SPARE_CONNECTIONS),
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) config->connection_timeout,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory_per_connection(config),
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
	    MHD_OPTION_URI_LOG_CALLBACK, request_begin, worker, MHD_OPTION_UNESCAPE_CALLBACK,
	    leave_encoded, NULL, MHD_OPTION_NOTIFY_COMPLETED, http_completed, worker,
	    MHD_OPTION_NOTIFY_CONNECTION, note_connection, engine, MHD_OPTION_END);
	if (engine->daemon == NULL)
		return false;
	info = MHD_get_daemon_info(engine->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL || !loop_watch(worker->loop, info->epoll_fd, &engine->watch, EPOLLIN))
		return false;
	return pthread_create(&engine->thread, NULL, run_engine, engine) == 0;
}

/* Starts serving on listening sockets; the configuration must outlive it. */
bool
server_start(const Config *config, int fd, int metrics_fd)
{
	bool fine = metrics_init() && offload_start();

	server.count = config->threads;
	server.engines = calloc((size_t) server.count, sizeof(Engine));
	server.listening[0] = (struct pollfd){.fd = fd, .events = POLLIN};
	server.listening[1] = (struct pollfd){.fd = metrics_fd, .events = POLLIN};
	for (int i = 0; i < server.count; i++)
		fine = fine && server.engines != NULL && start_engine(&server.engines[i], config);
	fine = fine && pthread_create(&server.acceptor, NULL, accept_connections, NULL) == 0;
	if (!fine)
		log_event("error", "not_started", "the HTTP server did not start");
	return fine;
}

/* Takes no new connections; those that are open are closed after their next response. */
void
server_stop_accepting(void)
{
	response_close_connections();
	reader_tell();
	shutdown(server.listening[0].fd, SHUT_RD);
	pthread_join(server.acceptor, NULL);
	close(server.listening[0].fd);
	if (server.listening[1].fd >= 0)
		close(server.listening[1].fd);
}

/* Begins no request any more: a connection on which one comes is closed. */
void
server_end_requests(void)
{
	request_end_all();
}

/* Closes all connections, and frees nothing that the end of the process does.  No request may be waiting. */
void
server_stop(void)
{
	for (int i = 0; i < server.count; i++)
	{
		Engine *engine = &server.engines[i];

		loop_post(engine->worker.loop, &engine->stop);
		pthread_join(engine->thread, NULL);
		MHD_stop_daemon(engine->daemon);
		database_close(engine->worker.database);
	}
}
