/*
 * sync.c
 *	  edurange.sync_apply() and sync_apply_list(): bringing instances closer to what the Instance
 *	  Manager proved.
 *
 * One statement compares all pods with all live instances and returns only what differs; a pass in
 * which nothing differs locks and writes nothing.  An instance is changed only while it still has
 * the status that was compared, so that whoever wrote it meanwhile wins.
 *
 * Absence needs evidence.  A pod that is missing from the list is only watched (sync_watch, reason
 * "missing").  Its instance ends when it has been missing for the grace period and get-pod-status
 * says that it is not found.  When too many vanish at once, or when there is no list, the list
 * proves nothing: then the period begins with the first "not found".  When too many are not found, that proves
 * nothing either, for a while (brake.c).
 *
 * A lock of our own, held to the end of the transaction, makes passes follow each other.  Lists and answers about
 * single pods come in any order; what was observed of an instance before the last that was applied to it changes
 * nothing.  A list is compared with the last one (sync_state.applied_at), and leaves out the pods about which an
 * answer came since (sync_watch, reason "observed"); an answer is compared with the one before and, where the pod is
 * listed, with the last list.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"

#include "base/guc.h"
#include "base/own_locks.h"
#include "base/refusal.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "sync/beginning.h"
#include "sync/brake.h"
#include "sync/difference.h"
#include "sync/observation.h"
#include "sync/orphans.h"
#include "sync/sync_sql.h"
#include "sync/sync_status.h"
#include "sync/sync_steps.h"

/*
 * What an observation of a pod does to its instance.  ABSENT stands for the evidence described
 * above.  What is not listed changes nothing, and nothing ever leaves TERMINATED.
 */
#define TRANSITIONS                                                                                \
	"(VALUES"                                                                                      \
	" ('QUEUED', 'CREATING', NULL, 'CREATING'),"                                                   \
	" ('QUEUED', 'ACTIVE', NULL, 'ACTIVE'),"                                                       \
	" ('QUEUED', 'TERMINATING', NULL, 'TERMINATING'),"                                             \
	" ('QUEUED', 'ERROR', NULL, 'ERROR'),"                                                         \
	" ('QUEUED', 'ABSENT', 'past the deadline', 'ERROR'),"                                         \
	" ('CREATING', 'ACTIVE', NULL, 'ACTIVE'),"                                                     \
	" ('CREATING', 'TERMINATING', NULL, 'TERMINATING'),"                                           \
	" ('CREATING', 'ERROR', NULL, 'ERROR'),"                                                       \
	" ('CREATING', 'ABSENT', 'past the deadline', 'ERROR'),"                                       \
	" ('ACTIVE', 'TERMINATING', NULL, 'TERMINATING'),"                                             \
	" ('ACTIVE', 'ERROR', NULL, 'ERROR'),"                                                         \
	" ('ACTIVE', 'ABSENT', NULL, 'TERMINATED'),"                                                   \
	" ('TERMINATING', 'CREATING', 'end given up', 'ERROR'),"                                       \
	" ('TERMINATING', 'ACTIVE', 'end given up', 'ERROR'),"                                         \
	" ('TERMINATING', 'TERMINATING', 'end given up', 'ERROR'),"                                    \
	" ('TERMINATING', 'ERROR', 'end given up', 'ERROR'),"                                          \
	" ('TERMINATING', 'ABSENT', NULL, 'TERMINATED'),"                                              \
	" ('ERROR', 'ACTIVE', 'end not requested', 'ACTIVE'),"                                         \
	" ('ERROR', 'TERMINATING', 'end not given up', 'TERMINATING'),"                                \
	" ('ERROR', 'ABSENT', 'end requested', 'TERMINATED')"                                          \
	") AS t (row_status, observation, condition, next_status)"

/* $11 and $12 deadlines, $14 the limit of requests to end a pod; m and e are watched names */
#define CONDITION_HOLDS                                                                            \
	"CASE t.condition"                                                                             \
	" WHEN 'past the deadline' THEN"                                                               \
	"  m.since <= $8 - CASE s.status WHEN 'QUEUED' THEN $12 ELSE $11 END"                          \
	" WHEN 'end requested' THEN s.attempts > 0"                                                    \
	" WHEN 'end not requested' THEN s.attempts = 0"                                                \
	" WHEN 'end given up' THEN s.attempts >= $14 AND e.due <= $8"                                  \
	" WHEN 'end not given up' THEN s.attempts < $14 ELSE true END"

/* Whether an instance can be expected to have a pod, or to get one. */
#define IS_LIVE(status, attempts)                                                                  \
	"(" status " IN ('QUEUED', 'CREATING', 'ACTIVE', 'TERMINATING')"                               \
	" OR " status " = 'ERROR' AND " attempts " > 0)"

/* What COMPARE takes of an instance that is live. */
/* clang-format off */
#define LIVE_COLUMNS                                                                               \
	"i.id, i.status::text AS status, i.\"terminationAttempts\" AS attempts,"                       \
	" i.\"challengeUrl\" AS url, " SYNCED_SECRET("i") " AS secret, i.\"userId\" AS user_id,"       \
	" i.\"competitionId\" AS group_id"
/* clang-format on */

/* The address that the row of j is to have; null: the one that it has. */
#define NEW_URL                                                                                    \
	"CASE WHEN pod_url <> url AND next NOT IN ('TERMINATING', 'TERMINATED') THEN pod_url END"

/* What COMPARE finds out anew from each list.  Other entries of sync_watch have owners of their own. */
#define COMPARED_REASONS                                                                           \
	"'missing', 'ending', 'zombie', 'unknown', 'mismatch', 'owner', 'flag', 'creating', 'unreadable', 'secret', 'refused'"

/* Whether what was said of pod p was asked for after all that is known of it; $19 the time of the last list. */
/* clang-format off */
#define IS_NEWS                                                                                    \
	"(NOT EXISTS (SELECT FROM edurange.sync_watch o WHERE o.name = p.name"                         \
	"  AND o.reason = 'observed' AND " IS_AFTER("o.since", "p.asked") ")"                          \
	" AND (p.asked >= $19 OR EXISTS (SELECT FROM edurange.sync_watch m WHERE m.name = p.name"      \
	"  AND m.reason = 'missing' AND " IS_AFTER("m.since", "p.asked") " IS NOT TRUE)))"
/* clang-format on */

/*
 * Whether the pod was made anew, with another flag in a secret of the same name: it was missing and is back, it
 * begins again or has begun again (x, its entry as a mismatch), or it had failed.
 */
#define IS_MADE_ANEW                                                                               \
	"(j.since IS NOT NULL OR j.status = 'ERROR' AND j.next = 'ACTIVE' OR j.status = 'ACTIVE' AND"  \
	" CASE j.pod_status WHEN 'CREATING' THEN x.name IS NULL"                                       \
	"  WHEN 'ACTIVE' THEN x.pod_status = 'CREATING' ELSE false END)"

typedef enum StatementId
{
	STATE,
	OVERTAKEN,
	COMPARE,
	NOTE_SEEN,
	FORGET_SEEN,
	LIVE,
	SUSPECT,
	REMEMBER,
	STATEMENT_COUNT
} StatementId;

/* The formatter would break these lines at each macro. */
/* clang-format off */
static Statement statements[STATEMENT_COUNT] = {
    [STATE] = {"SELECT applied_at, cleaned_at FROM edurange.sync_state", {InvalidOid}},
    /* Names of which something newer is known than the list that was observed at $1; and whether anything is noted. */
    [OVERTAKEN] = {"SELECT coalesce(array_agg(name) FILTER (WHERE " IS_AFTER("since", "$1") "), '{}'), count(*) > 0"
                   " FROM edurange.sync_watch WHERE reason = 'observed'",
                   {TIMESTAMPTZOID}},
    /* $1 names, $2 when each was asked for */
    [NOTE_SEEN] = {"INSERT INTO edurange.sync_watch AS w (name, reason, since)"
                   " SELECT name, 'observed', asked FROM unnest($1, $2) AS n (name, asked) WHERE " WATCHABLE("name")
                   " ON CONFLICT (name, reason) DO UPDATE SET since = EXCLUDED.since",
                   {TEXTARRAYOID, TIMESTAMPTZARRAYOID}},
    [FORGET_SEEN] = {"DELETE FROM edurange.sync_watch WHERE reason = 'observed' AND NOT " IS_AFTER("since", "$1"),
                     {TIMESTAMPTZOID}},
    /*
	 * What differs.  $1 to $7 the observed pods (ObservedPods), $8 observed at, $9 whether they are a
	 * whole list, $10 grace, $11 deadline of CREATING, $12 of QUEUED, $13 time to end, $14 limit of
	 * requests to end, $15 quarantine, $16 the time after which a pod must have begun to be missing for its
	 * instance to be held (brake.c), $17 whether what is not listed is absent, $18 when each pod was asked for, $19
	 * the time of the last list, $20 names of which more is known by now.
	 */
    [COMPARE] =
        {"WITH pod AS MATERIALIZED (SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $18)"
         "  AS p (name, status, listed, url, trouble, user_id, group_id, asked)"
         "  WHERE CASE WHEN $9 THEN p.name <> ALL ($20) ELSE " IS_NEWS " END),"
         " live AS (SELECT " LIVE_COLUMNS " FROM public.\"ChallengeInstance\" i WHERE $9 AND i.id <> ALL ($20)"
         "   AND " IS_LIVE("i.status", "i.\"terminationAttempts\"")
         "  UNION ALL SELECT " LIVE_COLUMNS " FROM public.\"ChallengeInstance\" i WHERE NOT $9 AND i.id = ANY ($1)"
         "   AND " IS_LIVE("i.status", "i.\"terminationAttempts\"") "),"
         /* instances that are over are looked up only for pods that have no live one */
         " seen AS (SELECT coalesce(p.name, l.id) AS name, p.name IS NOT NULL AS observed,"
         "  coalesce(p.listed, false) AS listed, CASE WHEN p.name IS NOT NULL THEN p.status"
         "   WHEN NOT " IS_POD_NAME("l.id") " THEN 'not_found' END AS pod_status, p.url AS pod_url,"
         "  p.trouble, p.user_id AS pod_user,"
         "  p.group_id AS pod_group, coalesce(l.status, o.status::text) AS status,"
         "  coalesce(l.attempts, o.\"terminationAttempts\") AS attempts,"
         "  coalesce(l.url, o.\"challengeUrl\") AS url,"
         "  CASE WHEN l.id IS NULL THEN " SYNCED_SECRET("o") " ELSE l.secret END AS secret,"
         "  coalesce(l.user_id, o.\"userId\") AS user_id,"
         "  coalesce(l.group_id, o.\"competitionId\") AS group_id"
         "  FROM pod p FULL JOIN live l ON l.id = p.name"
         "  LEFT JOIN public.\"ChallengeInstance\" o"
         "   ON o.id = CASE WHEN l.id IS NULL THEN p.name END"
         "  WHERE $9 OR p.name IS NOT NULL),"
         " judged AS MATERIALIZED (SELECT s.*, m.name IS NOT NULL AS marked, m.since, m.due,"
         "  m.attempts AS asked_in_vain, e.attempts AS ends_requested, e.since AS ends_since,"
         "  coalesce(t.next_status, s.status) AS next FROM seen s"
         "  LEFT JOIN edurange.sync_watch m ON m.name = s.name AND m.reason = 'missing'"
         "  LEFT JOIN edurange.sync_watch e ON e.name = s.name AND e.reason = 'ending'"
         "  LEFT JOIN " TRANSITIONS " ON t.row_status = s.status AND t.observation ="
         "   CASE WHEN s.pod_status = 'not_found' THEN"
         "     CASE WHEN m.since <= $8 - $10 AND NOT (m.since > $16"
         "      AND s.status IN ('QUEUED', 'CREATING', 'ACTIVE')) THEN 'ABSENT' END ELSE s.pod_status END"
         "   AND " CONDITION_HOLDS "),"
         /* vanished: had a pod in the last good list, or must have had one */
         " hold AS (SELECT held, held > 0 OR NOT $17 AS unproved FROM (SELECT CASE WHEN $9"
         "   AND " IS_MANY("count(*) FILTER (WHERE NOT listed AND since IS NULL)", "count(*)")
         "   THEN count(*) FILTER (WHERE NOT listed AND since IS NULL) ELSE 0 END::integer AS held"
         "   FROM judged WHERE status = 'ACTIVE') AS counted),"
         " reason AS (SELECT j.*, CASE"
         "   WHEN status IS NULL THEN CASE WHEN listed"
         "    AND pod_status IN ('CREATING', 'ACTIVE', 'ERROR') THEN 'unknown' END"
         "   WHEN next = 'TERMINATED' THEN CASE WHEN listed"
         "    AND pod_status IN ('CREATING', 'ACTIVE', 'ERROR') THEN 'zombie' END"
         "   WHEN NOT listed THEN CASE WHEN " IS_LIVE("next", "attempts")
         "    AND (marked OR NOT observed OR pod_status = 'not_found') THEN 'missing' END"
         "   WHEN next = 'TERMINATING' OR next = 'ERROR' AND attempts > 0 THEN 'ending'"
         "   WHEN next = 'CREATING' AND pod_status = 'CREATING' THEN 'creating'"
         "   WHEN next <> pod_status THEN 'mismatch' END AS reason FROM judged j),"
         /* attempts: how many, counted from since; null: since, due and attempts stay as they are */
         " wanted AS (SELECT name, reason, pod_status, CASE WHEN reason = 'ending' THEN coalesce(ends_since, $8)"
         "    WHEN reason <> 'missing' THEN $8 WHEN pod_status = 'not_found' THEN coalesce(since, $8)"
         "    WHEN pod_status IS NOT NULL THEN NULL WHEN observed OR unproved THEN since"
         "    ELSE coalesce(since, $8) END AS since,"
         "   CASE reason WHEN 'unknown' THEN $8 + $15 WHEN 'creating' THEN $8 + $11 WHEN 'zombie' THEN $8 + $10"
         "    WHEN 'ending' THEN $8 + CASE WHEN status <> next"
         "     THEN " RETRY_AFTER("$13", "coalesce(ends_requested, 0)", LONGEST_WAIT) " ELSE $13 END"
         /* a pod that was asked for too early, as after a hold, is asked for again when the period is over */
         "    WHEN 'missing' THEN CASE WHEN pod_status = 'not_found' AND least(since, $8) + $10 > $8"
         "      THEN least(since, $8) + $10 WHEN observed THEN $8 + $10"
         "     WHEN marked AND (since IS NOT NULL OR unproved) THEN due"
         "     WHEN unproved THEN $8 ELSE $8 + $10 END END AS due,"
         "   CASE reason WHEN 'missing' THEN CASE WHEN pod_status IS NOT NULL THEN 0"
         "      ELSE coalesce(asked_in_vain, 0) + observed::integer END"
         "    WHEN 'ending' THEN CASE WHEN status = 'TERMINATING' AND next = 'ERROR' THEN ends_requested END"
         "    END AS attempts"
         "  FROM reason, hold WHERE reason IS NOT NULL AND " WATCHABLE("name")
         "  UNION ALL SELECT name, 'owner', NULL, $8, NULL, NULL FROM judged"
         "   WHERE listed AND " LABEL_DIFFERS("pod_user", "user_id")
         "   OR listed AND pod_group <> 'standalone' AND " LABEL_DIFFERS("pod_group", "group_id")
         "  UNION ALL SELECT name, trouble, NULL, $8, NULL, NULL FROM judged WHERE trouble IS NOT NULL"
         /* what was refused stays noted as long as it is wanted */
         "  UNION ALL SELECT r.name, r.reason, NULL, r.since, r.due, NULL FROM judged j"
         "   JOIN edurange.sync_watch r ON r.name = j.name AND r.reason = 'refused'"
         "   WHERE $9 AND (next <> status OR " NEW_URL " IS NOT NULL)"
         "  UNION ALL SELECT name, 'flag', NULL, CASE WHEN new OR made_anew THEN $8 ELSE known_since END,"
         "   CASE WHEN new OR made_anew OR starts THEN $8 ELSE known_due END,"
         "   CASE WHEN new OR made_anew OR starts THEN 0 END"
         "  FROM (SELECT j.*, f.name IS NULL AS new, f.since AS known_since, f.due AS known_due,"
         "    " IS_MADE_ANEW " AS made_anew, j.next = 'ACTIVE' AND j.status <> 'ACTIVE' AS starts FROM judged j"
         "    LEFT JOIN edurange.sync_watch f ON f.name = j.name AND f.reason = 'flag'"
         "    LEFT JOIN edurange.sync_watch x ON x.name = j.name AND x.reason = 'mismatch') AS g"
         "  WHERE listed AND next IN ('CREATING', 'ACTIVE') AND trouble IS DISTINCT FROM 'secret'"
         "   AND (secret IS DISTINCT FROM " OWN_SECRET("name") " OR NOT new OR made_anew)),"
         " watched AS (SELECT * FROM edurange.sync_watch WHERE CASE WHEN $9"
         "   THEN reason IN (" COMPARED_REASONS ") AND name <> ALL ($20)"
         "   ELSE reason = 'missing' AND name IN (SELECT name FROM pod) END),"
         " difference AS (SELECT coalesce(n.name, w.name) AS name,"
         "   coalesce(n.reason, w.reason) AS reason, n.pod_status, n.since, n.due, n.attempts,"
         "   n.name IS NULL AS over, w.name IS NULL AS new"
         "  FROM wanted n FULL JOIN watched w ON w.name = n.name AND w.reason = n.reason"
         "  WHERE n.name IS NULL OR w.name IS NULL OR CASE WHEN n.attempts IS NOT NULL"
         "   THEN (n.since, n.due, n.attempts) IS DISTINCT FROM (w.since, w.due, w.attempts)"
         "   ELSE n.pod_status IS DISTINCT FROM w.pod_status END),"
         " change AS (SELECT array_agg(name) AS ids, array_agg(status) AS from_status,"
         "   array_agg(next) AS to_status, array_agg(new_url) AS urls,"
         "   array_agg(name) FILTER (WHERE pod_status = 'not_found') AS absent"
         "  FROM (SELECT name, status, next, pod_status, " NEW_URL " AS new_url FROM judged ORDER BY name) AS c"
         "  WHERE next <> status OR new_url IS NOT NULL),"
         " put AS (SELECT array_agg(name) AS names, array_agg(reason) AS reasons,"
         "   array_agg(pod_status) AS statuses, array_agg(since) AS since, array_agg(due) AS due,"
         "   array_agg(attempts) AS attempts, array_agg(name) FILTER (WHERE reason = 'owner' AND new) AS owners,"
         "   array_agg(name) FILTER (WHERE reason = 'unreadable' AND new) AS unreadable,"
         "   array_agg(name) FILTER (WHERE reason = 'secret' AND new) AS secrets"
         "  FROM difference WHERE NOT over),"
         " gone AS (SELECT array_agg(name) AS names, array_agg(reason) AS reasons"
         "  FROM difference WHERE over),"
         " news AS (SELECT count(*)::integer AS count, array_agg(name) FILTER (WHERE status IS NOT NULL) AS names,"
         "   array_agg(asked) FILTER (WHERE status IS NOT NULL) AS asked FROM pod WHERE NOT $9)"
         " SELECT held, change.ids, from_status, to_status, urls, absent, put.names, put.reasons, put.statuses,"
         "  put.since, put.due, put.attempts, gone.names, gone.reasons, owners, unreadable, secrets,"
         "  news.names, news.asked, news.count"
         " FROM hold, change, put, gone, news",
         {TEXTARRAYOID, TEXTARRAYOID, BOOLARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
          TEXTARRAYOID, TIMESTAMPTZOID, BOOLOID, INTERVALOID, INTERVALOID, INTERVALOID, INTERVALOID,
          INT4OID, INTERVALOID, TIMESTAMPTZOID, BOOLOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZOID, TEXTARRAYOID}},
    /* Without a list for long, every live instance is asked for: $1 observed at. */
    [LIVE] = {"SELECT array_agg(i.id) FROM public.\"ChallengeInstance\" i"
              " WHERE " IS_LIVE("i.status", "i.\"terminationAttempts\""),
              {InvalidOid}},
    /* $1 names, $2 observed at */
    [SUSPECT] = {"INSERT INTO edurange.sync_watch (name, reason, due)"
                 " SELECT name, 'missing', $2 FROM unnest($1) AS n (name) WHERE " WATCHABLE("name")
                 " ON CONFLICT (name, reason) DO NOTHING",
                 {TEXTARRAYOID, TIMESTAMPTZOID}},
    [REMEMBER] = {"UPDATE edurange.sync_state SET applied_at = $1,"
                  " cleaned_at = CASE WHEN $2 THEN $1 ELSE cleaned_at END",
                  {TIMESTAMPTZOID, BOOLOID}},
};
/* clang-format on */

/* When something was applied last and cleaned up last; 0: never, or the clock was set back since. */
typedef struct State
{
	TimestampTz applied_at;
	TimestampTz cleaned_at;
} State;

static TimestampTz
past_time(int number)
{
	TimestampTz time = row_time_or_zero(0, number);

	return time > GetCurrentTimestamp() ? 0 : time;
}

static State
read_state(void)
{
	TimestampTz known = sync_status_applied();
	State state;

	if (statement_run(&statements[STATE], NULL, 0) == 0)
		raise_error(EDURANGE_NOT_INSTALLED, "table \"edurange.sync_state\" has lost its row");
	state = (State){.applied_at = past_time(1), .cleaned_at = past_time(2)};
	if (known <= GetCurrentTimestamp())
		state.applied_at = Max(state.applied_at, known);
	return state;
}

static Oid
column_type(int column)
{
	switch (column)
	{
		case PUT_SINCE:
		case PUT_DUE:
		case SEEN_AT:
			return TIMESTAMPTZARRAYOID;
		case PUT_ATTEMPTS:
			return INT4ARRAYOID;
		default:
			return TEXTARRAYOID;
	}
}

static void
compare(const Observation *observation, NullableDatum observed_at, const State *state,
        Difference *found)
{
	const ObservedPods *pods = &observation->pods;
	NullableDatum hold = brake_judge(observation, observed_at, &found->held);
	NullableDatum overtaken;
	bool forgets;
	int32 held = found->held;

	STATEMENT_RUN(&statements[OVERTAKEN], observed_at);
	overtaken = row_argument(0, 1, TEXTARRAYOID);
	forgets = observation->has_list && row_bool(0, 2);
	STATEMENT_RUN(&statements[COMPARE], pods->names, pods->statuses, pods->listed, pods->urls,
	              pods->troubles, pods->users, pods->groups, observed_at,
	              value_bool(observation->has_list), value_span(guc_sync_grace),
	              value_span(guc_sync_creating_deadline), value_span(guc_sync_queued_deadline),
	              value_span(guc_sync_end_interval), value_int(guc_sync_end_attempts),
	              value_span(guc_sync_quarantine), hold, value_bool(observation->complete),
	              pods->asked, value_time(state->applied_at), overtaken);
	for (int i = CHANGED_IDS; i <= SEEN_AT; i++)
		found->columns[i] = row_argument(0, i, column_type(i));
	found->held = Max(row_int(0, HELD), held);
	found->news = row_int(0, NEWS);
	if (forgets)
		STATEMENT_RUN(&statements[FORGET_SEEN], observed_at);
	if (!found->columns[SEEN_NAMES].isnull)
		STATEMENT_RUN(&statements[NOTE_SEEN], found->columns[SEEN_NAMES], found->columns[SEEN_AT]);
}

/* What a pass came to, for its caller. */
typedef struct Outcome
{
	int32 changed;
	int32 held;
} Outcome;

/*
 * Applies what pods there are, or what was said of some.  Adoption and retention wait for a list: only that shows
 * what is there.  A list that wrote nothing does not move the time of the last one either, so that idle polls
 * write nothing at all.
 */
static void
apply_pods(const Observation *observation, NullableDatum observed_at, const State *state,
           Outcome *outcome)
{
	Difference found = {0};
	bool wrote = false;
	bool cleans = false;

	compare(observation, observed_at, state, &found);
	outcome->held = found.held;
	outcome->changed += difference_write(&found, observation->trouble, observed_at, &wrote);
	if (!observation->has_list)
	{
		if (found.news == 0)
			sync_status_stale();
		return;
	}
	outcome->changed += sync_adopt_pods(&observation->pods, observed_at, &wrote);
	orphans_find(&observation->pods, observed_at, &wrote);
	cleans = sync_clean(DatumGetTimestampTz(observed_at.value), state->cleaned_at);
	if (wrote || cleans)
		STATEMENT_RUN(&statements[REMEMBER], observed_at, value_bool(cleans));
}

/* Notes that there is no list; when that lasts, all instances are asked for one by one. */
static void
note_failure(const char *error, NullableDatum observed_at)
{
	TimestampTz at = DatumGetTimestampTz(observed_at.value);
	TimestampTz since = sync_status_failure(at, error);

	if (at - since < guc_sync_grace * INT64CONST(1000))
		return;
	statement_run(&statements[LIVE], NULL, 0);
	STATEMENT_RUN(&statements[SUSPECT], row_argument(0, 1, TEXTARRAYOID), observed_at);
}

/* Notes how a pass went, for edurange.sync_status(). */
static void
note_pass(const Observation *observation, TimestampTz observed_at, const Outcome *outcome,
          instr_time began)
{
	instr_time took;

	INSTR_TIME_SET_CURRENT(took);
	INSTR_TIME_SUBTRACT(took, began);
	if (observation->has_list)
		sync_status_success(&(SyncPass){.observed_at = observed_at,
		                                .pods = observation->listed,
		                                .held = outcome->held,
		                                .changed = outcome->changed,
		                                .fetch_ms = observation->duration_ms,
		                                .apply_ms = INSTR_TIME_GET_MILLISEC(took)});
	else
		sync_status_changed(outcome->changed);
}

/* When the observation was made.  Where the clock jumped since the last one, that says nothing. */
static TimestampTz
checked_time(FunctionCallInfo fcinfo, bool *clock_jumped)
{
	TimestampTz observed_at;

	*clock_jumped = sync_status_clock_jumped();
	if (PG_ARGISNULL(1))
		raise_error(EDURANGE_MISSING_PARAMETER, "parameter \"observed_at\" is missing");
	observed_at = PG_GETARG_TIMESTAMPTZ(1);
	if (TIMESTAMP_NOT_FINITE(observed_at) ||
	    (observed_at > GetCurrentTimestamp() && !*clock_jumped))
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"observed_at\" must not be in the future");
	return observed_at;
}

/*
 * One pass: applies the observation, a list unless it is older than the last one that was, and answers with
 * what it came to.  The lock makes passes follow each other, so that what is read here stays true.
 */
static Datum
pass(FunctionCallInfo fcinfo, const Observation *observation, TimestampTz observed_at,
     bool clock_jumped, instr_time began)
{
	NullableDatum at = value_time(observed_at);
	Outcome outcome = {.held = sync_status_hold().held};
	NullableDatum wanted;
	State state;

	statements_begin();
	(void) lock_take(LOCK_PASSES, 0, true);
	if (clock_jumped)
		begin_anew();
	state = read_state();
	sync_count_ends(&observation->ends, at);
	outcome.changed += sync_store_flags(&observation->flags, at);
	if (observation->problems.told)
		sync_status_problems(observation->problems.ends, observation->problems.statuses,
		                     observation->problems.flags);
	if (clock_jumped || (observation->has_list && observed_at < state.applied_at))
		sync_status_stale();
	else
	{
		if (observation->error != NULL)
			note_failure(observation->error, at);
		if (observation->has_list || observation->pods.count > 0)
			apply_pods(observation, at, &state, &outcome);
		note_pass(observation, observed_at, &outcome, began);
	}
	wanted = sync_wanted(at);
	statements_end();
	return composite_result(fcinfo,
	                        (NullableDatum[]){value_int(observation->listed),
	                                          value_int(outcome.changed), value_int(outcome.held),
	                                          wanted},
	                        4);
}

SQL_FUNCTION_OF(edurange_sync_apply, PACK_BYTES)
{
	Observation observation = {0};
	TimestampTz observed_at;
	bool clock_jumped;
	instr_time began;

	INSTR_TIME_SET_CURRENT(began);
	if (PG_ARGISNULL(0))
		raise_error(EDURANGE_MISSING_PARAMETER, "parameter \"snapshot\" is missing");
	observed_at = checked_time(fcinfo, &clock_jumped);
	observation_read(PG_GETARG_JSONB_P(0), observed_at, &observation);
	return pass(fcinfo, &observation, observed_at, clock_jumped, began);
}

SQL_FUNCTION_OF(edurange_sync_apply_list, PACK_BYTES)
{
	Observation observation = {.duration_ms = PG_ARGISNULL(2) ? -1 : PG_GETARG_FLOAT8(2)};
	TimestampTz observed_at;
	bool clock_jumped;
	instr_time began;
	text *list;

	INSTR_TIME_SET_CURRENT(began);
	if (PG_ARGISNULL(0))
		raise_error(EDURANGE_MISSING_PARAMETER, "parameter \"list\" is missing");
	observed_at = checked_time(fcinfo, &clock_jumped);
	list = PG_GETARG_TEXT_PP(0);
	observation_read_list(VARDATA_ANY(list), (int) VARSIZE_ANY_EXHDR(list), &observation);
	return pass(fcinfo, &observation, observed_at, clock_jumped, began);
}
