/*
 * reader.c
 *	  Asks the database how the boards and feeds are that somebody listens to or waits for: one for the whole process.
 *
 * Feeds are asked for once a second; less often where that would take more than a twentieth of the time, but never
 * further apart than boards: one late answer must not slow them down for long.  live/boards.h says when boards are due.
 */
#include "live/reader.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/counters.h"
#include "live/boards.h"
#include "live/feeds.h"

#define FEEDS_MS 1000

/* What is asked for together. */
typedef struct Subject
{
	StatementId statement;
	bool wanted; /* false: nobody does, and it is not asked for before somebody begins to */
	int64_t next_at;
} Subject;

static Subject boards = {.statement = STATEMENT_BOARDS};
static Subject feeds = {.statement = STATEMENT_FEEDS};

static struct
{
	pthread_mutex_t lock;
	SLIST_HEAD(ReaderClients, ReaderClient) clients;

	/* of the first loop's thread */
	Loop *loop;
	Database *database;
	Subject *asked; /* whose answer is waited for; NULL: none is */
	int64_t asked_at;
	char *question;
	DatabaseCall call;
	int64_t answered_at;
	Work work; /* reads the answer, which may be much, where no request waits for that */
	char *answer;
} reader = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Task: somebody has begun to listen. */
static void
begin(Task *task)
{
	boards.wanted = feeds.wanted = true;
	boards.next_at = 0; /* a board that is new is due */
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

static void
note_delay(double seconds)
{
	counter_add(COUNTER_FEED_DELAY, (long) (seconds + 0.999) - counter_value(COUNTER_FEED_DELAY));
}

/* The question that was asked is over. */
static void
end_question(void)
{
	int64_t took = reader.answered_at - reader.asked_at;

	/* (boards say when they are due) */
	reader.asked->next_at =
	    reader.asked == &boards ? 0 : reader.answered_at + asking_pause(took, FEEDS_MS);
	reader.asked = NULL;
	reader_tell();
}

/* Takes the answer; NULL: nobody knows how they are, which ends a turn of the feeds as well. */
static void
take(const json_t *answer)
{
	if (reader.asked == &boards)
		boards_take(answer, reader.answered_at, reader.answered_at - reader.asked_at);
	else
	{
		double delay = feeds_take(answer);

		if (answer != NULL)
			note_delay(delay);
	}
}

/* Work: reads the answer. */
static void
read_answer(Work *work)
{
	json_t *answer = json_loads(reader.answer, 0, NULL);

	take(answer);
	json_decref(answer);
	free(reader.answer);
}

/* Task: that has been done. */
static void
on_read(Task *task)
{
	end_question();
}

/* Callback: how they are, or that nobody knows. */
static void
on_answer(void *closure, DatabaseResult *result)
{
	reader.answered_at = now_ms();
	if (!result->ok)
	{
		take(NULL);
		end_question();
		return;
	}
	reader.answer = result->text;
	result->text = NULL;
	reader.work = (Work){.run = read_answer, .done.run = on_read, .loop = reader.loop};
	offload(OFFLOAD_BODIES, &reader.work);
}

/* Asks, where somebody wants to know. */
static void
ask(Subject *subject, int64_t now)
{
	json_t *question;

	if (subject == &boards)
		question = boards_question(now, &subject->next_at);
	else
		question = feeds_question();
	subject->wanted = question != NULL || (subject == &boards && subject->next_at != INT64_MAX);
	if (subject == &feeds && !subject->wanted)
		note_delay(0);
	if (question == NULL)
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
