/*
 * findings.c
 *	  What is broken in the platform's rows, as others left it: listing it, and mending it on request.
 *
 * Adoption changes no row.  Each finding is one SELECT that gives subject (an id) and detail; where
 * one answer is safe, a statement mends exactly those rows.  No flag is ever shown.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "admin/commands.h"
#include "admin/findings.h"
#include "base/arguments.h"
#include "base/progress.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/caller.h"
#include "game/ledger.h"

typedef enum StatementId
{
	RELATION_EXISTS,
	LEDGER_EXISTS,
	TYPES_LIST,
	TYPES_MEND,
	ORPHANS_LIST,
	ORPHANS_MEND,
	MISPLACED_LIST,
	MISPLACED_MEND,
	UNEARNED_LIST,
	UNEARNED_FIRST_LIST,
	UNEARNED_MEND,
	NULL_FLAGS_LIST,
	NULL_FLAGS_MEND,
	DECOYS_LIST,
	DECOYS_MEND,
	UNNAMED_LIST,
	PACKS_LIST,
	PACKS_MEND,
	OUTSIDERS_LIST,
	TOTALS_LIST,
	TOTALS_FIRST_LIST,
	BALANCES_LIST,
	BALANCES_OPEN,
	TYPES_HOLD,
	COMPLETIONS_HOLD,
	UNEARNED_HOLD,
	INSTANCES_HOLD,
	PACKS_HOLD,
	TOTALS_HOLD,
	BALANCES_HOLD,
	STATEMENT_COUNT
} StatementId;

/* $1 everywhere: the one subject that is meant, or null. */
#define ONLY(subject) " AND ($1 IS NULL OR $1 = " subject ")"
#define FOUND(list) "WITH found (subject, detail) AS (" list ") "

/* Names are cut so that a row stays a line. */
#define TYPES                                                                                      \
	"SELECT t.id, format('another challenge type is called \"%s\", too', left(t.name, 80))"        \
	" FROM public.\"ChallengeType\" t WHERE EXISTS (SELECT FROM public.\"ChallengeType\" o"        \
	" WHERE o.name = t.name AND o.id < t.id)" ONLY("t.id")

#define ORPHANS                                                                                    \
	"SELECT c.id, format('%s of something that does not exist: %s', c.what, concat_ws(', ',"       \
	" CASE WHEN u.id IS NULL THEN format('user \"%s\"', c.user_id) END,"                           \
	" CASE WHEN g.id IS NULL THEN format('group challenge \"%s\"', c.group_challenge_id) END,"     \
	" CASE WHEN q.id IS NULL AND c.question_id IS NOT NULL"                                        \
	"  THEN format('question \"%s\"', c.question_id) END))"                                        \
	" FROM (SELECT id, 'completion of a question' AS what, \"userId\" AS user_id,"                 \
	"  \"groupChallengeId\" AS group_challenge_id, \"questionId\" AS question_id"                  \
	"  FROM public.\"QuestionCompletion\" UNION ALL"                                               \
	"  SELECT id, 'completion of a challenge', \"userId\", \"groupChallengeId\", NULL"             \
	"  FROM public.\"ChallengeCompletion\") c"                                                     \
	" LEFT JOIN public.\"User\" u ON u.id = c.user_id"                                             \
	" LEFT JOIN public.\"GroupChallenge\" g ON g.id = c.group_challenge_id"                        \
	" LEFT JOIN public.\"ChallengeQuestion\" q ON q.id = c.question_id"                            \
	" WHERE (u.id IS NULL OR g.id IS NULL OR q.id IS NULL AND c.question_id IS NOT NULL)" ONLY(    \
	    "c.id")

#define MISPLACED                                                                                  \
	"SELECT c.id, format('question \"%s\" is not of the challenge of group challenge \"%s\"',"     \
	" c.\"questionId\", c.\"groupChallengeId\")"                                                   \
	" FROM public.\"QuestionCompletion\" c"                                                        \
	" JOIN public.\"ChallengeQuestion\" q ON q.id = c.\"questionId\""                              \
	" JOIN public.\"GroupChallenge\" g ON g.id = c.\"groupChallengeId\""                           \
	" WHERE q.\"challengeId\" <> g.\"challengeId\"" ONLY("c.id")

/*
 * The questions that completing their challenge needs: the required ones, all where none is.  Here and below rows
 * are counted and summed up once for all users; asked one by one they take hours where there are millions.  A unique
 * key of the platform's sees to it that a question is completed once.
 */
#define NEEDED                                                                                     \
	"(SELECT id, \"challengeId\" FROM (SELECT id, \"challengeId\", required,"                      \
	"  bool_or(required) OVER (PARTITION BY \"challengeId\") AS is_any FROM"                       \
	"  public.\"ChallengeQuestion\") AS q WHERE required OR NOT is_any)"

/* Challenges that were completed without all the questions they need, and for which nobody was paid. */
#define UNEARNED(paid)                                                                             \
	"SELECT c.id, format('user \"%s\" has not completed the questions of group challenge \"%s\"'," \
	" c.\"userId\", g.id) FROM public.\"ChallengeCompletion\" c"                                   \
	" JOIN public.\"GroupChallenge\" g ON g.id = c.\"groupChallengeId\""                           \
	" JOIN (SELECT \"challengeId\", count(*) FROM " NEEDED " AS n GROUP BY 1) AS needed"           \
	"  ON needed.\"challengeId\" = g.\"challengeId\""                                              \
	" LEFT JOIN (SELECT qc.\"userId\", qc.\"groupChallengeId\", count(*)"                          \
	"  FROM public.\"QuestionCompletion\" qc"                                                      \
	"  JOIN public.\"GroupChallenge\" o ON o.id = qc.\"groupChallengeId\""                         \
	"  JOIN " NEEDED " AS n ON n.id = qc.\"questionId\""                                           \
	"   AND n.\"challengeId\" = o.\"challengeId\" GROUP BY 1, 2) AS done"                          \
	"  ON done.\"userId\" = c.\"userId\" AND done.\"groupChallengeId\" = g.id"                     \
	" WHERE coalesce(done.count, 0) < needed.count" paid ONLY("c.id")
#define NOT_PAID                                                                                   \
	" AND NOT EXISTS (SELECT FROM edurange.points_ledger l WHERE l.user_id = c.\"userId\""         \
	"  AND l.group_id = g.\"groupId\" AND l.kind = 'award' AND l.source_id = g.id)"                \
	" AND NOT EXISTS (SELECT FROM public.\"ActivityLog\" a WHERE a.\"userId\" = c.\"userId\""      \
	"  AND a.\"groupId\" = g.\"groupId\" AND a.\"challengeId\" = g.\"challengeId\""                \
	"  AND a.\"eventType\"::text = 'CHALLENGE_COMPLETED'"                                          \
	"  AND a.metadata ->> 'reportedBy' = 'server')"

/*
 * What platforms of before wrote where there was no flag.  Wider than is_flag(): a text that is found here
 * is taken out of a column, it is not refused.
 */
#define NO_FLAG "lower(btrim(i.flag)) IN ('null', 'none', 'undefined', '')"
#define NULL_FLAGS                                                                                 \
	"SELECT i.id, format('the flag is the text \"%s\"', btrim(i.flag))"                            \
	" FROM public.\"ChallengeInstance\" i"                                                         \
	" WHERE " NO_FLAG ONLY("i.id")

/* What the dashboard writes at first: eight hexadecimal digits and the challenge's first four. */
#define IS_DECOY                                                                                   \
	"(i.flag ~ '^flag[{][0-9a-f]{8}.*[}]$'"                                                        \
	" AND substr(i.flag, 14) = left(i.\"challengeId\", 4) || '}')"
#define DECOYS                                                                                     \
	"SELECT i.id, 'the flag counts as synchronized but looks like the decoy from before'"          \
	" FROM public.\"ChallengeInstance\" i"                                                         \
	" WHERE i.\"flagSecretName\" IS NOT NULL AND " IS_DECOY ONLY("i.id")
#define UNNAMED                                                                                    \
	"SELECT i.id, format('%s, with a flag that is no decoy but without the name of its secret;"    \
	" no answer is right until the sync worker has fetched it', i.status)"                         \
	" FROM public.\"ChallengeInstance\" i WHERE i.\"flagSecretName\" IS NULL AND NOT " IS_DECOY    \
	" AND NOT " NO_FLAG " AND i.status::text NOT IN ('TERMINATED', 'ERROR')" ONLY("i.id")

#define PACKS                                                                                      \
	"SELECT p.id, format('pack \"%s\" %s has no challenge%s', left(p.name, 80),"                   \
	" left(p.version, 20), CASE WHEN EXISTS (SELECT FROM public.\"ChallengePack\" o"               \
	"  WHERE o.name = p.name AND o.id <> p.id) THEN '; another pack has this name' ELSE '' END)"   \
	" FROM public.\"ChallengePack\" p WHERE NOT EXISTS (SELECT FROM public.\"Challenge\" c"        \
	" WHERE c.pack_id = p.id)" ONLY("p.id")

#define OUTSIDERS                                                                                  \
	"SELECT p.id, format('user \"%s\" has %s points in competition \"%s\" and is no member',"      \
	" p.\"userId\", p.points, p.\"groupId\") FROM public.\"GroupPoints\" p"                        \
	" WHERE p.points <> 0 AND NOT EXISTS (SELECT FROM public.\"_GroupMembers\" m"                  \
	" WHERE m.\"A\" = p.\"groupId\" AND m.\"B\" = p.\"userId\")" ONLY("p.id")

/* For each challenge what its questions say, or its completion where a service was paid more. */
#define TOTALS(by_service, corrected)                                                              \
	"SELECT p.id, format('the total of user \"%s\" in competition \"%s\" is %s,"                   \
	" the completions are worth %s', p.\"userId\", p.\"groupId\", p.points,"                       \
	" coalesce(w.worth, 0)), p.\"userId\", p.\"groupId\", coalesce(w.worth, 0)::bigint"            \
	" FROM public.\"GroupPoints\" p LEFT JOIN (SELECT paid.user_id, g.\"groupId\" AS group_id,"    \
	"  sum(paid.points) AS worth FROM (SELECT user_id, placement_id, max(points) AS points FROM"   \
	"   (SELECT \"userId\" AS user_id, \"groupChallengeId\" AS placement_id,"                      \
	"    sum(\"pointsEarned\") AS points FROM public.\"QuestionCompletion\" GROUP BY 1, 2"         \
	"    " by_service ") AS account GROUP BY 1, 2) AS paid"                                        \
	"  JOIN public.\"GroupChallenge\" g ON g.id = paid.placement_id GROUP BY 1, 2) AS w"           \
	"  ON w.user_id = p.\"userId\" AND w.group_id = p.\"groupId\""                                 \
	" WHERE p.points <> coalesce(w.worth, 0)" corrected ONLY("p.id")
#define BY_SERVICE                                                                                 \
	"UNION ALL SELECT c.\"userId\", c.\"groupChallengeId\", c.\"pointsEarned\""                    \
	" FROM public.\"ChallengeCompletion\" c"                                                       \
	" JOIN public.\"GroupChallenge\" g ON g.id = c.\"groupChallengeId\" WHERE EXISTS (SELECT"      \
	"  FROM edurange.points_ledger l WHERE l.user_id = c.\"userId\""                               \
	"  AND l.group_id = g.\"groupId\" AND l.kind = 'award' AND l.source_id = g.id)"
/* What changes a total apart from completions: the pairs of such entries are meant to differ. */
#define NOT_CORRECTED                                                                              \
	" AND NOT EXISTS (SELECT FROM edurange.points_ledger l WHERE l.user_id = p.\"userId\""         \
	" AND l.group_id = p.\"groupId\" AND l.kind IN ('add', 'set', 'external',"                     \
	" 'removed', 'moved'))"

#define LIST(sql)                                                                                  \
	{                                                                                              \
		sql " ORDER BY 1", {TEXTOID}, .reads = true                                                \
	}

/* The tables that a finding reads or mends; a repair holds them against changes while it looks
 * (BALANCES_HOLD: the totals alone). */
#define TYPES_TABLES "public.\"ChallengeType\", public.\"Challenge\""
#define COMPLETION_TABLES                                                                          \
	"public.\"User\", public.\"GroupChallenge\", public.\"ChallengeQuestion\","                    \
	" public.\"ChallengeCompletion\", public.\"QuestionCompletion\""
#define UNEARNED_TABLES COMPLETION_TABLES ", public.\"ActivityLog\""
#define INSTANCE_TABLES "public.\"ChallengeInstance\""
#define PACKS_TABLES "public.\"ChallengePack\", public.\"Challenge\""
#define OUTSIDERS_TABLES "public.\"GroupPoints\", public.\"_GroupMembers\""
#define BALANCES_TABLES "public.\"GroupPoints\", edurange.points_ledger, edurange.standing"
#define TOTALS_TABLES "public.\"GroupPoints\", " COMPLETION_TABLES
#define HOLD(tables)                                                                               \
	{                                                                                              \
		"LOCK TABLE " tables " IN SHARE ROW EXCLUSIVE MODE"                                        \
	}

static Statement statements[STATEMENT_COUNT] = {
    [RELATION_EXISTS] = {"SELECT bool_and(to_regclass(name) IS NOT NULL) FROM"
                         " unnest(string_to_array($1, ', ')) AS t (name)",
                         {TEXTOID}},
    /* Or should exist. */
    [LEDGER_EXISTS] = {"SELECT to_regclass('edurange.points_ledger') IS NOT NULL"
                       " OR to_regclass('edurange.migration') IS NOT NULL",
                       {InvalidOid}},
    [TYPES_LIST] = LIST(TYPES),
    /* The challenges go to the first type of the name. */
    [TYPES_MEND] = {FOUND(TYPES) ", moved AS (UPDATE public.\"Challenge\" c"
                                 "  SET \"challengeTypeId\" = (SELECT min(o.id)"
                                 "   FROM public.\"ChallengeType\" o JOIN public.\"ChallengeType\""
                                 "   t USING (name) WHERE t.id = c.\"challengeTypeId\")"
                                 "  FROM found f WHERE c.\"challengeTypeId\" = f.subject)"
                                 " DELETE FROM public.\"ChallengeType\" t USING found f"
                                 " WHERE t.id = f.subject RETURNING f.subject, f.detail",
                    {TEXTOID}},
    [ORPHANS_LIST] = LIST(ORPHANS),
    [ORPHANS_MEND] = {FOUND(ORPHANS) ", challenge AS (DELETE FROM public.\"ChallengeCompletion\" c"
                                     "  USING found f WHERE c.id = f.subject),"
                                     " question AS (DELETE FROM public.\"QuestionCompletion\" c"
                                     "  USING found f WHERE c.id = f.subject)"
                                     " SELECT subject, detail FROM found",
                      {TEXTOID}},
    [MISPLACED_LIST] = LIST(MISPLACED),
    [MISPLACED_MEND] = {FOUND(MISPLACED) "DELETE FROM public.\"QuestionCompletion\" c USING found f"
                                         " WHERE c.id = f.subject RETURNING f.subject, f.detail",
                        {TEXTOID}},
    [UNEARNED_LIST] = LIST(UNEARNED(NOT_PAID)),
    [UNEARNED_FIRST_LIST] = LIST(UNEARNED("")),
    [UNEARNED_MEND] = {FOUND(UNEARNED(NOT_PAID)) "DELETE FROM public.\"ChallengeCompletion\" c"
                                                 " USING found f WHERE c.id = f.subject"
                                                 " RETURNING f.subject, f.detail",
                       {TEXTOID}},
    [NULL_FLAGS_LIST] = LIST(NULL_FLAGS),
    [NULL_FLAGS_MEND] = {FOUND(NULL_FLAGS) "UPDATE public.\"ChallengeInstance\" i SET flag = NULL,"
                                           " \"flagSecretName\" = NULL FROM found f"
                                           " WHERE i.id = f.subject RETURNING f.subject, f.detail",
                         {TEXTOID}},
    [DECOYS_LIST] = LIST(DECOYS),
    [DECOYS_MEND] = {FOUND(DECOYS) "UPDATE public.\"ChallengeInstance\" i"
                                   " SET \"flagSecretName\" = NULL FROM found f"
                                   " WHERE i.id = f.subject RETURNING f.subject, f.detail",
                     {TEXTOID}},
    [UNNAMED_LIST] = LIST(UNNAMED),
    [PACKS_LIST] = LIST(PACKS),
    [PACKS_MEND] = {FOUND(PACKS) "DELETE FROM public.\"ChallengePack\" p USING found f"
                                 " WHERE p.id = f.subject RETURNING f.subject, f.detail",
                    {TEXTOID}},
    [OUTSIDERS_LIST] = LIST(OUTSIDERS),
    [TOTALS_LIST] = LIST(TOTALS(BY_SERVICE, NOT_CORRECTED)),
    [TOTALS_FIRST_LIST] = LIST(TOTALS("", "")),
    [BALANCES_LIST] =
        LIST("SELECT subject, format('the total of user \"%s\" in competition \"%s\" is"
             " %s, the entries of the ledger sum up to %s, the board says %s',"
             " user_id, group_id, points, sum, board) FROM " UNBALANCED
             " AS u WHERE true" ONLY("subject")),
    [BALANCES_OPEN] = {"SELECT " UNBALANCED_COLUMNS " FROM " UNBALANCED
                       " AS u WHERE true" ONLY("subject"),
                       {TEXTOID}},
    [TYPES_HOLD] = HOLD(TYPES_TABLES),
    [COMPLETIONS_HOLD] = HOLD(COMPLETION_TABLES),
    [UNEARNED_HOLD] = HOLD(UNEARNED_TABLES),
    [INSTANCES_HOLD] = HOLD(INSTANCE_TABLES),
    [PACKS_HOLD] = HOLD(PACKS_TABLES),
    [TOTALS_HOLD] = HOLD(TOTALS_TABLES),
    [BALANCES_HOLD] = HOLD("public.\"GroupPoints\""),
};

/* Sets the totals that the last statement listed, each with its entry in the ledger. */
static void
mend_totals(uint64 count, const char *subject)
{
	LedgerEntry *entries = palloc(sizeof(LedgerEntry) * Max(count, 1));
	int64 *worth = palloc(sizeof(int64) * Max(count, 1));

	for (uint64 i = 0; i < count; i++)
	{
		entries[i] = (LedgerEntry){.user_id = row_text(i, 3),
		                           .group_id = row_text(i, 4),
		                           .kind = "set",
		                           .actor = caller_role_actor(),
		                           .reason = "repair: total_differs"};
		worth[i] = row_long(i, 5);
	}
	for (uint64 i = 0; i < count; i++)
	{
		Refusal refusal = {0};

		CHECK_FOR_INTERRUPTS();
		if (worth[i] > PG_INT32_MAX || worth[i] < PG_INT32_MIN)
			raise_error(EDURANGE_OUT_OF_RANGE,
			            "total of user \"%s\" is out of range for type integer",
			            entries[i].user_id);
		statements_begin();
		if (!ledger_change(&entries[i], LEDGER_SET, (int32) worth[i], &refusal))
			raise_refusal(&refusal);
		statements_end();
	}
}

/* Opens the ledger anew for the pairs. */
static void
open_balances(uint64 count, const char *subject)
{
	STATEMENT_RUN(&statements[BALANCES_OPEN], value_text(subject));
	if (count > 0)
		ledger_open_totals(caller_role_actor(), "repair: balance_differs");
}

typedef struct Finding
{
	const char *name;
	const char *tables;
	const char *repair;  /* what repair() does; NULL: nothing is safe */
	bool changes_totals; /* so that nobody should mend all of them without saying so */
	StatementId hold;
	StatementId list;
	StatementId list_first; /* before there is a ledger, where that makes a difference */
	StatementId mend;
	/* where there is no statement for it: mends what list has just listed, all or of one subject */
	void (*mend_listed)(uint64 count, const char *subject);
} Finding;

static const Finding findings[] = {
    {
        .name = "duplicate_challenge_type",
        .tables = TYPES_TABLES,
        .hold = TYPES_HOLD,
        .repair = "moves its challenges to the first type of the name and removes it",
        .list = TYPES_LIST,
        .mend = TYPES_MEND,
    },
    {
        .name = "orphan_completion",
        .tables = COMPLETION_TABLES,
        .hold = COMPLETIONS_HOLD,
        .repair = "removes the completion",
        .list = ORPHANS_LIST,
        .mend = ORPHANS_MEND,
    },
    {
        .name = "misplaced_completion",
        .tables = COMPLETION_TABLES,
        .hold = COMPLETIONS_HOLD,
        .repair = "removes the completion; the total stays",
        .list = MISPLACED_LIST,
        .mend = MISPLACED_MEND,
    },
    {
        .name = "unearned_completion",
        .tables = UNEARNED_TABLES,
        .hold = UNEARNED_HOLD,
        .repair = "removes the completion of the challenge, so that its questions pay again",
        .list = UNEARNED_LIST,
        .list_first = UNEARNED_FIRST_LIST,
        .mend = UNEARNED_MEND,
    },
    {
        .name = "null_flag",
        .tables = INSTANCE_TABLES,
        .hold = INSTANCES_HOLD,
        .repair = "empties flag and secret's name; the sync worker fetches both",
        .list = NULL_FLAGS_LIST,
        .mend = NULL_FLAGS_MEND,
    },
    {
        .name = "decoy_flag",
        .tables = INSTANCE_TABLES,
        .hold = INSTANCES_HOLD,
        .repair = "empties the secret's name; the sync worker fetches the flag",
        .list = DECOYS_LIST,
        .mend = DECOYS_MEND,
    },
    {
        .name = "flag_without_secret",
        .tables = INSTANCE_TABLES,
        .list = UNNAMED_LIST,
    },
    {
        .name = "phantom_pack",
        .tables = PACKS_TABLES,
        .hold = PACKS_HOLD,
        .repair = "removes the pack",
        .list = PACKS_LIST,
        .mend = PACKS_MEND,
    },
    {
        .name = "points_without_membership",
        .tables = OUTSIDERS_TABLES,
        .list = OUTSIDERS_LIST,
    },
    {
        .name = "total_differs",
        .tables = TOTALS_TABLES,
        .hold = TOTALS_HOLD,
        .repair = "sets the total to what the completions are worth",
        .changes_totals = true,
        .list = TOTALS_LIST,
        .list_first = TOTALS_FIRST_LIST,
        .mend_listed = mend_totals,
    },
    {
        .name = "balance_differs",
        .tables = BALANCES_TABLES,
        .hold = BALANCES_HOLD,
        .repair = "adds an entry that makes the ledger account for the total, which stays",
        .list = BALANCES_LIST,
        .mend_listed = open_balances,
    },
};

/* Is there a ledger already? */
static bool
has_ledger(void)
{
	statement_run(&statements[LEDGER_EXISTS], NULL, 0);
	return row_bool(0, 1);
}

/* Runs the list of a finding and returns the number of its rows. */
static uint64
list_rows(const Finding *finding, const char *subject)
{
	StatementId list = finding->list;

	progress_report("edurange.findings()", finding->name, (int) (finding - findings) + 1,
	                lengthof(findings));
	STATEMENT_RUN(&statements[RELATION_EXISTS], value_text(finding->tables));
	if (!row_bool(0, 1))
		return 0;
	if (finding->list_first != 0 && !has_ledger())
		list = finding->list_first;
	return STATEMENT_RUN(&statements[list], value_text(subject));
}

static const Finding *
find_finding(const char *name)
{
	for (int i = 0; i < lengthof(findings); i++)
		if (strcmp(findings[i].name, name) == 0)
			return &findings[i];
	raise_error(EDURANGE_INVALID_PARAMETER,
	            "parameter \"finding\" is \"%s\", which is none of edurange.findings()", name);
}

/* Adds the rows of the statement that ran last to the result. */
static void
put_rows(FunctionCallInfo fcinfo, const Finding *finding, uint64 count)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	for (uint64 row = 0; row < count; row++)
	{
		Datum values[4] = {CStringGetTextDatum(finding->name)};
		bool nulls[4] = {false};

		values[1] = row_value(row, 1, TEXTOID, &nulls[1]);
		values[2] = row_value(row, 2, TEXTOID, &nulls[2]);
		nulls[3] = finding->repair == NULL;
		if (!nulls[3])
			values[3] = CStringGetTextDatum(finding->repair);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

void
findings_count(FindingCounted counted, void *argument)
{
	for (int i = 0; i < lengthof(findings); i++)
	{
		uint64 count = list_rows(&findings[i], NULL);

		if (count > 0)
			counted(findings[i].name, count, argument);
	}
	progress_end();
}

/* What is listed of findings, and for whom. */
typedef struct Listing
{
	FunctionCallInfo fcinfo;
	const char *wanted; /* NULL: all findings */
} Listing;

static void
list_findings(void *argument)
{
	const Listing *listing = argument;

	for (int i = 0; i < lengthof(findings); i++)
		if (listing->wanted == NULL || strcmp(findings[i].name, listing->wanted) == 0)
			put_rows(listing->fcinfo, &findings[i], list_rows(&findings[i], NULL));
	progress_end();
}

/* The same with rights on the tables, where edurange_game has none before the first migrate(). */
static void
lend_and_list(void *argument)
{
	(void) lend_tables();
	list_findings(argument);
}

SQL_FUNCTION(edurange_findings)
{
	Listing listing = {.fcinfo = fcinfo, .wanted = optional_text(fcinfo, 0)};

	InitMaterializedSRF(fcinfo, 0);
	statements_begin();
	if (listing.wanted != NULL)
		(void) find_finding(listing.wanted);
	if (has_ledger())
		list_findings(&listing);
	else
		in_subtransaction(lend_and_list, &listing, false);
	statements_end();
	return (Datum) 0;
}

SQL_FUNCTION(edurange_repair)
{
	char *name = required_text(fcinfo, 0, "finding");
	char *subject = optional_text(fcinfo, 1);
	const Finding *finding = find_finding(name);
	uint64 count;

	if (!superuser_arg(surface_caller()))
		raise_error(EDURANGE_FORBIDDEN, "edurange.repair() needs a superuser");
	if (finding->repair == NULL)
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"finding\" is \"%s\", which cannot be repaired automatically",
		            name);
	if (subject == NULL && finding->changes_totals)
		raise_error(EDURANGE_MISSING_PARAMETER,
		            "parameter \"subject\" is missing: the id of a finding \"%s\", or \"all\"",
		            name);
	if (subject != NULL && strcmp(subject, "all") == 0)
		subject = NULL;
	InitMaterializedSRF(fcinfo, 0);
	statements_begin();
	/* Before the first migrate() only what can stand in its way is mended. */
	if (finding->list != TYPES_LIST && !has_ledger())
		raise_error(EDURANGE_NOT_INSTALLED, "edurange.migrate() must have run before a repair");
	(void) lend_tables();
	statement_run(&statements[finding->hold], NULL, 0);
	if (finding->mend != 0)
		count = STATEMENT_RUN(&statements[finding->mend], value_text(subject));
	else
	{
		/* a statement that reads would not see what was committed while the lock was waited for */
		PushActiveSnapshot(GetTransactionSnapshot());
		count = list_rows(finding, subject);
		PopActiveSnapshot();
	}
	put_rows(fcinfo, finding, count);
	if (finding->mend == 0)
		finding->mend_listed(count, subject);
	progress_end();
	statements_end();
	return (Datum) 0;
}
