/*
 * feeds.c
 *	  The feeds that somebody waits for: whether there may be more, and when to look.
 *
 * Which tokens were handed out in this turn is remembered, with whose they are.  Of two with one place the later one is:
 * who comes with the other is answered at once, which costs no more than a statement.
 */
#include "live/feeds.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define TOLD 1024 /* tokens that are remembered, at most */
#define LATE 2    /* turns in which who was told may come back */
#define TOKEN_KEY "\"sinceToken\" : \""
#define ALL_THERE_IS "\"more\" : false}\n"

static struct
{
	pthread_mutex_t lock;
	LIST_HEAD(FeedList, Feed) all;
	uint64_t turn;
	struct
	{
		char *key;
		uint64_t turn;
	} told[TOLD];
} feeds = {.lock = PTHREAD_MUTEX_INITIALIZER, .turn = 1};

/* The feed of that competition, there or among those behind it, with the lock held; NULL: nobody waits for it. */
static Feed *
find_feed(Feed *feed, const char *group_id)
{
	while (feed != NULL && strcmp(feed->group_id, group_id) != 0)
		feed = LIST_NEXT(feed, others);
	return feed;
}

Feed *
feed_hold(const char *group_id)
{
	Feed *feed;

	pthread_mutex_lock(&feeds.lock);
	feed = find_feed(LIST_FIRST(&feeds.all), group_id);
	if (feed == NULL && (feed = calloc(1, sizeof(Feed))) != NULL)
	{
		feed->group_id = strdup(group_id);
		LIST_INSERT_HEAD(&feeds.all, feed, others);
	}
	if (feed != NULL)
		feed->holders++;
	pthread_mutex_unlock(&feeds.lock);
	return feed;
}

void
feed_release(Feed *feed)
{
	pthread_mutex_lock(&feeds.lock);
	if (--feed->holders == 0)
	{
		LIST_REMOVE(feed, others);
		free(feed->group_id);
		free(feed->mark);
		free(feed);
	}
	pthread_mutex_unlock(&feeds.lock);
}

uint64_t
feed_changes(const Feed *feed, char newest[FEED_NEWEST_LENGTH])
{
	uint64_t changes;

	pthread_mutex_lock(&feeds.lock);
	changes = feed->changes;
	memcpy(newest, feed->newest, FEED_NEWEST_LENGTH);
	pthread_mutex_unlock(&feeds.lock);
	return changes;
}

uint64_t
feeds_turn(void)
{
	uint64_t turn;

	pthread_mutex_lock(&feeds.lock);
	turn = feeds.turn;
	pthread_mutex_unlock(&feeds.lock);
	return turn;
}

/* Where what that text says is remembered. */
static size_t
place_of(const char *key)
{
	return hash_text(HASH_OF_NOTHING, key, strlen(key)) % TOLD;
}

void
feeds_note(const char *group_id, const char *page)
{
	size_t length = strlen(page);
	const char *token = length > strlen(ALL_THERE_IS) ? page + length - 1 : NULL;
	char *key;
	size_t place;

	/* who can have more at once asks for it at once */
	if (token == NULL || strcmp(page + length - strlen(ALL_THERE_IS), ALL_THERE_IS) != 0)
		return;
	while (token > page && token[-1] != '\n')
		token--;
	token = strstr(token, TOKEN_KEY);
	if (token == NULL)
		return;
	token += strlen(TOKEN_KEY);
	if (asprintf(&key, "%.*s %s", (int) strcspn(token, "\""), token, group_id) < 0)
		return;
	place = place_of(key);
	pthread_mutex_lock(&feeds.lock);
	free(feeds.told[place].key);
	feeds.told[place].key = key;
	feeds.told[place].turn = feeds.turn;
	pthread_mutex_unlock(&feeds.lock);
}

bool
feeds_have_told(const char *group_id, const char *token)
{
	char *key;
	size_t place;
	bool told;

	if (asprintf(&key, "%s %s", token, group_id) < 0)
		return false;
	place = place_of(key);
	pthread_mutex_lock(&feeds.lock);
	told = feeds.told[place].key != NULL && strcmp(feeds.told[place].key, key) == 0 &&
	       feeds.turn - feeds.told[place].turn <= LATE;
	pthread_mutex_unlock(&feeds.lock);
	free(key);
	return told;
}

json_t *
feeds_question(void)
{
	json_t *question = NULL;

	pthread_mutex_lock(&feeds.lock);
	for (const Feed *feed = LIST_FIRST(&feeds.all); feed != NULL; feed = LIST_NEXT(feed, others))
	{
		if (question == NULL)
			question = json_array();
		json_array_append_new(question, json_string(feed->group_id));
	}
	pthread_mutex_unlock(&feeds.lock);
	return question;
}

/* Takes what the database says of one feed. */
static void
take_state(Feed *feed, const json_t *state)
{
	const char *mark = json_string_value(json_object_get(state, "mark"));

	snprintf(feed->newest, sizeof(feed->newest), "%lld",
	         (long long) json_integer_value(json_object_get(state, "newest")));
	if (mark == NULL || (feed->mark != NULL && strcmp(feed->mark, mark) == 0))
		return;
	free(feed->mark);
	feed->mark = strdup(mark);
	feed->changes++;
}

double
feeds_take(const json_t *answer)
{
	double delay = 0;
	const json_t *state;
	size_t i;
	Feed *next;

	pthread_mutex_lock(&feeds.lock);
	feeds.turn++;
	next = LIST_FIRST(&feeds.all);
	json_array_foreach(answer, i, state)
	{
		const char *group_id = json_string_value(json_object_get(state, "groupId"));
		double its = json_number_value(json_object_get(state, "feedDelay"));
		Feed *feed = group_id != NULL ? find_feed(next, group_id) : NULL;

		delay = its > delay ? its : delay;
		if (feed == NULL)
			continue;
		take_state(feed, state);
		next = LIST_NEXT(feed, others);
	}
	pthread_mutex_unlock(&feeds.lock);
	return delay;
}
