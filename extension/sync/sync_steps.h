/*
 * sync_steps.h
 *	  What a pass does beyond the status of instances.
 */
#ifndef EDURANGE_SYNC_STEPS_H
#define EDURANGE_SYNC_STEPS_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "sync/observation.h"

/* How many requests of a kind one pass asks for at most; the rest comes with the next ones. */
#define WANTED_LIMIT "1000"

/*
 * What the Instance Manager makes of a text before it becomes a label of a pod: other characters
 * become hyphens, one symbol at either end goes, and 63 characters are left.
 */
#define LABEL(text)                                                                                \
	"left(regexp_replace(regexp_replace(" text ", '[^A-Za-z0-9._-]', '-', 'g'),"                   \
	" '^[^A-Za-z0-9]|[^A-Za-z0-9]$', '', 'g'), 63)"

/* Whether a label that says something does not stand for the id. */
#define LABEL_DIFFERS(label, id)                                                                   \
	"(" label " <> 'unknown' AND " label " <> " id " AND " label " <> " LABEL(id) ")"

/* The columns of an entry in the activity log, in the order in which SELECTs give them. */
#define LOG_COLUMNS                                                                                \
	"(id, \"eventType\", \"userId\", \"challengeId\", \"groupId\", \"challengeInstanceId\","       \
	" metadata, severity, \"timestamp\")"

/* Stores the flags that came and puts the next try for the others off.  Returns how many are new. */
extern int32 sync_store_flags(const ObservedFlags *flags, NullableDatum observed_at, bool *wrote);

/* Makes instances of pods that have none, where that is unambiguous.  Returns how many. */
extern int32 sync_adopt_pods(const ObservedPods *pods, NullableDatum observed_at, bool *wrote);

/* Counts an attempt to end each pod that should be gone by now, and returns their names. */
extern NullableDatum sync_request_ends(NullableDatum observed_at, bool *wrote);

/* Removes instances that have been TERMINATED for long; true: it was time to look for them. */
extern bool sync_clean(TimestampTz observed_at, TimestampTz cleaned_at);

#endif
