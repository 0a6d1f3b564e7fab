/*
 * board.h
 *	  The board as others see it: who may, what changed in it, and the ledger as a feed.
 *
 * The room board/ shows what game/ and course/ make: the policy of a board (policy.c), its rows for whoever shows it
 * live (state.c), and the entries of the ledger for programs (events.c).
 */
#ifndef EDURANGE_BOARD_H
#define EDURANGE_BOARD_H

#include "postgres.h"

#include "game/sight.h"

/* What the caller sees of a board; refuses what is not for them, and what does not exist, alike.  Runs statements. */
extern bool board_find(const Caller *caller, bool is_public, const char *group_id, Sight *sight,
                       Refusal *refusal);

#endif
