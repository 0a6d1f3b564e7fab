/*
 * frozen.h
 *	  The board as it was when it was frozen, for many who ask.
 */
#ifndef EDURANGE_FROZEN_H
#define EDURANGE_FROZEN_H

#include "postgres.h"

#include "base/arguments.h"

/*
 * Lists a page of it, members alone, as the function's result.  False: this session keeps nothing of it, and it is to
 * be found in the ledger.
 */
extern bool frozen_board_list(FunctionCallInfo fcinfo, const char *group_id, NullableDatum until,
                              int32 limit, int64 offset);

#endif
