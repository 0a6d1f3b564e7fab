/*
 * opening.c
 *	  Bringing what is ours up to the rows that were there before it, or that changed without it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "admin/assertions.h"
#include "admin/findings.h"
#include "admin/opening.h"
#include "base/rows.h"
#include "base/statements.h"
#include "game/ledger.h"

typedef enum StatementId
{
	HAS_TOTALS,
	COUNT_TOTALS,
	COUNT_TOTALS_FIRST,
	UNACCOUNTED,
	MEMBERS_DIFFER,
	SET_MEMBERS,
	RETIRED_GONE,
	FORGET_RETIRED,
	USERS_GONE,
	LET_WAIT,
	COMPETITIONS_GONE,
	FORGET_ROSTERS,
	COMPLETERS_GONE,
	FORGET_COMPLETERS,
	PLACEMENTS_GONE,
	FORGET_PLACEMENTS,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    [HAS_TOTALS] = {"SELECT to_regclass('public.\"GroupPoints\"') IS NOT NULL,"
                    " to_regclass('edurange.standing') IS NOT NULL",
                    {InvalidOid}},
    [COUNT_TOTALS] = {"SELECT count(*) FROM " UNBALANCED " AS u", {InvalidOid}, .reads = true},
    [COUNT_TOTALS_FIRST] = {"SELECT count(*) FROM public.\"GroupPoints\" WHERE points <> 0",
                            {InvalidOid},
                            .reads = true},
    /* The totals that the ledger does not account for, as ledger_open_totals() takes them. */
    [UNACCOUNTED] = {"SELECT " UNBALANCED_COLUMNS ", count(*) FROM " UNBALANCED " AS u",
                     {InvalidOid}},
    /* Whose membership the board does not have as it is, and how it is. */
    [MEMBERS_DIFFER] =
        {"SELECT array_agg(user_id), array_agg(group_id), array_agg(m.user_id IS NOT NULL), count(*)"
         " FROM (SELECT \"B\" AS user_id, \"A\" AS group_id FROM public.\"_GroupMembers\") m"
         " FULL JOIN (SELECT user_id, group_id FROM edurange.standing WHERE member) s"
         " USING (user_id, group_id) WHERE m.user_id IS NULL OR s.user_id IS NULL",
         {InvalidOid}},
    /* $4 the clock */
    [SET_MEMBERS] = {"INSERT INTO edurange.standing AS s (user_id, group_id, member, changed_at)"
                     " SELECT user_id, group_id, member, $4 FROM unnest($1, $2, $3)"
                     "  AS m (user_id, group_id, member)"
                     " ON CONFLICT (group_id, user_id) DO UPDATE SET member = excluded.member",
                     {TEXTARRAYOID, TEXTARRAYOID, BOOLARRAYOID, TIMESTAMPTZOID}},
    /* Questions that went before there was a trigger to forget that they were retired. */
    [RETIRED_GONE] = {"SELECT array_agg(r.question_id) FROM edurange.retired_question r"
                      " WHERE NOT EXISTS (SELECT FROM public.\"ChallengeQuestion\" q"
                      "  WHERE q.id = r.question_id)",
                      {InvalidOid}},
    [FORGET_RETIRED] = {"DELETE FROM edurange.retired_question WHERE question_id = ANY ($1)",
                        {TEXTARRAYOID}},
    /* Of rosters likewise: who is gone, without a trigger that saw it, and of which competitions. */
    [USERS_GONE] = {"SELECT array_agg(DISTINCT r.user_id) FROM edurange.roster r"
                    " WHERE r.user_id IS NOT NULL AND NOT EXISTS"
                    "  (SELECT FROM public.\"User\" u WHERE u.id = r.user_id)",
                    {InvalidOid}},
    [LET_WAIT] = {"UPDATE edurange.roster SET user_id = NULL, code = NULL WHERE user_id = ANY ($1)",
                  {TEXTARRAYOID}},
    [COMPETITIONS_GONE] = {"SELECT array_agg(DISTINCT r.group_id) FROM edurange.roster r"
                           " WHERE NOT EXISTS (SELECT FROM public.\"CompetitionGroup\" g"
                           "  WHERE g.id = r.group_id)",
                           {InvalidOid}},
    [FORGET_ROSTERS] = {"DELETE FROM edurange.roster WHERE group_id = ANY ($1)", {TEXTARRAYOID}},
    /* Of what was kept of completions likewise. */
    [COMPLETERS_GONE] = {"SELECT array_agg(DISTINCT x.user_id) FROM edurange.completion_change x"
                         " WHERE NOT EXISTS (SELECT FROM public.\"User\" u"
                         "  WHERE u.id = x.user_id)",
                         {InvalidOid}},
    [FORGET_COMPLETERS] = {"DELETE FROM edurange.completion_change WHERE user_id = ANY ($1)",
                           {TEXTARRAYOID}},
    [PLACEMENTS_GONE] = {"SELECT array_agg(DISTINCT x.group_challenge_id)"
                         " FROM edurange.completion_change x"
                         " WHERE NOT EXISTS (SELECT FROM public.\"GroupChallenge\" gc"
                         "  WHERE gc.id = x.group_challenge_id)",
                         {InvalidOid}},
    [FORGET_PLACEMENTS] = {"DELETE FROM edurange.completion_change"
                           " WHERE group_challenge_id = ANY ($1)",
                           {TEXTARRAYOID}},
};

/* How many opening entries there would be. */
static uint64
count_openings(void)
{
	bool has_standing;

	statement_run(&statements[HAS_TOTALS], NULL, 0);
	has_standing = row_bool(0, 2);
	if (!row_bool(0, 1))
		return 0;
	statement_run(&statements[has_standing ? COUNT_TOTALS : COUNT_TOTALS_FIRST], NULL, 0);
	return (uint64) row_long(0, 1);
}

/* An entry for each total that the ledger does not account for; returns how many. */
static uint64
open_totals(void)
{
	uint64 count;

	statement_run(&statements[UNACCOUNTED], NULL, 0);
	count = (uint64) row_long(0, LEDGER_OPEN_COLUMNS + 1);
	if (count > 0)
		ledger_open_totals("migrate", NULL);
	return count;
}

/* Puts on the board who is a member, and takes off who is not. */
static void
open_members(void)
{
	NullableDatum change[4];
	int columns = lengthof(change) - 1;

	statement_run(&statements[MEMBERS_DIFFER], NULL, 0);
	for (int i = 0; i < columns; i++)
		change[i] = row_argument(0, i + 1, statements[SET_MEMBERS].argument_types[i]);
	change[columns] = value_time(GetCurrentTimestamp());
	if (row_long(0, columns + 1) > 0)
		statement_run(&statements[SET_MEMBERS], change, lengthof(change));
}

uint64
opening_entries(bool dry_run)
{
	uint64 opened = dry_run ? count_openings() : open_totals();

	if (!dry_run)
		open_members();
	return opened;
}

/* Does with what a statement lists what another one does. */
static void
forget(StatementId list, StatementId change)
{
	statement_run(&statements[list], NULL, 0);
	STATEMENT_RUN(&statements[change], row_argument(0, 1, TEXTARRAYOID));
}

void
opening_forget_gone(void)
{
	forget(RETIRED_GONE, FORGET_RETIRED);
	forget(USERS_GONE, LET_WAIT);
	forget(COMPETITIONS_GONE, FORGET_ROSTERS);
	forget(COMPLETERS_GONE, FORGET_COMPLETERS);
	forget(PLACEMENTS_GONE, FORGET_PLACEMENTS);
}
