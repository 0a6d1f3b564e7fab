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
 * fewest: so a few clients that stay are spread evenly, and one too many is answered at once.
 */
#include "http/server.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/counters.h"
#include "base/log.h"
#include "http/acceptor.h"
#include "http/clients.h"
#include "http/metrics.h"
#include "http/request.h"

/* Bytes beside the head of a request: for where its fields are, and for the head of the response. */
#define HEAD_ROOM 2048

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
} Engine;

/* A connection on its way from the acceptor to its loop. */
typedef struct Arrival
{
	Task task;
	Engine *engine;
	int fd;
	struct sockaddr_storage address;
	socklen_t address_length;
} Arrival;

static struct
{
	Engine *engines;
	int count;
} server;

/* Callback: libmicrohttpd's descriptor has something. */
static void
note_ready(Watch *watch, uint32_t events)
{
	Engine *engine = (Engine *) ((char *) watch - offsetof(Engine, watch));

	(void) events;
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
		*context = client_begin(&engine->clients, connection);
		return;
	}
	client_end(*context);
	count(engine, -1);
}

/* Task: takes in a connection. */
static void
admit(Task *task)
{
	Arrival *arrival = (Arrival *) task;
	Engine *engine = arrival->engine;

	if (MHD_add_connection(engine->daemon, arrival->fd, (struct sockaddr *) &arrival->address,
	                       arrival->address_length) != MHD_YES)
		count(engine, -1);
	engine->ready = true;
	free(arrival);
}

/* Hands an accepted connection to the loop that has the fewest; false when there are too many. */
static bool
distribute(int fd, const struct sockaddr_storage *address, socklen_t length)
{
	Engine *least = &server.engines[0];
	int total = 0;
	Arrival *arrival;

	for (int i = 0; i < server.count; i++)
	{
		int connections = atomic_load(&server.engines[i].connections);

		total += connections;
		if (connections < atomic_load(&least->connections))
			least = &server.engines[i];
	}
	arrival = total < least->worker.config->connection_limit ? malloc(sizeof(Arrival)) : NULL;
	if (arrival == NULL)
		return false;
	*arrival = (Arrival){.task.run = admit, .engine = least, .fd = fd, .address_length = length};
	memcpy(&arrival->address, address, length);
	count(least, 1);
	loop_post(least->worker.loop, &arrival->task);
	return true;
}

/* Task: the last one of a loop. */
static void
stop_engine(Task *task)
{
	Engine *engine = (Engine *) ((char *) task - offsetof(Engine, stop));

	engine->stopping = true;
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
		clients_sweep(&engine->clients, worker->config, http_too_slow);
		/* at least every second: that is how connections time out */
		if (!engine->ready && !worker->resumed && now_ms() - run_at < 1000)
		{
			database_send(worker->database);
			continue;
		}
		do
		{
			engine->ready = false;
			worker->resumed = false;
			MHD_run(engine->daemon);
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

static bool
start_engine(Engine *engine, const Config *config)
{
	const union MHD_DaemonInfo *info;
	Worker *worker = &engine->worker;

	worker->config = config;
	worker->loop = loop_new();
	worker->database = worker->loop != NULL ? database_open(config, worker->loop) : NULL;
	worker->tokens = worker->database != NULL ? tokens_new(worker->database) : NULL;
	if (worker->tokens == NULL)
		return false;
	engine->watch.ready = note_ready;
	engine->stop.run = stop_engine;
	engine->daemon =
	    MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0,
	                     NULL, NULL, http_access, worker, MHD_OPTION_CONNECTION_LIMIT,
	                     (unsigned) config->connection_limit + 1, MHD_OPTION_CONNECTION_TIMEOUT,
	                     (unsigned) config->connection_timeout, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	                     memory_per_connection(config), MHD_OPTION_STRICT_FOR_CLIENT, 1,
	                     MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_URI_LOG_CALLBACK,
	                     http_target, worker, MHD_OPTION_NOTIFY_COMPLETED, http_completed, worker,
	                     MHD_OPTION_NOTIFY_CONNECTION, note_connection, engine, MHD_OPTION_END);
	if (engine->daemon == NULL)
		return false;
	info = MHD_get_daemon_info(engine->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL || !loop_watch(worker->loop, info->epoll_fd, &engine->watch, EPOLLIN))
		return false;
	return pthread_create(&engine->thread, NULL, run_engine, engine) == 0;
}

/* Starts serving on a listening socket; the configuration must outlive it. */
bool
server_start(const Config *config, int fd)
{
	server.count = config->threads;
	server.engines = calloc((size_t) server.count, sizeof(Engine));
	for (int i = 0; server.engines != NULL && i < server.count; i++)
	{
		if (!start_engine(&server.engines[i], config))
		{
			log_event("error", "not_started", "the event loops did not start");
			return false;
		}
	}
	if (server.engines == NULL || !acceptor_start(fd, distribute))
	{
		log_event("error", "not_listening", "the HTTP server did not start");
		return false;
	}
	return true;
}

/* A question for the database by a thread that waits for the answer. */
typedef struct Question
{
	Task task;
	DatabaseCall call;
	sem_t answered;
	char *text;
} Question;

/* Callback: the database has said how the worker does. */
static void
on_sync_metrics(void *closure, DatabaseResult *result)
{
	Question *question = closure;

	question->text = metrics_text(result);
	sem_post(&question->answered);
}

/* Task: asks the database. */
static void
ask_sync_metrics(Task *task)
{
	Question *question = (Question *) task;

	database_submit(server.engines[0].worker.database, &question->call);
}

char *
server_ask_metrics(void)
{
	char *nobody[CALLER_VALUES] = {NULL};
	Question question = {
	    .task.run = ask_sync_metrics,
	    .call = {.tier = TIER_SERVICE,
	             .lane = LANE_READ,
	             .statement = STATEMENT_SYNC_METRICS,
	             .nvalues = CALLER_VALUES,
	             .values = nobody,
	             .read_only = true,
	             .done = on_sync_metrics,
	             .closure = &question},
	};

	sem_init(&question.answered, 0, 0);
	loop_post(server.engines[0].worker.loop, &question.task);
	while (sem_wait(&question.answered) != 0)
		;
	return question.text;
}

/* Takes no new connections; those that are open are closed after their next response. */
void
server_stop_accepting(void)
{
	response_close_connections();
	acceptor_stop();
}

/* Closes all connections.  No request may be waiting for the database. */
void
server_stop(void)
{
	bool closed = true;

	for (int i = 0; i < server.count; i++)
	{
		Engine *engine = &server.engines[i];

		loop_post(engine->worker.loop, &engine->stop);
		pthread_join(engine->thread, NULL);
		MHD_stop_daemon(engine->daemon);
		/* a thread that opens a connection still uses the loop */
		if (database_close(engine->worker.database))
			loop_free(engine->worker.loop);
		else
			closed = false;
		tokens_free(engine->worker.tokens); /* after what asks for them */
	}
	if (closed)
		free(server.engines);
}
