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
 * proves nothing: then the period begins with the first "not found".
 *
 * PASS_LOCK, held to the end of the transaction, makes passes follow each other; one that was
 * observed before the last one applied changes nothing.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"

#include "base/guc.h"
#include "base/own_locks.h"
#include "base/refusal.h"
#include "base/statements.h"
#include "base/surface.h"
#include "sync/observation.h"
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

/* The name of the secret whose value an instance has; null where it has none. */
#define SYNCED_SECRET(i)                                                                           \
	"CASE WHEN btrim(coalesce(" i ".flag, '')) NOT IN ('', 'null')"                                \
	" THEN " i ".\"flagSecretName\" END"

typedef enum StatementId
{
	STATE,
	COMPARE,
	LOCK_PARENTS,
	UPDATE_INSTANCES,
	PUT_WATCHED,
	DROP_WATCHED,
	LIVE,
	SUSPECT,
	REMEMBER,
	WANTED,
	STATEMENT_COUNT
} StatementId;

/* Columns of COMPARE. */
enum
{
	HELD = 1,
	CHANGED_IDS,
	CHANGED_FROM,
	CHANGED_TO,
	CHANGED_URLS,
	CHANGED_ABSENT,
	PUT_NAMES,
	PUT_REASONS,
	PUT_STATUSES,
	PUT_SINCE,
	PUT_DUE,
	DROP_NAMES,
	DROP_REASONS,
	SECRET_IDS,
	SECRET_NAMES,
	NEW_OWNER_MISMATCHES
};

/* The formatter would break these statements between every two words. */
/* clang-format off */
static Statement statements[STATEMENT_COUNT] = {
    [STATE] = {"SELECT applied_at, cleaned_at FROM edurange.sync_state", {InvalidOid}},
    /*
	 * What differs.  $1 to $7 the observed pods (ObservedPods), $8 observed at, $9 whether they are a
	 * whole list, $10 grace, $11 deadline of CREATING, $12 of QUEUED, $13 time to end, $14 limit of
	 * requests to end, $15 quarantine.
	 */
    [COMPARE] =
        {"WITH pod AS MATERIALIZED (SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)"
         "  AS p (name, status, listed, url, secret, user_id, group_id)),"
         " live AS (SELECT i.id, i.status::text AS status, i.\"terminationAttempts\" AS attempts,"
         "  i.\"challengeUrl\" AS url, " SYNCED_SECRET("i") " AS secret, i.\"userId\" AS user_id,"
         "  i.\"competitionId\" AS group_id FROM public.\"ChallengeInstance\" i"
         "  WHERE " IS_LIVE("i.status", "i.\"terminationAttempts\"") "),"
         /* instances that are over are looked up only for pods that have no live one */
         " seen AS (SELECT coalesce(p.name, l.id) AS name, p.name IS NOT NULL AS observed,"
         "  coalesce(p.listed, false) AS listed, p.status AS pod_status, p.url AS pod_url,"
         "  coalesce(p.secret, 'flag-secret-' || p.name) AS pod_secret, p.user_id AS pod_user,"
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
         "  coalesce(t.next_status, s.status) AS next FROM seen s"
         "  LEFT JOIN edurange.sync_watch m ON m.name = s.name AND m.reason = 'missing'"
         "  LEFT JOIN edurange.sync_watch e ON e.name = s.name AND e.reason = 'ending'"
         "  LEFT JOIN " TRANSITIONS " ON t.row_status = s.status AND t.observation ="
         "   CASE WHEN s.pod_status = 'not_found' THEN"
         "     CASE WHEN m.since <= $8 - $10 THEN 'ABSENT' END ELSE s.pod_status END"
         "   AND " CONDITION_HOLDS "),"
         /* vanished: had a pod in the last good list, or must have had one */
         " hold AS (SELECT CASE WHEN $9 AND vanished > greatest(3, expected * 0.2)"
         "   THEN vanished ELSE 0 END::integer AS held FROM (SELECT count(*) AS expected,"
         "   count(*) FILTER (WHERE NOT listed AND since IS NULL) AS vanished"
         "   FROM judged WHERE status IN ('ACTIVE', 'TERMINATING')) AS counted),"
         " reason AS (SELECT j.*, CASE"
         "   WHEN status IS NULL THEN CASE WHEN listed"
         "    AND pod_status IN ('CREATING', 'ACTIVE', 'ERROR') THEN 'unknown' END"
         "   WHEN next = 'TERMINATED' THEN CASE WHEN listed"
         "    AND pod_status IN ('CREATING', 'ACTIVE', 'ERROR') THEN 'zombie' END"
         "   WHEN NOT listed THEN CASE WHEN " IS_LIVE("next", "attempts")
         "    AND (marked OR NOT observed OR pod_status = 'not_found') THEN 'missing' END"
         "   WHEN next = 'TERMINATING' THEN 'ending'"
         "   WHEN next <> pod_status THEN 'mismatch' END AS reason FROM judged j),"
         " wanted AS (SELECT name, reason, pod_status, CASE WHEN reason <> 'missing' THEN $8"
         "    WHEN pod_status = 'not_found' THEN coalesce(since, $8)"
         "    WHEN pod_status IS NOT NULL THEN NULL WHEN observed OR held > 0 THEN since"
         "    ELSE coalesce(since, $8) END AS since,"
         "   CASE reason WHEN 'unknown' THEN $8 + $15 WHEN 'ending' THEN $8 + $13"
         "    WHEN 'zombie' THEN $8 + $10 WHEN 'missing' THEN CASE WHEN observed THEN $8 + $10"
         "     WHEN marked AND (since IS NOT NULL OR held > 0) THEN due"
         "     WHEN held > 0 THEN $8 ELSE $8 + $10 END END AS due"
         "  FROM reason, hold WHERE reason IS NOT NULL"
         "  UNION ALL SELECT name, 'owner', NULL, $8, NULL FROM judged"
         "   WHERE listed AND " LABEL_DIFFERS("pod_user", "user_id")
         "   OR listed AND pod_group <> 'standalone' AND " LABEL_DIFFERS("pod_group", "group_id")
         "  UNION ALL SELECT j.name, 'flag', NULL, f.since, f.due FROM judged j"
         "   JOIN edurange.sync_watch f ON f.name = j.name AND f.reason = 'flag'"
         "   WHERE j.listed AND j.next IN ('CREATING', 'ACTIVE')"
         "   AND j.secret IS DISTINCT FROM j.pod_secret),"
         " watched AS (SELECT * FROM edurange.sync_watch WHERE CASE WHEN $9"
         "   THEN reason <> 'retained' ELSE reason = 'missing' AND name = ANY ($1) END),"
         " difference AS (SELECT coalesce(n.name, w.name) AS name,"
         "   coalesce(n.reason, w.reason) AS reason, n.pod_status, n.since, n.due,"
         "   n.name IS NULL AS over, w.name IS NULL AS new"
         "  FROM wanted n FULL JOIN watched w ON w.name = n.name AND w.reason = n.reason"
         "  WHERE n.name IS NULL OR w.name IS NULL OR CASE n.reason WHEN 'missing'"
         "   THEN (n.since, n.due) IS DISTINCT FROM (w.since, w.due)"
         "   ELSE n.pod_status IS DISTINCT FROM w.pod_status END),"
         " change AS (SELECT array_agg(name) AS ids, array_agg(status) AS from_status,"
         "   array_agg(next) AS to_status, array_agg(new_url) AS urls,"
         "   array_agg(name) FILTER (WHERE pod_status = 'not_found') AS absent"
         "  FROM (SELECT name, status, next, pod_status, CASE WHEN pod_url <> url"
         "    AND next NOT IN ('TERMINATING', 'TERMINATED') THEN pod_url END AS new_url"
         "   FROM judged ORDER BY name) AS c WHERE next <> status OR new_url IS NOT NULL),"
         " put AS (SELECT array_agg(name) AS names, array_agg(reason) AS reasons,"
         "   array_agg(pod_status) AS statuses, array_agg(since) AS since, array_agg(due) AS due,"
         "   array_agg(name) FILTER (WHERE reason = 'owner' AND new) AS owners"
         "  FROM difference WHERE NOT over),"
         " gone AS (SELECT array_agg(name) AS names, array_agg(reason) AS reasons"
         "  FROM difference WHERE over),"
         " secret AS (SELECT array_agg(name) AS ids, array_agg(pod_secret) AS names FROM (SELECT"
         "   j.name, j.pod_secret FROM judged j LEFT JOIN edurange.sync_watch f"
         "   ON f.name = j.name AND f.reason = 'flag'"
         "   WHERE j.listed AND j.next IN ('CREATING', 'ACTIVE')"
         "   AND j.secret IS DISTINCT FROM j.pod_secret AND (f.due IS NULL OR f.due <= $8)"
         "   ORDER BY f.due NULLS FIRST, j.name LIMIT " WANTED_LIMIT ") AS s)"
         " SELECT held, change.ids, from_status, to_status, urls, absent, put.names, put.reasons, put.statuses,"
         "  put.since, put.due, gone.names, gone.reasons, secret.ids, secret.names, put.owners"
         " FROM hold, change, put, gone, secret",
         {TEXTARRAYOID, TEXTARRAYOID, BOOLARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
          TEXTARRAYOID, TIMESTAMPTZOID, BOOLOID, INTERVALOID, INTERVALOID, INTERVALOID, INTERVALOID,
          INT4OID, INTERVALOID}},
    /* Whoever an entry in the log will name, in the order in which deletions lock them. */
    [LOCK_PARENTS] = {"SELECT FROM public.\"ChallengeInstance\" i"
                      " JOIN public.\"User\" u ON u.id = i.\"userId\""
                      " JOIN public.\"CompetitionGroup\" g ON g.id = i.\"competitionId\""
                      " JOIN public.\"Challenge\" c ON c.id = i.\"challengeId\""
                      " WHERE i.id IN (SELECT n.id FROM unnest($1, $2, $3) AS n (id, was, status)"
                      "  WHERE n.status <> n.was AND n.status IN ('TERMINATED', 'ERROR'))"
                      " ORDER BY u.id, g.id, c.id FOR KEY SHARE OF u, g, c",
                      {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID}},
    /*
	 * $1 ids, $2 the statuses that were compared, $3 the new ones, $4 new addresses or null, $5 ids
	 * of those without a pod.  A row whose status is not the compared one any more was written by
	 * somebody else since, and is left alone.  An end that the dashboard has logged already is not
	 * logged again.
	 */
    [UPDATE_INSTANCES] =
        {"WITH changed AS (UPDATE public.\"ChallengeInstance\" AS i"
         "  SET status = n.status::public.\"ChallengeStatus\","
         "  \"challengeUrl\" = coalesce(n.url, i.\"challengeUrl\"),"
         "  \"lastStatusChange\" = CASE WHEN n.status <> n.was"
         "   THEN clock_timestamp() AT TIME ZONE 'UTC' ELSE i.\"lastStatusChange\" END,"
         "  \"terminationAttempts\" = CASE WHEN n.status = 'ACTIVE' THEN 0"
         "   ELSE i.\"terminationAttempts\" END"
         "  FROM unnest($1, $2, $3, $4) AS n (id, was, status, url)"
         "  WHERE i.id = n.id AND i.status = n.was::public.\"ChallengeStatus\""
         "  RETURNING i.id, i.\"userId\", i.\"challengeId\", i.\"competitionId\", n.was, n.status,"
         "   i.\"terminationAttempts\" AS attempts),"
         " logged AS (INSERT INTO public.\"ActivityLog\" " LOG_COLUMNS
         "  SELECT edurange.new_id(), (CASE status"
         "   WHEN 'TERMINATED' THEN 'CHALLENGE_INSTANCE_DELETED' ELSE 'SYSTEM_WARNING'"
         "   END)::public.\"ActivityEventType\", \"userId\", \"challengeId\", \"competitionId\", id,"
         "   jsonb_build_object('reportedBy', 'server', 'instanceId', id, 'previousStatus', was)"
         "   || CASE WHEN status = 'TERMINATED' THEN jsonb_build_object('deletionTime',"
         "     to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'))"
         "    WHEN was = 'TERMINATING' THEN jsonb_build_object('reason',"
         "     'the pod did not end', 'terminationAttempts', attempts)"
         "    ELSE jsonb_build_object('reason', CASE WHEN id = ANY ($5)"
         "     THEN 'no pod appeared in time' ELSE 'the pod failed' END) END,"
         "   (CASE status WHEN 'TERMINATED' THEN 'INFO' ELSE 'WARNING' END)::public.\"LogSeverity\","
         "   clock_timestamp() AT TIME ZONE 'UTC' FROM changed"
         "  WHERE status <> was AND (status = 'ERROR' OR status = 'TERMINATED' AND NOT EXISTS ("
         "   SELECT FROM public.\"ActivityLog\" l WHERE l.\"challengeInstanceId\" = changed.id"
         "   AND l.\"eventType\" = 'CHALLENGE_INSTANCE_DELETED')))"
         " SELECT count(*)::integer FROM changed",
         {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID}},
    [PUT_WATCHED] = {"INSERT INTO edurange.sync_watch AS w (name, reason, pod_status, since, due)"
                     " SELECT * FROM unnest($1, $2, $3, $4, $5)"
                     " ON CONFLICT (name, reason) DO UPDATE SET pod_status = EXCLUDED.pod_status,"
                     " since = CASE w.reason WHEN 'missing' THEN EXCLUDED.since ELSE w.since END,"
                     " due = CASE w.reason WHEN 'missing' THEN EXCLUDED.due ELSE w.due END",
                     {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID,
                      TIMESTAMPTZARRAYOID}},
    [DROP_WATCHED] = {"DELETE FROM edurange.sync_watch w USING unnest($1, $2) AS d (name, reason)"
                      " WHERE w.name = d.name AND w.reason = d.reason",
                      {TEXTARRAYOID, TEXTARRAYOID}},
    /* Without a list for long, every live instance is asked for: $1 observed at. */
    [LIVE] = {"SELECT array_agg(i.id) FROM public.\"ChallengeInstance\" i"
              " WHERE " IS_LIVE("i.status", "i.\"terminationAttempts\""),
              {InvalidOid}},
    /* $1 names, $2 observed at */
    [SUSPECT] = {"INSERT INTO edurange.sync_watch (name, reason, due)"
                 " SELECT name, 'missing', $2 FROM unnest($1) AS n (name)"
                 " ON CONFLICT (name, reason) DO NOTHING",
                 {TEXTARRAYOID, TIMESTAMPTZOID}},
    [REMEMBER] = {"UPDATE edurange.sync_state SET applied_at = $1,"
                  " cleaned_at = CASE WHEN $2 THEN $1 ELSE cleaned_at END",
                  {TIMESTAMPTZOID, BOOLOID}},
    /* $1 instances without a flag and $2 their secrets, $3 pods to end, $4 observed at */
    [WANTED] = {"SELECT jsonb_build_object("
                " 'statuses', coalesce((SELECT jsonb_agg(jsonb_build_object('name', name))"
                "  FROM (SELECT name FROM edurange.sync_watch WHERE reason = 'missing'"
                "   AND due <= $4 ORDER BY due, name LIMIT " WANTED_LIMIT ") AS d), '[]'),"
                " 'secrets', coalesce((SELECT jsonb_agg(jsonb_build_object("
                "   'name', s.name, 'secret_name', s.secret))"
                "  FROM unnest($1, $2) AS s (name, secret)), '[]'),"
                " 'ends', coalesce((SELECT jsonb_agg(jsonb_build_object('name', e.name))"
                "  FROM unnest($3) AS e (name)), '[]'))",
                {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID}},
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

/* The type of a column of COMPARE: times of two, else texts. */
static Oid
difference_type(int column)
{
	return column == PUT_SINCE || column == PUT_DUE ? TIMESTAMPTZARRAYOID : TEXTARRAYOID;
}

/* What COMPARE found, as arguments for the statements that act on it. */
typedef struct Difference
{
	NullableDatum columns[NEW_OWNER_MISMATCHES + 1];
	int32 held;
} Difference;

static void
compare(const Observation *observation, NullableDatum observed_at, Difference *found)
{
	const ObservedPods *pods = &observation->pods;

	STATEMENT_RUN(&statements[COMPARE], pods->names, pods->statuses, pods->listed, pods->urls,
	              pods->secrets, pods->users, pods->groups, observed_at,
	              value_bool(observation->has_list), value_span(guc_sync_grace),
	              value_span(guc_sync_creating_deadline), value_span(guc_sync_queued_deadline),
	              value_span(guc_sync_end_interval), value_int(guc_sync_end_attempts),
	              value_span(guc_sync_quarantine));
	for (int i = CHANGED_IDS; i <= NEW_OWNER_MISMATCHES; i++)
		found->columns[i] = row_argument(0, i, difference_type(i));
	found->held = row_int(0, HELD);
}

/* Says once of each pod that it claims to belong to somebody else than its instance does. */
static void
warn_of_owner_mismatches(NullableDatum names)
{
	Datum *values;
	int count;

	if (names.isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(names.value), TEXTOID, -1, false, 'i', &values, NULL,
	                  &count);
	for (int i = 0; i < count; i++)
		ereport(WARNING, (errmsg("the labels of pod \"%s\" name another user or competition than"
		                         " its instance",
		                         TextDatumGetCString(values[i]))));
}

/* Writes what differs.  Returns how many instances changed. */
static int32
write_difference(const Difference *found, bool *wrote)
{
	const NullableDatum *columns = found->columns;
	int32 changed = 0;

	if (!columns[CHANGED_IDS].isnull)
	{
		STATEMENT_RUN(&statements[LOCK_PARENTS], columns[CHANGED_IDS], columns[CHANGED_FROM],
		              columns[CHANGED_TO]);
		STATEMENT_RUN(&statements[UPDATE_INSTANCES], columns[CHANGED_IDS], columns[CHANGED_FROM],
		              columns[CHANGED_TO], columns[CHANGED_URLS], columns[CHANGED_ABSENT]);
		changed = row_int(0, 1);
	}
	if (!columns[PUT_NAMES].isnull)
		STATEMENT_RUN(&statements[PUT_WATCHED], columns[PUT_NAMES], columns[PUT_REASONS],
		              columns[PUT_STATUSES], columns[PUT_SINCE], columns[PUT_DUE]);
	if (!columns[DROP_NAMES].isnull)
		STATEMENT_RUN(&statements[DROP_WATCHED], columns[DROP_NAMES], columns[DROP_REASONS]);
	warn_of_owner_mismatches(columns[NEW_OWNER_MISMATCHES]);
	*wrote |= changed > 0 || !columns[PUT_NAMES].isnull || !columns[DROP_NAMES].isnull;
	return changed;
}

/* What a pass came to, for its caller. */
typedef struct Outcome
{
	int32 changed;
	int32 held;
	NullableDatum secret_ids;
	NullableDatum secret_names;
	NullableDatum ends;
} Outcome;

/*
 * Applies what came.  Adoption, ends and retention wait for a list: only that shows what is there.
 * A pass that wrote nothing does not move the time of the last one either, so that idle polls write
 * nothing at all.
 */
static void
apply(const Observation *observation, NullableDatum observed_at, const State *state,
      Outcome *outcome)
{
	TimestampTz at = DatumGetTimestampTz(observed_at.value);
	Difference found;
	bool wrote = false;
	bool cleans = false;

	compare(observation, observed_at, &found);
	outcome->held = found.held;
	outcome->secret_ids = found.columns[SECRET_IDS];
	outcome->secret_names = found.columns[SECRET_NAMES];
	outcome->changed = write_difference(&found, &wrote);
	outcome->changed += sync_store_flags(&observation->flags, observed_at, &wrote);
	if (observation->has_list)
	{
		outcome->changed += sync_adopt_pods(&observation->pods, observed_at, &wrote);
		outcome->ends = sync_request_ends(observed_at, &wrote);
		cleans = sync_clean(at, state->cleaned_at);
	}
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

static TimestampTz
checked_time(FunctionCallInfo fcinfo)
{
	TimestampTz observed_at;

	if (PG_ARGISNULL(1))
		raise_error(EDURANGE_MISSING_PARAMETER, "parameter \"observed_at\" is missing");
	observed_at = PG_GETARG_TIMESTAMPTZ(1);
	if (TIMESTAMP_NOT_FINITE(observed_at) || observed_at > GetCurrentTimestamp())
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"observed_at\" must not be in the future");
	return observed_at;
}

/*
 * One pass: applies the observation unless it is older than the last one that was, and answers with
 * what it came to.  PASS_LOCK makes passes follow each other, so that what is read here stays true.
 */
static Datum
pass(FunctionCallInfo fcinfo, const Observation *observation, TimestampTz observed_at,
     instr_time began)
{
	Outcome outcome = {.secret_ids.isnull = true, .secret_names.isnull = true, .ends.isnull = true};
	NullableDatum wanted;
	State state;

	statements_begin();
	(void) lock_take(LOCK_PASSES, 0, true);
	state = read_state();
	if (observed_at < state.applied_at)
		sync_status_stale();
	else
	{
		if (observation->error != NULL)
			note_failure(observation->error, value_time(observed_at));
		apply(observation, value_time(observed_at), &state, &outcome);
		note_pass(observation, observed_at, &outcome, began);
	}
	STATEMENT_RUN(&statements[WANTED], outcome.secret_ids, outcome.secret_names, outcome.ends,
	              value_time(observed_at));
	wanted = row_result(0, 1, JSONBOID);
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
	instr_time began;

	INSTR_TIME_SET_CURRENT(began);
	if (PG_ARGISNULL(0))
		raise_error(EDURANGE_MISSING_PARAMETER, "parameter \"snapshot\" is missing");
	observed_at = checked_time(fcinfo);
	observation_read(PG_GETARG_JSONB_P(0), &observation);
	return pass(fcinfo, &observation, observed_at, began);
}

SQL_FUNCTION_OF(edurange_sync_apply_list, PACK_BYTES)
{
	Observation observation = {.duration_ms = PG_ARGISNULL(2) ? -1 : PG_GETARG_FLOAT8(2)};
	TimestampTz observed_at;
	instr_time began;
	text *list;

	INSTR_TIME_SET_CURRENT(began);
	if (PG_ARGISNULL(0))
		raise_error(EDURANGE_MISSING_PARAMETER, "parameter \"list\" is missing");
	observed_at = checked_time(fcinfo);
	list = PG_GETARG_TEXT_PP(0);
	observation_read_list(VARDATA_ANY(list), (int) VARSIZE_ANY_EXHDR(list), &observation);
	return pass(fcinfo, &observation, observed_at, began);
}
