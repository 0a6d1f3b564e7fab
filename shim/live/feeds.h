/*
 * feeds.h
 *	  The feeds that somebody waits for: whether there may be more, and when to look.
 *
 * Feeds are looked at in turns, all of them together.  Who was told all there is and comes back in that turn or the two
 * behind it is answered in the next one, up to the same transaction as all others: so however many programs follow a
 * feed, and whenever they came, they stand at the same place and ask for the same at the same time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <jansson.h>

#define FEED_NEWEST_LENGTH 24

typedef struct Feed
{
	LIST_ENTRY(Feed) others;
	char *group_id;
	int holders;
	char *mark;       /* of what was seen; NULL: nothing yet */
	uint64_t changes; /* how often it was not as before */
	char newest[FEED_NEWEST_LENGTH];
} Feed;

/* The feed, which is there until it was released as often. */
extern Feed *feed_hold(const char *group_id);
extern void feed_release(Feed *feed);

/* How often there was something new in it, and up to which transaction it is to be read in this turn; "": any. */
extern uint64_t feed_changes(const Feed *feed, char newest[FEED_NEWEST_LENGTH]);

/* Which turn it is, counted from 1. */
extern uint64_t feeds_turn(void);

/*
 * Somebody is told this page of a feed, whose token is at its end; and was that token, with all there is, handed out just
 * now?  A token says nothing of another competition, which may not even be there.
 */
extern void feeds_note(const char *group_id, const char *page);
extern bool feeds_have_told(const char *group_id, const char *token);

/* What the database is to be asked, as JSON: how feeds are; NULL: nobody waits. */
extern json_t *feeds_question(void);

/*
 * Takes the answer, which has them in the same order; NULL where there is none, which ends a turn, too.  How many seconds an
 * entry has been waiting.
 */
extern double feeds_take(const json_t *answer);
