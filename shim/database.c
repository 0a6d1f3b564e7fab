/*
 * database.c
 *	  The pool: for each tier a queue and a few threads, each with a connection of its own.
 *
 * Everything shared is under one mutex; a connection belongs to its thread alone and is used
 * without it.  A request is answered exactly once: by the thread that ran it, or by the sweeper,
 * which gives up on what waited or ran too long, so that no request outlives its deadline even
 * when a connection hangs.  The tier's role is set when a connection is opened, never later.
 *
 * A statement that may have run is not sent again.  What was certainly not sent (a connection found
 * dead, a statement not prepared) or was certainly rolled back (40001, 40P01) is.
 */
#include "database.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libpq-fe.h>

#include "log.h"
#include "result.h"

#define QUEUE_LENGTH 4096
#define SWEEP_MS 100
#define CONNECT_SECONDS 5
#define MONITOR_CONNECT_SECONDS 2
#define MONITOR_QUEUE_MS 1000
#define MONITOR_RUN_MS 1400
#define MONITOR_THREADS 2
#define RUN_GRACE_MS 2000 /* after the server's own statement_timeout */
#define BACKOFF_FIRST_MS 50
#define BACKOFF_LAST_MS 2000
#define COLLISION_RETRIES 4

typedef struct Item
{
	struct Item *next;
	StatementId statement;
	int nvalues;
	char *values[MAX_VALUES];
	DatabaseDone done;
	void *closure;
	int64_t expires; /* when the sweeper gives up on it */
	bool running;
	bool abandoned; /* answered by the sweeper; the thread only frees it */
} Item;

typedef struct Worker
{
	pthread_t thread;
	struct Lane *lane;
	Item *item;
	PGconn *connection;
	bool prepared[STATEMENT_COUNT];
	unsigned seed;
} Worker;

typedef struct Lane
{
	const char *role;
	int size;
	int connect_seconds;
	int queue_ms;
	int run_ms;
	bool backs_off;
	Item *first;
	Item *last;
	int waiting;
	int backoff_ms;
	int64_t retry_at;
	pthread_cond_t wake;
	Worker *workers;
} Lane;

/* Open routes share a small lane of their own, so that probes are not stuck behind requests. */
static Lane lanes[TIER_COUNT] = {
    [TIER_NONE] = {.role = "edurange_player"},
    [TIER_PLAYER] = {.role = "edurange_player"},
    [TIER_SERVICE] = {.role = "edurange_service"},
    [TIER_ADMIN] = {.role = "edurange_admin"},
};

static struct
{
	pthread_mutex_t lock;
	pthread_cond_t stop;
	pthread_t sweeper;
	bool stopping;
	const Config *config;
	DatabaseStatus status;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .stop = PTHREAD_COND_INITIALIZER};

typedef enum Outcome
{
	OUTCOME_FINAL,
	OUTCOME_NOT_SENT /* the connection was of no use, the statement did not run */
} Outcome;

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
sleep_ms(long ms)
{
	struct timespec pause = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&pause, NULL);
}

static void
item_free(Item *item)
{
	for (int i = 0; i < item->nvalues; i++)
		free(item->values[i]);
	free(item);
}

/* Hands the outcome over and frees it. */
static void
item_answer(Item *item, DatabaseResult *result)
{
	item->done(item->closure, result);
	result_clear(result);
}

static void
ignore_notice(void *arg, const PGresult *notice)
{
	(void) arg;
	(void) notice;
}

static void
disconnect(Worker *worker)
{
	PQfinish(worker->connection);
	worker->connection = NULL;
	memset(worker->prepared, 0, sizeof(worker->prepared));
}

/* Notes how an attempt to connect went; the first failure and the recovery are logged. */
static void
note_connect(Lane *lane, const char *error)
{
	bool changed;
	int64_t now = now_ms();

	pthread_mutex_lock(&pool.lock);
	changed = pool.status.failing != (error != NULL);
	pool.status.failing = error != NULL;
	if (error != NULL)
	{
		pool.status.reconnect_attempts++;
		if (lane->backs_off && now >= lane->retry_at)
		{
			lane->backoff_ms = lane->backoff_ms == 0 ? BACKOFF_FIRST_MS : lane->backoff_ms * 2;
			if (lane->backoff_ms > BACKOFF_LAST_MS)
				lane->backoff_ms = BACKOFF_LAST_MS;
			lane->retry_at = now + lane->backoff_ms / 2 + random() % (lane->backoff_ms / 2 + 1);
		}
	}
	else
	{
		pool.status.reconnect_attempts = 0;
		iso_time_now(pool.status.last_connected);
		for (int i = 0; i < TIER_COUNT; i++)
			lanes[i].backoff_ms = lanes[i].retry_at = 0;
	}
	pthread_mutex_unlock(&pool.lock);
	if (changed && error != NULL)
		log_event("error", "database_lost", error);
	else if (changed)
		log_event("info", "database_connected", "connected to the database");
}

/* Notes that the database answered. */
static void
note_alive(void)
{
	pthread_mutex_lock(&pool.lock);
	iso_time_now(pool.status.last_connected);
	pthread_mutex_unlock(&pool.lock);
}

/* Opens the worker's connection, unless the last failure was a moment ago. */
static bool
connect_now(Worker *worker)
{
	Lane *lane = worker->lane;
	const ConnectionOptions *given = &pool.config->connection;
	const char *keywords[MAX_CONNECTION_OPTIONS + 12];
	const char *values[MAX_CONNECTION_OPTIONS + 12];
	const char *own = getenv("PGOPTIONS");
	char *options = NULL;
	char seconds[16];
	bool wait;
	int n = 0;

	pthread_mutex_lock(&pool.lock);
	wait = now_ms() < lane->retry_at;
	pthread_mutex_unlock(&pool.lock);
	if (wait)
		return false;

	snprintf(seconds, sizeof(seconds), "%d", lane->connect_seconds);
	for (int i = 0; i < given->count; i++)
	{
		if (strcmp(given->keywords[i], "options") == 0)
			own = given->values[i];
		keywords[n] = given->keywords[i];
		values[n++] = given->values[i];
	}
	if (asprintf(&options, "%s -c role=%s -c statement_timeout=%d", own != NULL ? own : "",
	             lane->role, pool.config->statement_timeout) < 0)
		return false;
#define OPTION(keyword, value) (keywords[n] = (keyword), values[n++] = (value))
	OPTION("options", options);
	OPTION("application_name", "edurange_shim");
	OPTION("client_encoding", "UTF8");
	OPTION("connect_timeout", seconds);
	OPTION("keepalives", "1");
	OPTION("keepalives_idle", "30");
	OPTION("keepalives_interval", "10");
	OPTION("keepalives_count", "3");
	OPTION(NULL, NULL);
#undef OPTION
	worker->connection = PQconnectdbParams(keywords, values, 0);
	free(options);
	if (PQstatus(worker->connection) != CONNECTION_OK)
	{
		char *reason = PQerrorMessage(worker->connection);

		reason[strcspn(reason, "\n")] = '\0';
		note_connect(lane, reason);
		disconnect(worker);
		return false;
	}
	PQsetNoticeReceiver(worker->connection, ignore_notice, NULL);
	PQsetnonblocking(worker->connection, 1);
	note_connect(lane, NULL);
	return true;
}

/*
 * Drops a connection that the server has closed since it was last used.  What can be read on an
 * idle connection is a farewell and then the end, or a notice; only reading on tells them apart.
 */
static void
drop_if_dead(Worker *worker)
{
	PGconn *connection = worker->connection;
	struct pollfd socket = {.events = POLLIN};

	if (connection == NULL)
		return;
	socket.fd = PQsocket(connection);
	for (int i = 0; i < 8 && socket.fd >= 0 && poll(&socket, 1, 0) > 0; i++)
	{
		if (!PQconsumeInput(connection))
			break;
	}
	if (PQstatus(connection) != CONNECTION_OK || PQtransactionStatus(connection) != PQTRANS_IDLE)
		disconnect(worker);
}

/*
 * Waits for the answer to what was sent: the last result, or NULL when the connection broke
 * (SQLSTATE 08006 in *result) or took too long (57014).
 */
static PGresult *
wait_answer(Worker *worker, DatabaseResult *result)
{
	PGconn *connection = worker->connection;
	int64_t deadline = now_ms() + worker->lane->run_ms;
	PGresult *last = NULL;
	PGresult *next;

	for (;;)
	{
		int unsent = PQflush(connection);
		struct pollfd socket = {.fd = PQsocket(connection), .events = POLLIN};
		int64_t left = deadline - now_ms();

		if (unsent < 0)
			break;
		if (unsent == 0 && !PQisBusy(connection))
		{
			next = PQgetResult(connection);
			if (next == NULL)
				return last;
			PQclear(last);
			last = next;
			continue;
		}
		if (unsent > 0)
			socket.events |= POLLOUT;
		if (left <= 0 || (poll(&socket, 1, (int) left) < 0 && errno != EINTR))
		{
			PQclear(last);
			result_fail(result, "57014");
			return NULL;
		}
		if ((socket.revents & ~POLLOUT) != 0 && !PQconsumeInput(connection))
			break;
	}
	PQclear(last);
	result_fail(result, "08006");
	return NULL;
}

/* Prepares a statement on the worker's connection, the first time it is needed there. */
static Outcome
prepare(Worker *worker, StatementId id, DatabaseResult *result)
{
	const Statement *statement = &statements[id];
	PGresult *answer = NULL;

	if (PQsendPrepare(worker->connection, statement->name, statement->sql, 0, NULL))
		answer = wait_answer(worker, result);
	else
		result_fail(result, "08006");
	if (answer == NULL)
		return strcmp(result->sqlstate, "08006") == 0 ? OUTCOME_NOT_SENT : OUTCOME_FINAL;
	result_take(answer, result);
	worker->prepared[id] = result->ok;
	return PQstatus(worker->connection) == CONNECTION_OK &&
	               strncmp(result->sqlstate, "57P0", 4) != 0
	           ? OUTCOME_FINAL
	           : OUTCOME_NOT_SENT;
}

/* One try at a statement on the worker's connection, opened where there is none. */
static Outcome
run_once(Worker *worker, const Item *item, DatabaseResult *result)
{
	PGresult *answer = NULL;

	drop_if_dead(worker);
	if (worker->connection == NULL && !connect_now(worker))
	{
		result_fail(result, "08001");
		return OUTCOME_FINAL;
	}
	if (!worker->prepared[item->statement])
	{
		Outcome outcome = prepare(worker, item->statement, result);

		if (outcome == OUTCOME_NOT_SENT || !worker->prepared[item->statement])
			return outcome;
	}
	if (PQsendQueryPrepared(worker->connection, statements[item->statement].name, item->nvalues,
	                        (const char *const *) item->values, NULL, NULL, 0))
		answer = wait_answer(worker, result);
	else
		result_fail(result, "08006");
	if (answer == NULL)
		return OUTCOME_FINAL;
	result_take(answer, result);
	/* somebody deallocated it: it did not run */
	return strcmp(result->sqlstate, "26000") == 0 ? OUTCOME_NOT_SENT : OUTCOME_FINAL;
}

/* Runs a statement, again where that is certainly harmless, and leaves the connection clean. */
static void
run(Worker *worker, const Item *item, DatabaseResult *result)
{
	bool reopened = false;

	for (int collisions = 0;;)
	{
		Outcome outcome = run_once(worker, item, result);

		if (worker->connection != NULL &&
		    (outcome == OUTCOME_NOT_SENT || PQstatus(worker->connection) != CONNECTION_OK ||
		     PQtransactionStatus(worker->connection) != PQTRANS_IDLE))
			disconnect(worker);
		if (outcome == OUTCOME_NOT_SENT && !reopened)
		{
			reopened = true;
			continue;
		}
		if ((strcmp(result->sqlstate, "40001") == 0 || strcmp(result->sqlstate, "40P01") == 0) &&
		    collisions++ < COLLISION_RETRIES)
		{
			sleep_ms(1 + rand_r(&worker->seed) % (10 * collisions));
			continue;
		}
		break;
	}
	if (result->ok)
		note_alive();
}

/* Takes the first item off a lane's queue. */
static Item *
take_item(Lane *lane)
{
	Item *item = lane->first;

	if (item != NULL)
	{
		lane->first = item->next;
		if (lane->first == NULL)
			lane->last = NULL;
		lane->waiting--;
	}
	return item;
}

/* The life of one thread of a lane. */
static void *
work(void *arg)
{
	Worker *worker = arg;
	Lane *lane = worker->lane;

	pthread_mutex_lock(&pool.lock);
	for (;;)
	{
		DatabaseResult result = {0};
		Item *item = take_item(lane);

		if (item == NULL)
		{
			if (pool.stopping)
				break;
			pthread_cond_wait(&lane->wake, &pool.lock);
			continue;
		}
		item->running = true;
		item->expires = now_ms() + lane->run_ms + SWEEP_MS +
		                (lane->backs_off ? 2 * lane->connect_seconds * 1000 : 0);
		worker->item = item;
		pthread_mutex_unlock(&pool.lock);

		run(worker, item, &result);

		pthread_mutex_lock(&pool.lock);
		worker->item = NULL;
		if (!item->abandoned)
		{
			pthread_mutex_unlock(&pool.lock);
			item_answer(item, &result);
			pthread_mutex_lock(&pool.lock);
		}
		result_clear(&result);
		item_free(item);
	}
	pthread_mutex_unlock(&pool.lock);
	disconnect(worker);
	return NULL;
}

/* Finds one item that is past its time; the caller answers it.  A running one stays its thread's. */
static Item *
find_expired(int64_t now)
{
	for (Lane *lane = lanes; lane < lanes + TIER_COUNT; lane++)
	{
		/* the queue is in order of arrival and all wait equally long */
		if (lane->first != NULL && lane->first->expires <= now)
			return take_item(lane);
		for (int i = 0; i < lane->size; i++)
		{
			Item *item = lane->workers[i].item;

			if (item != NULL && !item->abandoned && item->expires <= now)
			{
				item->abandoned = true;
				return item;
			}
		}
	}
	return NULL;
}

/* Answers what waited or ran too long, every now and then. */
static void *
sweep(void *arg)
{
	(void) arg;
	pthread_mutex_lock(&pool.lock);
	while (!pool.stopping)
	{
		struct timespec until;
		Item *item = find_expired(now_ms());

		if (item != NULL)
		{
			DatabaseResult result = {0};
			/* once unlocked, a running item may be freed by its thread at any time */
			Item answered = *item;
			bool owned = !item->running;

			pthread_mutex_unlock(&pool.lock);
			result_fail(&result, answered.running ? "57014" : "53300");
			item_answer(&answered, &result);
			if (owned)
				item_free(item);
			pthread_mutex_lock(&pool.lock);
			continue;
		}
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += SWEEP_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		pthread_cond_timedwait(&pool.stop, &pool.lock, &until);
	}
	pthread_mutex_unlock(&pool.lock);
	return NULL;
}

/* Starts a lane's threads; connections are opened when the first request needs them. */
static bool
start_lane(Lane *lane)
{
	pthread_cond_init(&lane->wake, NULL);
	lane->workers = calloc((size_t) lane->size, sizeof(Worker));
	if (lane->workers == NULL)
		return false;
	for (int i = 0; i < lane->size; i++)
	{
		Worker *worker = &lane->workers[i];

		worker->lane = lane;
		worker->seed = (unsigned) (now_ms() + i);
		if (pthread_create(&worker->thread, NULL, work, worker) != 0)
			return false;
	}
	return true;
}

/* Starts the pool; the configuration must outlive it.  Nothing is connected yet. */
bool
database_open(const Config *config)
{
	pool.config = config;
	srandom((unsigned) now_ms());
	for (int i = 0; i < TIER_COUNT; i++)
	{
		Lane *lane = &lanes[i];
		bool monitor = i == TIER_NONE;

		lane->size = monitor ? MONITOR_THREADS : config->pool_size;
		lane->connect_seconds = monitor ? MONITOR_CONNECT_SECONDS : CONNECT_SECONDS;
		lane->queue_ms = monitor ? MONITOR_QUEUE_MS : config->pool_timeout * 1000;
		lane->run_ms = monitor ? MONITOR_RUN_MS : config->statement_timeout + RUN_GRACE_MS;
		lane->backs_off = !monitor;
		if (!start_lane(lane))
			return false;
	}
	return pthread_create(&pool.sweeper, NULL, sweep, NULL) == 0;
}

/* Queues one statement for a connection of the tier; the values are copied. */
void
database_submit(Tier tier, StatementId statement, int nvalues, const char *const *values,
                DatabaseDone done, void *closure)
{
	Lane *lane = &lanes[tier];
	DatabaseResult result = {0};
	Item *item = calloc(1, sizeof(Item));
	bool queued = false;

	if (item != NULL)
	{
		*item =
		    (Item){.statement = statement, .nvalues = nvalues, .done = done, .closure = closure};
		for (int i = 0; i < nvalues; i++)
			item->values[i] = values[i] != NULL ? strdup(values[i]) : NULL;
		pthread_mutex_lock(&pool.lock);
		if (!pool.stopping && lane->waiting < QUEUE_LENGTH)
		{
			item->expires = now_ms() + lane->queue_ms;
			if (lane->last != NULL)
				lane->last->next = item;
			else
				lane->first = item;
			lane->last = item;
			lane->waiting++;
			queued = true;
			pthread_cond_signal(&lane->wake);
		}
		pthread_mutex_unlock(&pool.lock);
		if (!queued)
			item_free(item);
	}
	if (!queued)
	{
		result_fail(&result, "53300");
		done(closure, &result);
		result_clear(&result);
	}
}

/* How the connection to the database has been doing. */
void
database_status(DatabaseStatus *status)
{
	pthread_mutex_lock(&pool.lock);
	*status = pool.status;
	pthread_mutex_unlock(&pool.lock);
}

/* Finishes what is queued, closes all connections and stops the threads. */
void
database_close(void)
{
	pthread_mutex_lock(&pool.lock);
	pool.stopping = true;
	pthread_cond_signal(&pool.stop);
	for (int i = 0; i < TIER_COUNT; i++)
		pthread_cond_broadcast(&lanes[i].wake);
	pthread_mutex_unlock(&pool.lock);
	pthread_join(pool.sweeper, NULL);
	for (int i = 0; i < TIER_COUNT; i++)
	{
		for (int j = 0; j < lanes[i].size; j++)
			pthread_join(lanes[i].workers[j].thread, NULL);
		free(lanes[i].workers);
		lanes[i].workers = NULL;
		pthread_cond_destroy(&lanes[i].wake);
	}
}
