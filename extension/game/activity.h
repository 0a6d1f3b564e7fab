/*
 * activity.h
 *	  The log of what users did.
 */
#ifndef EDURANGE_ACTIVITY_H
#define EDURANGE_ACTIVITY_H

#include "postgres.h"

typedef struct Activity
{
	const char *event_type; /* a value of "ActivityEventType" */
	const char *user_id;
	const char *challenge_id;
	const char *group_id;
	const char *access_code_id;
	const char *instance_id;
	const char *acting_user; /* who had it done on their behalf, or NULL */
	const char *metadata;    /* the members of a JSON object, without its braces; may be NULL */
	bool is_play; /* all rows that it names are held by play_find(): they are not locked again */
} Activity;

/*
 * Writes an entry of the server's own, in the transaction of what it records.  The rows that it
 * names are locked by the caller or were made by it, so that nothing here can fail.
 */
extern void activity_log(const Activity *activity);

/* The same for each of these users, in the stead of the activity's: one statement, however many they are. */
extern void activity_log_each(const Activity *activity, char **user_ids, int count);

/* The same of two that a play leaves, which differ in event type and metadata alone. */
extern void activity_log_two(const Activity *one, const Activity *other);

/*
 * The id of the user whom an entry can name: this one, or the system's account where there is none.
 * Their row is locked; lives until statements_end().
 */
extern char *activity_subject(const char *user_id);

#endif
