/*
 * points.c
 *	  Totals: corrections, reading, history, and the proof that they are right.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/arguments.h"
#include "base/progress.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/caller.h"
#include "calls/idempotency.h"
#include "calls/locks.h"
#include "game/entries.h"
#include "game/ledger.h"

#define HISTORY_LIMIT 1000

/* $1 user, $2 competition, $3 how many, $4 before which entry */
#define HISTORY_COLUMNS "user_id, group_id, seq, delta, balance, kind, source_id, actor, reason, at"
#define HISTORY_PAGE                                                                               \
	" FROM edurange.points_ledger WHERE user_id = $1 AND group_id = $2"                            \
	" AND ($4::bigint IS NULL OR seq < $4) ORDER BY seq DESC LIMIT $3"

typedef enum StatementId
{
	MEMBERSHIP,
	WHO_EXISTS,
	TOTAL,
	HISTORY,
	HISTORY_BEFORE_MIGRATION,
	HISTORY_OF_BEFORE,
	ENTRY_INVARIANTS,
	PAIR_INVARIANTS,
	ENTRY_INVARIANTS_OF_BEFORE,
	PAIR_INVARIANTS_OF_BEFORE,
	STATEMENT_COUNT
} StatementId;

#define REACHED_OF_PAIR REACHED_BY_SUMS("o.user_id", "o.group_id")
#define IS_KNOWN_KIND                                                                              \
	"(kind IN ('opening', 'award', 'add', 'set', 'external', 'moved', 'removed',"                  \
	" 'taken_back', 'rejudged', 'accepted', 'repriced', 'graded', 'voided', 'undone'))"
#define IS_WRONG_HEAD                                                                              \
	"(seq <> standing_seq OR reached_at IS DISTINCT FROM standing_reached_at OR at > changed_at"   \
	" OR backdated <> standing_backdated)"

/* What is wrong with entries of the ledger: one pass in the order of its key. */
#define WRONG_ENTRIES(effective_at)                                                                \
	"SELECT v.invariant, e.user_id, e.group_id, v.detail FROM (SELECT user_id, group_id, seq,"     \
	"  balance, kind, at, " effective_at ", lag(seq, 1, 0::bigint) OVER pair AS before,"           \
	"  sum(delta) OVER pair AS running, lag(at) OVER pair AS at_before"                            \
	"  FROM edurange.points_ledger"                                                                \
	"  WINDOW pair AS (PARTITION BY group_id, user_id ORDER BY seq)) AS e, LATERAL (VALUES"        \
	" ('ledger_has_no_gap', seq <> before + 1, format('seq %s follows %s', seq, before)),"         \
	" ('ledger_kind_is_known', NOT " IS_KNOWN_KIND ", format('kind %s at seq %s', kind, seq)),"    \
	" ('balance_is_sum', balance <> running AND seq > (SELECT " LAST_OPENING                       \
	"   FROM " LEDGER_SUMS " AS o WHERE o.user_id = e.user_id AND o.group_id = e.group_id),"       \
	"  format('balance %s, sum %s at seq %s', balance, running, seq)),"                            \
	" ('ledger_times_never_go_back', at < at_before,"                                              \
	"  format('seq %s at %s, before %s', seq, at, at_before)),"                                    \
	" ('entry_counts_no_later', effective_at > at,"                                                \
	"  format('seq %s at %s counts from %s', seq, at, effective_at)))"                             \
	"  AS v (invariant, is_broken, detail)"                                                        \
	" WHERE (seq <> before + 1 OR NOT " IS_KNOWN_KIND                                              \
	" OR balance <> running OR at < at_before OR effective_at > at)"                               \
	" AND v.is_broken ORDER BY 1, 2, 3, 4"

/* What is wrong between the ledger, totals, the board and memberships. */
#define WRONG_PAIRS(ledger, standing, participation, reached)                                      \
	"WITH ledger AS ("                                                                             \
	" SELECT user_id, group_id, sum(delta) AS total, max(seq) AS seq, max(at) AS at,"              \
	"  CASE WHEN bool_or(effective_at IS NOT NULL) THEN " reached                                  \
	"   ELSE max(at) FILTER (WHERE delta <> 0) END AS reached_at,"                                 \
	"  bool_or(effective_at IS NOT NULL) AS backdated"                                             \
	" FROM " ledger " o GROUP BY group_id, user_id),"                                              \
	" pair AS ("                                                                                   \
	" SELECT user_id, group_id, coalesce(l.total, 0) AS ledger,"                                   \
	"  coalesce(p.points, 0) AS points,"                                                           \
	"  coalesce(s.points, 0) AS standing, coalesce(l.seq, 0) AS seq,"                              \
	"  coalesce(s.seq, 0) AS standing_seq, l.at, s.changed_at, l.reached_at,"                      \
	"  coalesce(l.backdated, false) AS backdated, s.reached_at AS standing_reached_at,"            \
	"  coalesce(s.backdated, false) AS standing_backdated, coalesce(s.hidden, false) AS hidden,"   \
	"  coalesce(t.hidden OR t.disqualified, false) AS should_hide,"                                \
	"  m.\"A\" IS NOT NULL AS member, coalesce(s.member, false) AS standing_member"                \
	" FROM ledger l FULL JOIN (SELECT \"userId\" AS user_id, \"groupId\" AS group_id, points"      \
	"  FROM public.\"GroupPoints\") p USING (user_id, group_id)"                                   \
	" FULL JOIN " standing " s USING (user_id, group_id)"                                          \
	" FULL JOIN (SELECT \"B\" AS user_id, \"A\" AS group_id, \"A\""                                \
	"  FROM public.\"_GroupMembers\") m USING (user_id, group_id)"                                 \
	" FULL JOIN " participation " t USING (user_id, group_id))"                                    \
	" SELECT v.invariant, user_id, group_id, v.detail FROM pair, LATERAL (VALUES"                  \
	" ('ledger_is_total', ledger <> points OR points <> standing,"                                 \
	"  format('ledger %s, total %s, standing %s', ledger, points, standing)),"                     \
	" ('standing_is_ledger_head', " IS_WRONG_HEAD ","                                              \
	"  format('ledger seq %s at %s, standing seq %s at %s', seq, reached_at, standing_seq,"        \
	"   standing_reached_at)),"                                                                    \
	" ('members_are_on_the_board', member <> standing_member,"                                     \
	"  format('member %s, on the board %s', member, standing_member)),"                            \
	" ('who_is_hidden_is_not_on_the_board', hidden <> should_hide,"                                \
	"  format('to be hidden %s, hidden %s', should_hide, hidden)))"                                \
	"  AS v (invariant, is_broken, detail)"                                                        \
	" WHERE (ledger <> points OR points <> standing OR " IS_WRONG_HEAD                             \
	"  OR member <> standing_member OR hidden <> should_hide)"                                     \
	" AND v.is_broken ORDER BY 1, 2, 3, 4"

static Statement statements[STATEMENT_COUNT] = {
    [MEMBERSHIP] = {"SELECT 1 FROM public.\"_GroupMembers\" WHERE \"B\" = $1 AND \"A\" = $2",
                    {TEXTOID, TEXTOID},
                    .by_key = true},
    [WHO_EXISTS] = {"SELECT EXISTS (SELECT FROM public.\"User\" WHERE id = $1),"
                    " EXISTS (SELECT FROM public.\"CompetitionGroup\" WHERE id = $2)",
                    {TEXTOID, TEXTOID},
                    .by_key = true},
    [TOTAL] = {"SELECT points FROM public.\"GroupPoints\""
               " WHERE \"userId\" = $1 AND \"groupId\" = $2",
               {TEXTOID, TEXTOID},
               .reads = true,
               .by_key = true},
    [HISTORY] = {"SELECT " HISTORY_COLUMNS ", via, effective_at" HISTORY_PAGE,
                 {TEXTOID, TEXTOID, INT4OID, INT8OID},
                 .reads = true,
                 .before = &statements[HISTORY_BEFORE_MIGRATION]},
    [HISTORY_BEFORE_MIGRATION] = {"SELECT " HISTORY_COLUMNS
                                  ", NULL::text, NULL::timestamptz" HISTORY_PAGE,
                                  {TEXTOID, TEXTOID, INT4OID, INT8OID},
                                  .reads = true},
    [HISTORY_OF_BEFORE] = {"SELECT " HISTORY_COLUMNS HISTORY_PAGE,
                           {TEXTOID, TEXTOID, INT4OID, INT8OID},
                           .reads = true},
    [ENTRY_INVARIANTS] = {WRONG_ENTRIES("effective_at"),
                          {InvalidOid},
                          .reads = true,
                          .before = &statements[ENTRY_INVARIANTS_OF_BEFORE]},
    [PAIR_INVARIANTS] = {WRONG_PAIRS("edurange.points_ledger", "edurange.standing",
                                     "edurange.participation", REACHED_OF_PAIR),
                         {InvalidOid},
                         .reads = true,
                         .before = &statements[PAIR_INVARIANTS_OF_BEFORE]},
    /* The same before migrate(), when no entry counted from earlier on, and nobody was hidden. */
    [ENTRY_INVARIANTS_OF_BEFORE] = {WRONG_ENTRIES("NULL::timestamptz AS effective_at"),
                                    {InvalidOid},
                                    .reads = true},
    [PAIR_INVARIANTS_OF_BEFORE] =
        {WRONG_PAIRS("(SELECT user_id, group_id, seq, delta, at, NULL::timestamptz AS effective_at"
                     " FROM edurange.points_ledger)",
                     "(SELECT user_id, group_id, points, seq, reached_at, changed_at, member,"
                     " false AS backdated, false AS hidden FROM edurange.standing)",
                     "(SELECT user_id, group_id, false AS hidden, false AS disqualified"
                     " FROM edurange.standing WHERE false)",
                     "NULL"),
         {InvalidOid},
         .reads = true},
};

/* Is it the total of a member?  Refuses where it is not. */
static bool
is_of_member(const LedgerEntry *entry, Refusal *refusal)
{
	NullableDatum user_id = value_text(entry->user_id);
	NullableDatum group_id = value_text(entry->group_id);

	if (STATEMENT_RUN(&statements[MEMBERSHIP], user_id, group_id) > 0)
		return true;
	STATEMENT_RUN(&statements[WHO_EXISTS], user_id, group_id);
	if (!row_bool(0, 1))
		return refuse(refusal, EDURANGE_USER_NOT_FOUND, "user \"%s\" does not exist",
		              entry->user_id);
	if (!row_bool(0, 2))
		return refuse(refusal, EDURANGE_COMPETITION_NOT_FOUND, "competition \"%s\" does not exist",
		              entry->group_id);
	return refuse(refusal, EDURANGE_NOT_A_MEMBER,
	              "user \"%s\" is not a member of competition \"%s\"", entry->user_id,
	              entry->group_id);
}

/* The same, and holds the membership: a total that is set to zero is a reset, and whoever scores is before or after it. */
static bool
hold_member(const LedgerEntry *entry, Refusal *refusal)
{
	return lock_user(entry->user_id, refusal) && lock_competition(entry->group_id, refusal) &&
	       lock_member(entry->group_id, entry->user_id, refusal);
}

/* A correction of a member's total; the new row is left in the statement that ran last. */
static bool
correct_points(const Caller *caller, const LedgerEntry *entry, LedgerChange change, int32 amount,
               Refusal *refusal)
{
	bool is_reset = change == LEDGER_SET && amount == 0;

	return caller_acts_as(caller, "user_id", entry->user_id, refusal) &&
	       (is_reset ? hold_member(entry, refusal) : is_of_member(entry, refusal)) &&
	       ledger_change(entry, change, amount, refusal);
}

/* add_points and set_points differ in what the amount means, and in the ledger's word for it. */
static Datum
correct_points_sql(FunctionCallInfo fcinfo, const Caller *caller, LedgerChange change,
                   const char *kind)
{
	LedgerEntry entry = {
	    .user_id = required_text(fcinfo, 0, "user_id"),
	    .group_id = required_text(fcinfo, 1, "group_id"),
	    .kind = kind,
	    .actor = caller->actor,
	    .via = caller->via,
	    .reason = optional_reason(fcinfo, 3),
	};
	int32 amount = required_int(fcinfo, 2, "points");
	Refusal refusal = {0};
	Datum row;

	statements_begin();
	if (!correct_points(caller, &entry, change, amount, &refusal))
		raise_refusal(&refusal);
	row = only_result();
	statements_end();
	return row;
}

static Datum
add_points(FunctionCallInfo fcinfo, const Caller *caller)
{
	return correct_points_sql(fcinfo, caller, LEDGER_ADD, "add");
}

static Datum
set_points(FunctionCallInfo fcinfo, const Caller *caller)
{
	return correct_points_sql(fcinfo, caller, LEDGER_SET, "set");
}

SQL_FUNCTION_BATCHABLE(edurange_add_points)
{
	return mutate(fcinfo, add_points);
}

SQL_FUNCTION_BATCHABLE(edurange_set_points)
{
	return mutate(fcinfo, set_points);
}

SQL_FUNCTION_BATCHABLE(edurange_get_points)
{
	char *user_id = required_text(fcinfo, 0, "user_id");
	char *group_id = required_text(fcinfo, 1, "group_id");
	Refusal refusal = {0};
	Caller caller;
	int32 points = 0;

	caller_read(&caller, fcinfo, 2);
	statements_begin();
	if (!caller_acts_as(&caller, "user_id", user_id, &refusal) ||
	    !caller_takes_part(&caller, group_id, &refusal))
		raise_refusal(&refusal);
	if (STATEMENT_RUN(&statements[TOTAL], value_text(user_id), value_text(group_id)) > 0)
		points = row_int(0, 1);
	statements_end();
	PG_RETURN_INT32(points);
}

/* A page of a pair's ledger. */
static Datum
points_history(FunctionCallInfo fcinfo, StatementId page)
{
	char *user_id = required_text(fcinfo, 0, "user_id");
	char *group_id = required_text(fcinfo, 1, "group_id");
	int32 limit = int_between(fcinfo, 2, "limit", 1, HISTORY_LIMIT);
	Refusal refusal = {0};
	Caller caller;

	caller_read(&caller, fcinfo, 4);
	statements_begin();
	if (!caller_acts_as(&caller, "user_id", user_id, &refusal))
		raise_refusal(&refusal);
	STATEMENT_LIST(fcinfo, &statements[page], value_text(user_id), value_text(group_id),
	               value_int(limit), fcinfo->args[3]);
	statements_end();
	return (Datum) 0;
}

SQL_FUNCTION(edurange_points_entries)
{
	return points_history(fcinfo, HISTORY);
}

/* As the install script of 0.0.9 names it; its entries have no via. */
SQL_FUNCTION(edurange_points_history)
{
	return points_history(fcinfo, HISTORY_OF_BEFORE);
}

SQL_FUNCTION(edurange_check_invariants)
{
	static const struct
	{
		StatementId list;
		const char *what;
	} passes[] = {{ENTRY_INVARIANTS, "entries of the ledger"},
	              {PAIR_INVARIANTS, "totals and memberships"}};

	caller_check(fcinfo);
	statements_begin();
	for (int i = 0; i < lengthof(passes); i++)
	{
		progress_report("edurange.check_invariants()", passes[i].what, i + 1, lengthof(passes));
		statement_list(fcinfo, &statements[passes[i].list], NULL, 0);
	}
	progress_end();
	statements_end();
	return (Datum) 0;
}
