/*
 * reader.c
 *	  Asks the database how the boards and feeds are that somebody listens to or waits for: one for the whole process.
 *
 * Boards are asked for four times a second, feeds once a second, and neither for more than a twentieth of the time:
 * what takes long to answer is asked for less often.  Of boards, what is dearer to look at, names and the past of the
 * best, is asked for every five seconds.
 */
#include "live/reader.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/counters.h"
#include "live/boards.h"
#include "live/feeds.h"

#define BOARDS_MS 250
#define FEEDS_MS 1000
#define THOROUGH_MS 5000
#define SHARE 20 /* of its time it asks for one part in so many */

/* What is asked for together. */
typedef struct Subject
{
	StatementId statement;
	int interval_ms;
	bool wanted; /* false: nobody does, and it is not asked for before somebody begins to */
	int64_t next_at;
} Subject;

static Subject boards = {.statement = STATEMENT_BOARDS, .interval_ms = BOARDS_MS};
static Subject feeds = {.statement = STATEMENT_FEEDS, .interval_ms = FEEDS_MS};

static struct
{
	pthread_mutex_t lock;
	SLIST_HEAD(ReaderClients, ReaderClient) clients;

	/* of the first loop's thread */
	Loop *loop;
	Database *database;
	Subject *asked; /* whose answer is waited for; NULL: none is */
	bool thorough;
	int64_t asked_at;
	int64_t thorough_at;
	char *question;
	DatabaseCall call;
} reader = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Task: somebody has begun to listen. */
static void
begin(Task *task)
{
	boards.wanted = feeds.wanted = true;
	free(task);
}

void
reader_begin(void)
{
	Task *task = calloc(1, sizeof(Task));

	if (task == NULL)
		return;
	task->run = begin;
	loop_post(reader.loop, task);
}

void
reader_join(ReaderClient *client, Database *database)
{
	if (reader.loop == NULL)
	{
		reader.loop = client->loop;
		reader.database = database;
	}
	SLIST_INSERT_HEAD(&reader.clients, client, others);
}

void
reader_tell(void)
{
	pthread_mutex_lock(&reader.lock);
	for (ReaderClient *client = SLIST_FIRST(&reader.clients); client != NULL;
	     client = SLIST_NEXT(client, others))
	{
		if (!client->posted)
			loop_post(client->loop, &client->task);
		client->posted = true;
	}
	pthread_mutex_unlock(&reader.lock);
}

void
reader_told(ReaderClient *client)
{
	pthread_mutex_lock(&reader.lock);
	client->posted = false;
	pthread_mutex_unlock(&reader.lock);
}

/* How long nothing is asked that took as long as from asked_at on. */
static int64_t
pause_after(int64_t now, int interval_ms)
{
	int64_t pause = (now - reader.asked_at) * SHARE;

	return pause > interval_ms ? pause : interval_ms;
}

static void
note_delay(double seconds)
{
	counter_add(COUNTER_FEED_DELAY, (long) (seconds + 0.999) - counter_value(COUNTER_FEED_DELAY));
}

/* Callback: how they are, or that nobody knows. */
static void
on_answer(void *closure, DatabaseResult *result)
{
	int64_t now = now_ms();
	json_t *answer = result->ok ? json_loads(result->text, 0, NULL) : NULL;
	Subject *asked = reader.asked;

	reader.asked = NULL;
	asked->next_at = now + pause_after(now, asked->interval_ms);
	if (asked == &feeds)
		note_delay(feeds_take(answer));
	else if (answer != NULL)
	{
		boards_take(answer);
		if (reader.thorough)
			reader.thorough_at = now + pause_after(now, THOROUGH_MS);
	}
	json_decref(answer);
	reader_tell();
}

/* Asks, where somebody wants to know. */
static void
ask(Subject *subject, int64_t now)
{
	json_t *question;

	if (subject == &boards)
		reader.thorough = now >= reader.thorough_at;
	question = subject == &boards ? boards_question(reader.thorough) : feeds_question();
	subject->wanted = question != NULL;
	if (subject == &feeds && !subject->wanted)
		note_delay(0);
	if (!subject->wanted)
		return;
	free(reader.question);
	reader.question = json_dumps(question, JSON_COMPACT);
	json_decref(question);
	reader.asked = subject;
	reader.asked_at = now;
	reader.call = (DatabaseCall){
	    .tier = TIER_SERVICE,
	    .lane = LANE_READ,
	    .statement = subject->statement,
	    .nvalues = 1,
	    .values = &reader.question,
	    .read_only = true,
	    .done = on_answer,
	};
	call_weigh(&reader.call);
	database_submit(reader.database, &reader.call);
}

int
reader_tend(int timeout_ms)
{
	int64_t now = now_ms();

	for (int i = 0; i < 2; i++)
	{
		Subject *subject = i == 0 ? &feeds : &boards;

		if (reader.asked != NULL)
			return timeout_ms;
		if (!subject->wanted)
			continue;
		if (now >= subject->next_at)
		{
			ask(subject, now);
			timeout_ms = 0; /* what was submitted is to be sent, or the other one is due */
		}
		else if (timeout_ms < 0 || subject->next_at - now < timeout_ms)
			timeout_ms = (int) (subject->next_at - now);
	}
	return timeout_ms;
}
