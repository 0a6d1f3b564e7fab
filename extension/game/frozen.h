/*
 * frozen.h
 *	  The board as it was when it was frozen, for many who ask.
 */
#ifndef EDURANGE_FROZEN_H
#define EDURANGE_FROZEN_H

#include "postgres.h"

#include "base/arguments.h"

/*
 * Finds a page of it, members alone, which is left as rows of the leaderboard in the statement that ran last.  False:
 * this session keeps nothing of it, and it is to be found in the ledger.
 */
extern bool frozen_board_find(const char *group_id, NullableDatum until, int32 limit, int64 offset);

#endif
