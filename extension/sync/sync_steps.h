/*
 * sync_steps.h
 *	  What a pass does beyond the status of instances.
 */
#ifndef EDURANGE_SYNC_STEPS_H
#define EDURANGE_SYNC_STEPS_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "sync/observation.h"

/* Stores the flags that came and puts the next try for the others off.  Returns how many are new. */
extern int32 sync_store_flags(const ObservedFlags *flags, NullableDatum observed_at);

/* Makes instances of pods that have none, where that is unambiguous.  Returns how many. */
extern int32 sync_adopt_pods(const ObservedPods *pods, NullableDatum observed_at, bool *wrote);

/* Counts requests to end pods that were sent, and puts the next ones off. */
extern void sync_count_ends(const ObservedEnds *ends, NullableDatum observed_at);

/* What to ask the Instance Manager next: statuses, secrets and ends, as jsonb that outlives statements_end(). */
extern NullableDatum sync_wanted(NullableDatum observed_at);

/* Removes instances that have been TERMINATED for long; true: it was time to look for them. */
extern bool sync_clean(TimestampTz observed_at, TimestampTz cleaned_at);

#endif
