/*
 * past.c
 *	  Which past the numbers of transactions belong to that somebody was told.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"

#include "board/board.h"

Past
past_here(void)
{
	Past past = {.timeline = RecoveryInProgress() ? 0 : GetWALInsertionTimeLine()};

	snprintf(past.server, sizeof(past.server), UINT64_FORMAT ".%u", GetSystemIdentifier(),
	         MyDatabaseId);
	return past;
}
