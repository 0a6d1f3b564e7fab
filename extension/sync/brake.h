/*
 * brake.h
 *	  Many pods that are not found at once end no instance before time or an operator decides.
 */
#ifndef EDURANGE_BRAKE_H
#define EDURANGE_BRAKE_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "sync/observation.h"

/*
 * Judges an observation before it is applied.  Returns the time after which an instance's pod must have begun to
 * be missing for the instance to be held: infinity where none is.  held: how many are.
 */
extern NullableDatum
brake_judge(const Observation *observation, NullableDatum observed_at, int32 *held);

/* Keeps in mind which instances (ids with the old and the new statuses, but for some) ended in a mass event. */
extern void brake_note_ends(NullableDatum ids, NullableDatum from, NullableDatum to,
                            NullableDatum observed_at, NullableDatum left_out);

#endif
