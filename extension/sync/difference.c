/*
 * difference.c
 *	  Writing what a comparison of pods with instances found.
 *
 * Nobody is waited for: a row that somebody else has locked is left as it is, with all that is known of it, and
 * compared again with the next list.  So whoever keeps a transaction open delays that one row.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/monotonic.h"
#include "base/statements.h"
#include "sync/brake.h"
#include "sync/difference.h"
#include "sync/sync_sql.h"

#define REPEAT_MS (3600 * 1000)

typedef enum StatementId
{
	LOCK_PARENTS,
	LOCK_INSTANCES,
	UPDATE_INSTANCES,
	PUT_WATCHED,
	DROP_WATCHED,
	STATEMENT_COUNT
} StatementId;

/* The formatter would break these statements between every two words. */
/* clang-format off */
static Statement statements[STATEMENT_COUNT] = {
    /*
	 * Instances whose change enters the log, and whoever the entry will name, in the order in which deletions lock
	 * them.  What somebody else has locked is left for later: $1 ids, $2 statuses before, $3 and now.
	 */
    [LOCK_PARENTS] = {"WITH free AS (SELECT i.id FROM public.\"ChallengeInstance\" i"
                      " JOIN public.\"User\" u ON u.id = i.\"userId\""
                      " JOIN public.\"CompetitionGroup\" g ON g.id = i.\"competitionId\""
                      " JOIN public.\"Challenge\" c ON c.id = i.\"challengeId\""
                      " WHERE i.id IN (SELECT n.id FROM unnest($1, $2, $3) AS n (id, was, status)"
                      "  WHERE n.status <> n.was AND n.status IN ('TERMINATED', 'ERROR'))"
                      " ORDER BY u.id, g.id, c.id FOR KEY SHARE OF u, g, c SKIP LOCKED)"
                      " SELECT coalesce(array_agg(id), '{}') FROM free",
                      {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID}},
    /* The same, and $4 those of them that the log can name.  Gives the ids of those that are left for later. */
    [LOCK_INSTANCES] = {"WITH free AS (SELECT i.id FROM public.\"ChallengeInstance\" i"
                        "  WHERE i.id IN (SELECT n.id FROM unnest($1, $2, $3) AS n (id, was, status)"
                        "   WHERE n.status = n.was OR n.status NOT IN ('TERMINATED', 'ERROR') OR n.id = ANY ($4))"
                        "  ORDER BY i.id FOR NO KEY UPDATE SKIP LOCKED)"
                        " SELECT coalesce(array_agg(n.id), '{}') FROM unnest($1) AS n (id)"
                        " WHERE n.id NOT IN (SELECT id FROM free)",
                        {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID}},
    /*
	 * $1 ids, $2 the statuses that were compared, $3 the new ones, $4 new addresses or null, $5 ids of those without a
	 * pod, $6 ids of those that are locked by others.  A row whose status is not the compared one any more was written
	 * by somebody else since, and is left alone.  An end that the dashboard has logged already is not logged again.
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
         "  WHERE i.id = n.id AND i.status = n.was::public.\"ChallengeStatus\" AND i.id <> ALL ($6)"
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
         {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID}},
    /*
	 * $1 names, $2 reasons, $3 statuses, $4 since, $5 due, $6 attempts, $7 names that are left out.  Attempts are null
	 * where only the status of the pod is news.
	 */
    [PUT_WATCHED] =
        {"WITH news AS (SELECT * FROM unnest($1, $2, $3, $4, $5, $6)"
         "   AS n (name, reason, pod_status, since, due, attempts) WHERE name <> ALL ($7)),"
         " changed AS (UPDATE edurange.sync_watch w SET pod_status = n.pod_status,"
         "   since = CASE WHEN n.attempts IS NULL THEN w.since ELSE n.since END,"
         "   due = CASE WHEN n.attempts IS NULL THEN w.due ELSE n.due END,"
         "   attempts = coalesce(n.attempts, w.attempts)"
         "  FROM news n WHERE w.name = n.name AND w.reason = n.reason RETURNING w.name, w.reason)"
         " INSERT INTO edurange.sync_watch (name, reason, pod_status, since, due, attempts)"
         " SELECT name, reason, pod_status, since, due, coalesce(attempts, 0) FROM news n"
         " WHERE NOT EXISTS (SELECT FROM changed c WHERE c.name = n.name AND c.reason = n.reason)",
         {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID,
          INT4ARRAYOID, TEXTARRAYOID}},
    /* $1 names, $2 reasons, $3 names that are left out */
    [DROP_WATCHED] = {"DELETE FROM edurange.sync_watch w USING unnest($1, $2) AS d (name, reason)"
                      " WHERE w.name = d.name AND w.reason = d.reason AND w.name <> ALL ($3)",
                      {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID}},
};
/* clang-format on */

/* Those of the instances to be changed that cannot be now, because others hold them or what they belong to. */
static NullableDatum
lock_instances(const NullableDatum *columns)
{
	STATEMENT_RUN(&statements[LOCK_PARENTS], columns[CHANGED_IDS], columns[CHANGED_FROM],
	              columns[CHANGED_TO]);
	STATEMENT_RUN(&statements[LOCK_INSTANCES], columns[CHANGED_IDS], columns[CHANGED_FROM],
	              columns[CHANGED_TO], row_argument(0, 1, TEXTARRAYOID));
	return row_argument(0, 1, TEXTARRAYOID);
}

/* Says of each of the pods, once, what is wrong with it. */
static void
warn_of(NullableDatum names, const char *what)
{
	Datum *values;
	int count;

	if (names.isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(names.value), TEXTOID, -1, false, 'i', &values, NULL,
	                  &count);
	for (int i = 0; i < count; i++)
		ereport(WARNING, (errmsg(what, TextDatumGetCString(values[i]))));
}

/* Says that pods cannot be read, which of them first and why; not again within the hour, however they change. */
static void
warn_of_unreadable(NullableDatum names, const char *trouble)
{
	static int64 repeat_due = 0;
	Datum *values;
	int count;

	if (names.isnull || monotonic_ms() < repeat_due)
		return;
	deconstruct_array(DatumGetArrayTypeP(names.value), TEXTOID, -1, false, 'i', &values, NULL,
	                  &count);
	ereport(
	    WARNING,
	    (errmsg("%d pods of the list cannot be read and are left as they are, the first is \"%s\"",
	            count, TextDatumGetCString(values[0])),
	     errdetail("An element %s.", trouble), errhint("See edurange.sync_drift().")));
	repeat_due = monotonic_ms() + REPEAT_MS;
}

int32
difference_write(const Difference *found, const char *trouble, NullableDatum observed_at,
                 bool *wrote)
{
	const NullableDatum *columns = found->columns;
	NullableDatum left_out = {.value = PointerGetDatum(construct_empty_array(TEXTOID))};
	int32 changed = 0;

	if (!columns[CHANGED_IDS].isnull)
	{
		left_out = lock_instances(columns);
		STATEMENT_RUN(&statements[UPDATE_INSTANCES], columns[CHANGED_IDS], columns[CHANGED_FROM],
		              columns[CHANGED_TO], columns[CHANGED_URLS], columns[CHANGED_ABSENT],
		              left_out);
		changed = row_int(0, 1);
		brake_note_ends(columns[CHANGED_IDS], columns[CHANGED_FROM], columns[CHANGED_TO],
		                observed_at);
	}
	if (!columns[PUT_NAMES].isnull)
		STATEMENT_RUN(&statements[PUT_WATCHED], columns[PUT_NAMES], columns[PUT_REASONS],
		              columns[PUT_STATUSES], columns[PUT_SINCE], columns[PUT_DUE],
		              columns[PUT_ATTEMPTS], left_out);
	if (!columns[DROP_NAMES].isnull)
		STATEMENT_RUN(&statements[DROP_WATCHED], columns[DROP_NAMES], columns[DROP_REASONS],
		              left_out);
	warn_of(columns[NEW_OWNERS],
	        "the labels of pod \"%s\" name another user or competition than its instance");
	warn_of(columns[NEW_SECRETS],
	        "pod \"%s\" names a secret that is not its own: no flag is taken from it");
	warn_of_unreadable(columns[NEW_UNREADABLE], trouble);
	*wrote |= changed > 0 || !columns[PUT_NAMES].isnull || !columns[DROP_NAMES].isnull;
	return changed;
}
