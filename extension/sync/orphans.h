/*
 * orphans.h
 *	  Pods whose instances were deleted together with their user or their competition.
 */
#ifndef EDURANGE_ORPHANS_H
#define EDURANGE_ORPHANS_H

#include "postgres.h"

#include "sync/observation.h"

/* Notes those of a list that are to be ended, and forgets those that are gone. */
extern void orphans_find(const ObservedPods *pods, NullableDatum observed_at, bool *wrote);

#endif
