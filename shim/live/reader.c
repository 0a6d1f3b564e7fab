/*
 * reader.c
 *	  Asks the database how the boards are that somebody listens to: one for the whole process.
 *
 * It asks four times a second, and never for more than a twentieth of the time: boards so large that an answer takes
 * long are asked for less often.  Boards for which only programs wait, which want to know that something has changed, are
 * asked for once a second.  What is dearer to look at, names and the past of the best, is asked for every five
 * seconds.
 */
#include "live/reader.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/counters.h"
#include "live/boards.h"

#define INTERVAL_MS 250
#define ALL_MS 1000
#define THOROUGH_MS 5000
#define SHARE 20 /* of its time it asks for one part in so many */

static struct
{
	pthread_mutex_t lock;
	SLIST_HEAD(ReaderClients, ReaderClient) clients;

	/* of the first loop's thread */
	Loop *loop;
	Database *database;
	bool asking;
	bool thorough;
	bool idle; /* nobody listens: it is not asked again before somebody begins to */
	int64_t asked_at;
	int64_t next_at;
	int64_t all_at;
	int64_t thorough_at;
	char *question;
	DatabaseCall call;
	Work work; /* reads the answer, which may be large, where no request waits for that */
	char *answer;
	double delay;
} reader = {.lock = PTHREAD_MUTEX_INITIALIZER, .idle = true};

/* Task: somebody has begun to listen. */
static void
begin(Task *task)
{
	reader.idle = false;
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

/* Plans when the boards are asked for again. */
static void
end_question(bool answered)
{
	int64_t now = now_ms();
	int64_t pause = (now - reader.asked_at) * SHARE;

	reader.asking = false;
	reader.next_at = now + (pause > INTERVAL_MS ? pause : INTERVAL_MS);
	if (reader.thorough && answered)
		reader.thorough_at = now + (pause > THOROUGH_MS ? pause : THOROUGH_MS);
}

/* Work: reads what the database has answered. */
static void
read_answer(Work *work)
{
	json_t *answer = json_loads(reader.answer, 0, NULL);

	reader.delay = boards_take(answer);
	json_decref(answer);
	free(reader.answer);
}

/* Task: that has been done. */
static void
on_read(Task *task)
{
	counter_add(COUNTER_FEED_DELAY,
	            (long) (reader.delay + 0.999) - counter_value(COUNTER_FEED_DELAY));
	end_question(true);
	reader_tell();
}

/* Callback: how the boards are, or that nobody knows. */
static void
on_answer(void *closure, DatabaseResult *result)
{
	if (!result->ok)
	{
		boards_not_answered();
		end_question(false);
		reader_tell();
		return;
	}
	reader.answer = result->text;
	result->text = NULL;
	reader.work = (Work){.run = read_answer, .done.run = on_read, .loop = reader.loop};
	offload(&reader.work);
}

/* Asks how the boards are; false where nobody listens to any. */
static bool
ask(int64_t now)
{
	bool all = now >= reader.all_at;
	json_t *question;

	reader.thorough = now >= reader.thorough_at;
	question = boards_question(all, reader.thorough);
	if (all)
		reader.all_at = now + ALL_MS;
	if (question == NULL)
	{
		reader.next_at = now + INTERVAL_MS;
		return boards_are_held();
	}
	free(reader.question);
	reader.question = json_dumps(question, JSON_COMPACT);
	json_decref(question);
	reader.asking = true;
	reader.asked_at = now;
	reader.call = (DatabaseCall){
	    .tier = TIER_SERVICE,
	    .lane = LANE_READ,
	    .statement = STATEMENT_BOARDS,
	    .nvalues = 1,
	    .values = &reader.question,
	    .read_only = true,
	    .done = on_answer,
	};
	call_weigh(&reader.call);
	database_submit(reader.database, &reader.call);
	return true;
}

int
reader_tend(int timeout_ms)
{
	int64_t now = now_ms();

	if (reader.idle || reader.asking)
		return timeout_ms;
	if (now >= reader.next_at)
	{
		reader.idle = !ask(now);
		return reader.idle ? timeout_ms : 0;
	}
	return timeout_ms < 0 || reader.next_at - now < timeout_ms ? (int) (reader.next_at - now)
	                                                           : timeout_ms;
}
