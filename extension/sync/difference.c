/*
 * difference.c
 *	  Writing what a comparison of pods with instances found.
 *
 * Nobody is waited for: a row that somebody else has locked is left as it is, with all that is known of it, and
 * compared again with the next list.  So whoever keeps a transaction open delays that one row.  A row whose change is
 * refused, by a trigger, say, that others have hung on the table, delays no other either (parts.c): it is noted
 * (sync_watch, reason "refused") and tried again later.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/rows.h"
#include "base/statements.h"
#include "sync/brake.h"
#include "sync/difference.h"
#include "sync/parts.h"
#include "sync/sync_sql.h"
#include "sync/telling.h"

typedef enum StatementId
{
	LOCK_PARENTS,
	LOCK_INSTANCES,
	UPDATE_INSTANCES,
	NOTE_REFUSED,
	PUT_WATCHED,
	DROP_WATCHED,
	STATEMENT_COUNT
} StatementId;

/* The formatter would break these lines at each macro. */
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
    /*
	 * The same, $4 those of them that the log can name, $5 observed at.  Gives the ids of those that are left for later,
	 * as whatever was refused lately is.
	 */
    [LOCK_INSTANCES] = {"WITH free AS (SELECT i.id FROM public.\"ChallengeInstance\" i"
                        "  WHERE i.id IN (SELECT n.id FROM unnest($1, $2, $3) AS n (id, was, status)"
                        "   WHERE n.status = n.was OR n.status NOT IN ('TERMINATED', 'ERROR') OR n.id = ANY ($4))"
                        "   AND NOT EXISTS (SELECT FROM edurange.sync_watch r WHERE r.name = i.id"
                        "    AND r.reason = 'refused' AND r.due > $5)"
                        "  ORDER BY i.id FOR NO KEY UPDATE SKIP LOCKED)"
                        " SELECT coalesce(array_agg(n.id), '{}') FROM unnest($1) AS n (id)"
                        " WHERE n.id NOT IN (SELECT id FROM free)",
                        {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID}},
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
         "   THEN " UTC_CLOCK " ELSE i.\"lastStatusChange\" END,"
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
         "     " ISO_TIME(UTC_CLOCK) ")"
         "    WHEN was = 'TERMINATING' THEN jsonb_build_object('reason',"
         "     'the pod did not end', 'terminationAttempts', attempts)"
         "    ELSE jsonb_build_object('reason', CASE WHEN id = ANY ($5)"
         "     THEN 'no pod appeared in time' ELSE 'the pod failed' END) END,"
         "   (CASE status WHEN 'TERMINATED' THEN 'INFO' ELSE 'WARNING' END)::public.\"LogSeverity\","
         "   " UTC_CLOCK " FROM changed"
         "  WHERE status <> was AND (status = 'ERROR' OR status = 'TERMINATED' AND NOT EXISTS ("
         "   SELECT FROM public.\"ActivityLog\" l WHERE l.\"challengeInstanceId\" = changed.id"
         "   AND l.\"eventType\" = 'CHALLENGE_INSTANCE_DELETED')))"
         " SELECT count(*)::integer FROM changed",
         {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID}},
    /*
	 * $1 ids, $2 observed at, $3 whether they were refused (1), or only wait for what others hold (0).  They are tried
	 * again, what was refused at growing distances; the next list says whether there is need to.
	 */
    [NOTE_REFUSED] = {"INSERT INTO edurange.sync_watch AS w (name, reason, since, due, attempts)"
                      " SELECT id, 'refused', $2, $2 + interval '5 s', $3 FROM unnest($1) AS n (id) WHERE " WATCHABLE("id")
                      " ON CONFLICT (name, reason) DO UPDATE SET attempts = w.attempts + $3,"
                      "  due = $2 + " RETRY_AFTER("interval '5 s'", "w.attempts * $3", "interval '5 min'"),
                      {TEXTARRAYOID, TIMESTAMPTZOID, INT4OID}},
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

/* Instances that are being changed. */
typedef struct InstanceChange
{
	const NullableDatum *columns;
	NullableDatum left_out; /* ids of those that stay as they are */
	int32 changed;
} InstanceChange;

/* Leaves those of them out that cannot be changed now, because others hold them or what they belong to. */
static void
lock_instances(InstanceChange *change, NullableDatum observed_at)
{
	const NullableDatum *columns = change->columns;

	STATEMENT_RUN(&statements[LOCK_PARENTS], columns[CHANGED_IDS], columns[CHANGED_FROM],
	              columns[CHANGED_TO]);
	STATEMENT_RUN(&statements[LOCK_INSTANCES], columns[CHANGED_IDS], columns[CHANGED_FROM],
	              columns[CHANGED_TO], row_argument(0, 1, TEXTARRAYOID), observed_at);
	change->left_out = row_argument(0, 1, TEXTARRAYOID);
}

static void
update_part(void *argument, int first, int count)
{
	InstanceChange *change = argument;
	const NullableDatum *columns = change->columns;

	STATEMENT_RUN(
	    &statements[UPDATE_INSTANCES], part_of(columns[CHANGED_IDS], first, count),
	    part_of(columns[CHANGED_FROM], first, count), part_of(columns[CHANGED_TO], first, count),
	    part_of(columns[CHANGED_URLS], first, count), columns[CHANGED_ABSENT], change->left_out);
	change->changed += row_int(0, 1);
}

/* The elements of both. */
static NullableDatum
joined(NullableDatum left, NullableDatum right)
{
	ArrayBuildState *all = NULL;
	const NullableDatum arrays[] = {left, right};

	for (int i = 0; i < lengthof(arrays); i++)
	{
		int count;
		Datum *values = texts_of(arrays[i], &count);

		for (int n = 0; n < count; n++)
			all = accumArrayResult(all, values[n], false, TEXTOID, CurrentMemoryContext);
	}
	return all == NULL ? left
	                   : (NullableDatum){.value = makeArrayResult(all, CurrentMemoryContext)};
}

/* Notes which instances could not be changed, and says of those that were refused so, of the first why. */
static void
note_refused(const InstanceChange *change, const Parts *parts, NullableDatum observed_at)
{
	static Telling told;
	NullableDatum ids = change->columns[CHANGED_IDS];

	STATEMENT_RUN(&statements[NOTE_REFUSED], chosen_of(ids, parts->refused, true), observed_at,
	              value_int(1));
	STATEMENT_RUN(&statements[NOTE_REFUSED], chosen_of(ids, parts->locked, true), observed_at,
	              value_int(0));
	if (parts->refusals > 0 && may_tell(&told, 1))
		ereport(WARNING, (errmsg("%d instances cannot be changed, the first is \"%s\": %s",
		                         parts->refusals, first_of(ids, parts->refused), parts->problem),
		                  errdetail("A trigger, a constraint or a key of others refuses it."),
		                  errhint("See edurange.sync_drift().")));
}

/* Changes the instances.  What stays as it is, for whatever reason, is left out from then on. */
static void
change_instances(InstanceChange *change, NullableDatum observed_at)
{
	const NullableDatum *columns = change->columns;
	Parts parts;

	lock_instances(change, observed_at);
	if (length_of(change->left_out) == length_of(columns[CHANGED_IDS]))
		return;
	parts = work_in_parts(length_of(columns[CHANGED_IDS]), update_part, change);
	if (parts.undone > 0)
		note_refused(change, &parts, observed_at);
	change->left_out = joined(change->left_out, chosen_of(columns[CHANGED_IDS], parts.left, true));
	brake_note_ends(columns[CHANGED_IDS], columns[CHANGED_FROM], columns[CHANGED_TO], observed_at,
	                change->left_out);
}

/* Says of each of the pods, once, what is wrong with it; of many not of each. */
static void
warn_of(NullableDatum names, const char *what, Telling *told)
{
	Datum *values;
	int count;

	if (names.isnull)
		return;
	values = texts_of(names, &count);
	for (int i = 0; i < count && may_tell(told, FEW_PODS); i++)
		ereport(WARNING, (errmsg(what, TextDatumGetCString(values[i]))));
}

/* Says that pods cannot be read, which of them first and why. */
static void
warn_of_unreadable(NullableDatum names, const char *trouble)
{
	static Telling told;
	Datum *values;
	int count;

	if (names.isnull || !may_tell(&told, 1))
		return;
	values = texts_of(names, &count);
	ereport(
	    WARNING,
	    (errmsg("%d pods of the list cannot be read and are left as they are, the first is \"%s\"",
	            count, TextDatumGetCString(values[0])),
	     errdetail("An element %s.", trouble), errhint("See edurange.sync_drift().")));
}

int32
difference_write(const Difference *found, const char *trouble, NullableDatum observed_at,
                 bool *wrote)
{
	static Telling told_owners;
	static Telling told_secrets;
	const NullableDatum *columns = found->columns;
	InstanceChange change = {
	    .columns = columns,
	    .left_out = {.value = PointerGetDatum(construct_empty_array(TEXTOID))},
	};

	if (!columns[CHANGED_IDS].isnull)
		change_instances(&change, observed_at);
	if (!columns[PUT_NAMES].isnull)
		STATEMENT_RUN(&statements[PUT_WATCHED], columns[PUT_NAMES], columns[PUT_REASONS],
		              columns[PUT_STATUSES], columns[PUT_SINCE], columns[PUT_DUE],
		              columns[PUT_ATTEMPTS], change.left_out);
	if (!columns[DROP_NAMES].isnull)
		STATEMENT_RUN(&statements[DROP_WATCHED], columns[DROP_NAMES], columns[DROP_REASONS],
		              change.left_out);
	warn_of(columns[NEW_OWNERS],
	        "the labels of pod \"%s\" name another user or competition than its instance",
	        &told_owners);
	warn_of(columns[NEW_SECRETS],
	        "pod \"%s\" names a secret that is not its own: no flag is taken from it",
	        &told_secrets);
	warn_of_unreadable(columns[NEW_UNREADABLE], trouble);
	*wrote |= change.changed > 0 || !columns[PUT_NAMES].isnull || !columns[DROP_NAMES].isnull;
	return change.changed;
}
