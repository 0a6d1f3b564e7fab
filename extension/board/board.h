/*
 * board.h
 *	  The board as others see it: who may, what changed in it, and the ledger as a feed.
 *
 * The room board/ shows what game/ and course/ make: the policy of a board (policy.c), its rows for whoever shows it
 * live (state.c), and the entries of the ledger for programs (events.c).  Both tell how far somebody is, in a past (past.c).
 */
#ifndef EDURANGE_BOARD_H
#define EDURANGE_BOARD_H

#include "postgres.h"

#include "access/xlogdefs.h"

#include "game/sight.h"

#define SERVER_LENGTH 64

/* What a number of a transaction is worth something with: on another timeline it may be that of another one. */
typedef struct Past
{
	char server[SERVER_LENGTH]; /* and the database */
	TimeLineID timeline;        /* 0: of a standby */
} Past;

extern Past past_here(void);

/* What the caller sees of a board; refuses what is not for them, and what does not exist, alike.  Runs statements. */
extern bool board_find(const Caller *caller, bool is_public, const char *group_id, Sight *sight,
                       Refusal *refusal);

#endif
