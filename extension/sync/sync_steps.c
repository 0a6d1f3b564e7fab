/*
 * sync_steps.c
 *	  What a pass does beyond the status of instances: flags, adoption, requests to end, retention.
 *
 * A request counts when it was sent and answered, or timed out.  One that was wanted and never sent is wanted
 * again.  Nobody is waited for here either, see difference.c, and what is refused stops nothing else, see parts.c.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/guc.h"
#include "base/rows.h"
#include "base/statements.h"
#include "sync/parts.h"
#include "sync/sync_sql.h"
#include "sync/sync_status.h"
#include "sync/sync_steps.h"
#include "sync/telling.h"

/* Where adopted pods go whose competition does not exist. */
#define STANDALONE_GROUP "standalone-instances-group"

typedef enum StatementId
{
	STORE_FLAGS,
	SETTLE_FLAGS,
	POSTPONE_FLAGS,
	UNKNOWN_DUE,
	ADOPT,
	SETTLE_ADOPTED,
	POSTPONE_ADOPTION,
	COUNT_ENDS,
	COUNT_ATTEMPTS,
	LOG_ZOMBIES,
	RETENTION,
	KEEP,
	KEEP_NO_MORE,
	OUTDATED,
	PURGE,
	FORGET_PAST,
	WANTED,
	STATEMENT_COUNT
} StatementId;

/*
 * Names whose next step is due, those that were asked for in vain beside the others, so that none of them keep the
 * others out; in fair order: whatever has been due for longest first.  What has been for equally long is mixed, so
 * that no pods whose names begin alike, and of which none answers, stand before all others.
 */
#define DUE(which)                                                                                 \
	"((SELECT w.name, w.attempts, w.due FROM edurange.sync_watch w WHERE w.due <= $1"              \
	"  AND w.attempts = 0 AND " which " ORDER BY w.due, hashtext(w.name) LIMIT " WANTED_LIMIT ")"  \
	" UNION ALL (SELECT w.name, w.attempts, w.due FROM edurange.sync_watch w WHERE w.due <= $1"    \
	"  AND w.attempts > 0 AND " which " ORDER BY w.due, hashtext(w.name) LIMIT " WANTED_LIMIT      \
	")) AS due"

/* A list of what is wanted, each with its attempts where there were any. */
/* clang-format off */
#define WANTED_LIST(more, which)                                                                   \
	"coalesce((SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('name', name" more ","        \
	"  'attempts', nullif(attempts, 0))) ORDER BY due, hashtext(name)) FROM " DUE(which) "), '[]')"
/* clang-format on */

/*
 * The end of w is to be requested: its instance ends, or is over, or gone.  Not where the next pass gives it up, and
 * never where it ended in a mass event.  What w was noted for may be long ago, and is undone by whoever restores a
 * row: what counts is what the tables say now.
 */
#define END_IS_DUE                                                                                 \
	"(w.reason = 'ending' AND EXISTS (SELECT FROM public.\"ChallengeInstance\" i"                  \
	"  WHERE i.id = w.name AND (i.status = 'TERMINATING' AND i.\"terminationAttempts\" < $2"       \
	"   OR i.status = 'ERROR' AND i.\"terminationAttempts\" > 0))"                                 \
	" OR w.reason = 'zombie' AND EXISTS (SELECT FROM public.\"ChallengeInstance\" i"               \
	"  WHERE i.id = w.name AND i.status = 'TERMINATED')"                                           \
	" AND NOT EXISTS (SELECT FROM edurange.sync_past p WHERE p.name = w.name"                      \
	"  AND p.reason = 'mass')"                                                                     \
	" OR w.reason = 'orphan' AND " IS_LEFT_OVER("w.name") ")"

/* Whether a pod names a competition that does not exist, and not merely none. */
#define LACKS_COMPETITION(pod)                                                                     \
	"(" pod ".competition IS NULL AND " pod ".group_id NOT IN ('standalone', 'unknown'))"

/* The formatter would break these lines at each macro. */
/* clang-format off */
static Statement statements[STATEMENT_COUNT] = {
    /*
	 * $1 ids, $2 flags, $3 when each was asked for.  A flag from before its pod was made anew is that of another
	 * pod.  Gives how many were stored, ids that are settled, and ids that others have locked.
	 */
    [STORE_FLAGS] =
        {"WITH news AS (SELECT * FROM unnest($1, $2, $3) AS n (id, flag, asked) WHERE NOT EXISTS ("
         "   SELECT FROM edurange.sync_watch w WHERE w.name = n.id AND w.reason = 'flag'"
         "   AND " IS_AFTER("w.since", "n.asked") ")),"
         " free AS (SELECT i.id FROM public.\"ChallengeInstance\" i"
         "  WHERE i.id IN (SELECT id FROM news) ORDER BY i.id FOR NO KEY UPDATE SKIP LOCKED),"
         " stored AS (UPDATE public.\"ChallengeInstance\" AS i"
         "  SET flag = n.flag, \"flagSecretName\" = " OWN_SECRET("i.id")
         "  FROM news n JOIN free f ON f.id = n.id WHERE i.id = n.id"
         "  AND i.status IN ('QUEUED', 'CREATING', 'ACTIVE', 'ERROR')"
         "  AND (i.flag, i.\"flagSecretName\") IS DISTINCT FROM (n.flag, " OWN_SECRET("i.id") ") RETURNING i.id),"
         " busy AS (SELECT i.id FROM news n JOIN public.\"ChallengeInstance\" i ON i.id = n.id"
         "  WHERE NOT EXISTS (SELECT FROM free f WHERE f.id = i.id))"
         " SELECT (SELECT count(*) FROM stored)::integer,"
         "  ARRAY(SELECT id FROM news WHERE id NOT IN (SELECT id FROM busy)), ARRAY(SELECT id FROM busy)",
         {TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID}},
    [SETTLE_FLAGS] = {"DELETE FROM edurange.sync_watch WHERE name = ANY ($1) AND reason = 'flag'",
                      {TEXTARRAYOID}},
    /* $1 names, $2 observed at */
    [POSTPONE_FLAGS] = {"UPDATE edurange.sync_watch w SET attempts = w.attempts + 1,"
                        " due = $2 + " RETRY_AFTER("interval '5 s'", "w.attempts", "interval '1 min'")
                        " WHERE w.name = ANY ($1) AND w.reason = 'flag'",
                        {TEXTARRAYOID, TIMESTAMPTZOID}},
    /* Pods without an instance that have been seen for long enough: $1 names, $2 observed at. */
    [UNKNOWN_DUE] = {"SELECT array_agg(name) FROM (SELECT w.name FROM edurange.sync_watch w WHERE w.reason = 'unknown'"
                     " AND w.due <= $2 AND w.name = ANY ($1) ORDER BY w.due, w.name LIMIT 100) AS due",
                     {TEXTARRAYOID, TIMESTAMPTZOID}},
    /*
	 * Makes instances of pods: $1 names, $2 statuses, $3 addresses, $4 users, $5 competitions, $6 names and $7 ids of
	 * challenges, $8 the names of those that are to have one.  Gives back each of these with whether it has one now,
	 * with what stands in its way (null: others hold what it needs), and earlier tries.
	 */
    [ADOPT] =
        {"WITH pod AS (SELECT p.*, w.attempts FROM unnest($1, $2, $3, $4, $5, $6, $7) AS p"
         "   (name, status, url, user_id, group_id, challenge_name, challenge_id)"
         "  JOIN edurange.sync_watch w ON w.name = p.name AND w.reason = 'unknown' WHERE p.name = ANY ($8)),"
         " found AS (SELECT pod.*, u.id AS owner, g.id AS competition, ARRAY(SELECT c.id"
         "   FROM public.\"Challenge\" c WHERE CASE WHEN pod.challenge_id IS NOT NULL"
         "    THEN c.id = pod.challenge_id ELSE lower(pod.challenge_name) = " LABEL("c.name")
         "     AND (g.id IS NULL OR EXISTS (SELECT FROM public.\"GroupChallenge\" gc"
         "      WHERE gc.\"challengeId\" = c.id AND gc.\"groupId\" = g.id)) END LIMIT 2) AS fits"
         "  FROM pod LEFT JOIN public.\"User\" u ON u.id = pod.user_id"
         "  LEFT JOIN public.\"CompetitionGroup\" g ON g.id = pod.group_id),"
         /* (an outer join locks nothing) */
         " goal AS (SELECT id FROM public.\"CompetitionGroup\" WHERE id = '" STANDALONE_GROUP "'"
         "   OR id IN (SELECT competition FROM found) FOR KEY SHARE SKIP LOCKED),"
         " clear AS (SELECT f.*, c.id AS challenge FROM found f"
         "  JOIN public.\"User\" u ON u.id = f.owner"
         "  JOIN public.\"Challenge\" c ON c.id = f.fits[1] WHERE cardinality(f.fits) = 1"
         "   AND NOT " LACKS_COMPETITION("f")
         "   AND (EXISTS (SELECT FROM goal WHERE goal.id = coalesce(f.competition, '" STANDALONE_GROUP "'))"
         "    OR f.competition IS NULL AND NOT EXISTS (SELECT FROM public.\"CompetitionGroup\""
         "     WHERE id = '" STANDALONE_GROUP "'))"
         "  FOR KEY SHARE OF u, c SKIP LOCKED),"
         " clock AS (SELECT " UTC_CLOCK " AS t),"
         " fallback AS (INSERT INTO public.\"CompetitionGroup\""
         "   (id, name, \"startDate\", \"endDate\", \"createdAt\", \"updatedAt\")"
         "  SELECT '" STANDALONE_GROUP "', 'Standalone Instances', t, t + interval '1 year', t, t"
         "  FROM clock WHERE EXISTS (SELECT FROM clear WHERE competition IS NULL)"
         "  ON CONFLICT (id) DO NOTHING),"
         " made AS (INSERT INTO public.\"ChallengeInstance\" (id, \"challengeId\", \"userId\","
         "   \"challengeUrl\", \"creationTime\", status, \"lastStatusChange\", \"competitionId\")"
         "  SELECT name, challenge, owner, coalesce(url, 'pending...'), t,"
         "   status::public.\"ChallengeStatus\", t, coalesce(competition, '" STANDALONE_GROUP "')"
         "  FROM clear, clock ON CONFLICT (id) DO NOTHING"
         "  RETURNING id, \"userId\", \"challengeId\", \"competitionId\", status),"
         " logged AS (INSERT INTO public.\"ActivityLog\" " LOG_COLUMNS
         "  SELECT edurange.new_id(), 'CHALLENGE_INSTANCE_CREATED', \"userId\", \"challengeId\","
         "   \"competitionId\", id, jsonb_build_object('reportedBy', 'server', 'instanceId', id,"
         "   'adopted', true, 'status', status), 'INFO', t FROM made, clock)"
         " SELECT name, EXISTS (SELECT FROM clear c WHERE c.name = found.name),"
         "  CASE WHEN owner IS NULL THEN 'its user does not exist'"
         "  WHEN " LACKS_COMPETITION("found") " THEN 'its competition does not exist'"
         "  WHEN cardinality(fits) = 0 THEN 'no challenge fits'"
         "  WHEN cardinality(fits) > 1 THEN 'several challenges fit' END, attempts FROM found ORDER BY name",
         {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
          TEXTARRAYOID, TEXTARRAYOID}},
    [SETTLE_ADOPTED] = {"DELETE FROM edurange.sync_watch WHERE name = ANY ($1) AND reason = 'unknown'",
                        {TEXTARRAYOID}},
    /* $1 names, $2 observed at, $3 quarantine */
    [POSTPONE_ADOPTION] = {"UPDATE edurange.sync_watch w SET attempts = w.attempts + 1, due = $2 +"
                           "  greatest(interval '1 s', least($3 * 2 ^ least(w.attempts, 20), " LONGEST_WAIT "))"
                           " WHERE w.name = ANY ($1) AND w.reason = 'unknown'",
                           {TEXTARRAYOID, TIMESTAMPTZOID, INTERVALOID}},
    /*
	 * $1 names, $2 whether each was accepted, $3 observed at, $4 time to end, $5 limit of attempts.  Where requests are
	 * refused or time out the next one is never long in coming.  Of a pod whose instance is over the log is told
	 * once.  Gives names and attempts of those that end, and names of those that the log is told of.
	 */
    [COUNT_ENDS] =
        {"WITH asked AS (UPDATE edurange.sync_watch w SET attempts = w.attempts + 1, due = $3 + CASE"
         "   WHEN n.accepted THEN " RETRY_AFTER("$4", "w.attempts + (w.reason = 'ending')::integer", LONGEST_WAIT)
         "   ELSE " RETRY_AFTER("$4", "w.attempts", "interval '5 min'") " END"
         "  FROM unnest($1, $2) AS n (name, accepted)"
         "  WHERE w.name = n.name AND w.reason IN ('ending', 'zombie', 'orphan')"
         "  RETURNING w.name, w.reason, w.attempts)"
         " SELECT array_agg(name) FILTER (WHERE reason = 'ending'), array_agg(attempts) FILTER (WHERE reason = 'ending'),"
         "  array_agg(name) FILTER (WHERE reason = 'zombie' AND attempts = $5) FROM asked",
         {TEXTARRAYOID, BOOLARRAYOID, TIMESTAMPTZOID, INTERVALOID, INT4OID}},
    /* $1 names, $2 attempts.  What could not be counted while somebody had the row locked is made up for. */
    [COUNT_ATTEMPTS] =
        {"WITH free AS (SELECT i.id, n.attempts FROM public.\"ChallengeInstance\" i"
         "  JOIN unnest($1, $2) AS n (id, attempts) ON n.id = i.id WHERE i.status IN ('TERMINATING', 'ERROR')"
         "  ORDER BY i.id FOR NO KEY UPDATE OF i SKIP LOCKED)"
         " UPDATE public.\"ChallengeInstance\" i"
         " SET \"terminationAttempts\" = greatest(i.\"terminationAttempts\" + 1, f.attempts)"
         " FROM free f WHERE i.id = f.id",
         {TEXTARRAYOID, INT4ARRAYOID}},
    /* $1 names, $2 attempts */
    [LOG_ZOMBIES] =
        {"INSERT INTO public.\"ActivityLog\" " LOG_COLUMNS
         " SELECT edurange.new_id(), 'SYSTEM_WARNING', i.\"userId\","
         " i.\"challengeId\", i.\"competitionId\", i.id, jsonb_build_object('reportedBy',"
         "  'server', 'instanceId', i.id, 'reason', 'the pod of an ended instance lives',"
         "  'attempts', $2), 'WARNING', " UTC_CLOCK
         " FROM public.\"ChallengeInstance\" i WHERE i.id = ANY ($1)",
         {TEXTARRAYOID, INT4OID}},
    /* Whose retention is over for another reason, and whose begins. */
    [RETENTION] = {"SELECT (SELECT array_agg(w.name) FROM edurange.sync_watch w"
                   "  WHERE w.reason = 'retained'"
                   "  AND NOT EXISTS (SELECT FROM public.\"ChallengeInstance\" i"
                   "   WHERE i.id = w.name AND i.status = 'TERMINATED')),"
                   " (SELECT array_agg(id) FROM (SELECT i.id FROM public.\"ChallengeInstance\" i"
                   "  WHERE i.status = 'TERMINATED' AND NOT EXISTS (SELECT FROM edurange.sync_watch w"
                   "   WHERE w.name = i.id AND w.reason = 'retained') AND " WATCHABLE("i.id") " LIMIT 10000) AS ended)",
                   {InvalidOid}},
    /* From now on the retention of what is TERMINATED runs; $1 names, $2 observed at. */
    [KEEP] = {"INSERT INTO edurange.sync_watch (name, reason, since)"
              " SELECT name, 'retained', $2 FROM unnest($1) AS n (name)",
              {TEXTARRAYOID, TIMESTAMPTZOID}},
    [KEEP_NO_MORE] = {"DELETE FROM edurange.sync_watch WHERE name = ANY ($1) AND reason = 'retained'",
                      {TEXTARRAYOID}},
    /* $1 observed at, $2 retention; what still has a pod stays, and so does what others hold. */
    [OUTDATED] = {"SELECT array_agg(id) FROM (SELECT i.id FROM public.\"ChallengeInstance\" i"
                  "  WHERE i.status = 'TERMINATED' AND i.id IN (SELECT w.name"
                  "   FROM edurange.sync_watch w WHERE w.reason = 'retained' AND w.since <= $1 - $2"
                  "   AND NOT EXISTS (SELECT FROM edurange.sync_watch z"
                  "    WHERE z.name = w.name AND z.reason = 'zombie')"
                  "   ORDER BY w.since LIMIT 10000) FOR UPDATE SKIP LOCKED) AS free",
                  {TIMESTAMPTZOID, INTERVALOID}},
    [PURGE] = {"DELETE FROM public.\"ChallengeInstance\" WHERE id = ANY ($1) AND status = 'TERMINATED'", {TEXTARRAYOID}},
    /* $1 observed at, $2 retention; not of a pod that is there. */
    [FORGET_PAST] = {"DELETE FROM edurange.sync_past p WHERE p.since <= $1 - $2 AND NOT EXISTS ("
                     " SELECT FROM edurange.sync_watch w WHERE w.name = p.name"
                     " AND w.reason IN ('zombie', 'unknown', 'orphan'))",
                     {TIMESTAMPTZOID, INTERVALOID}},
    /* $1 observed at, $2 limit of attempts */
    /* ... and whether there are ends, statuses and flags to ask for at all, now or later */
    [WANTED] = {"SELECT jsonb_build_object('statuses', " WANTED_LIST("", "w.reason = 'missing'") ","
                " 'secrets', " WANTED_LIST(", 'secret_name', " OWN_SECRET("name"), "w.reason = 'flag'") ","
                " 'ends', " WANTED_LIST("", END_IS_DUE) "),"
                " EXISTS (SELECT FROM edurange.sync_watch WHERE reason IN ('ending', 'zombie', 'orphan')),"
                " EXISTS (SELECT FROM edurange.sync_watch WHERE reason = 'missing'),"
                " EXISTS (SELECT FROM edurange.sync_watch WHERE reason = 'flag')",
                {TIMESTAMPTZOID, INT4OID}},
};
/* clang-format on */

int32
sync_store_flags(const ObservedFlags *flags, NullableDatum observed_at)
{
	int32 stored = 0;

	if (flags->count > 0)
	{
		NullableDatum busy;

		STATEMENT_RUN(&statements[STORE_FLAGS], flags->names, flags->values, flags->asked);
		stored = row_int(0, 1);
		busy = row_argument(0, 3, TEXTARRAYOID);
		STATEMENT_RUN(&statements[SETTLE_FLAGS], row_argument(0, 2, TEXTARRAYOID));
		STATEMENT_RUN(&statements[POSTPONE_FLAGS], busy, observed_at);
	}
	if (flags->missing_count > 0)
		STATEMENT_RUN(&statements[POSTPONE_FLAGS], flags->missing, observed_at);
	return stored;
}

/* Pods that are to have instances, and what came of it. */
typedef struct Adoption
{
	const ObservedPods *pods;
	NullableDatum names;
	char **settled;
	int settled_count;
	char **postponed;
	int postponed_count;
} Adoption;

/* Says once of a pod that it cannot have an instance; of many not of each. */
static void
warn_of_stranger(const char *name, const char *problem)
{
	static Telling told;

	if (may_tell(&told, FEW_PODS))
		ereport(WARNING,
		        (errmsg("pod \"%s\" has no instance and cannot be given one: %s", name, problem)));
}

static void
adopt_part(void *argument, int first, int count)
{
	Adoption *adoption = argument;
	const ObservedPods *pods = adoption->pods;
	uint64 tried = STATEMENT_RUN(&statements[ADOPT], pods->names, pods->statuses, pods->urls,
	                             pods->users, pods->groups, pods->challenge_names,
	                             pods->challenge_ids, part_of(adoption->names, first, count));

	for (uint64 i = 0; i < tried; i++)
	{
		char *name = row_text(i, 1);
		char *problem = row_text_or_null(i, 3);

		if (row_bool(i, 2))
			adoption->settled[adoption->settled_count++] = name;
		else
			adoption->postponed[adoption->postponed_count++] = name;
		if (problem != NULL && row_int(i, 4) == 0)
			warn_of_stranger(name, problem);
	}
}

int32
sync_adopt_pods(const ObservedPods *pods, NullableDatum observed_at, bool *wrote)
{
	Adoption adoption = {.pods = pods};
	int due;
	Parts parts;

	STATEMENT_RUN(&statements[UNKNOWN_DUE], pods->names, observed_at);
	adoption.names = row_argument(0, 1, TEXTARRAYOID);
	due = length_of(adoption.names);
	if (due == 0)
		return 0;
	*wrote = true;
	adoption.settled = palloc(due * sizeof(char *));
	adoption.postponed = palloc(due * sizeof(char *));
	parts = work_in_parts(due, adopt_part, &adoption);
	if (parts.refusals > 0)
		warn_of_stranger(first_of(adoption.names, parts.refused), parts.problem);
	STATEMENT_RUN(&statements[SETTLE_ADOPTED],
	              pods_text_array(adoption.settled, adoption.settled_count, sizeof(char *)));
	STATEMENT_RUN(&statements[POSTPONE_ADOPTION],
	              pods_text_array(adoption.postponed, adoption.postponed_count, sizeof(char *)),
	              observed_at, value_span(guc_sync_quarantine));
	STATEMENT_RUN(&statements[POSTPONE_ADOPTION], chosen_of(adoption.names, parts.left, true),
	              observed_at, value_span(guc_sync_quarantine));
	return adoption.settled_count;
}

/* Requests to end pods that were counted, and what the platform's tables are told of it. */
typedef struct CountedEnds
{
	NullableDatum names;
	NullableDatum attempts;
} CountedEnds;

static void
count_part(void *argument, int first, int count)
{
	const CountedEnds *ends = argument;

	STATEMENT_RUN(&statements[COUNT_ATTEMPTS], part_of(ends->names, first, count),
	              part_of(ends->attempts, first, count));
}

static void
log_part(void *argument, int first, int count)
{
	const NullableDatum *zombies = argument;

	STATEMENT_RUN(&statements[LOG_ZOMBIES], part_of(*zombies, first, count),
	              value_int(guc_sync_end_attempts));
}

void
sync_count_ends(const ObservedEnds *ends, NullableDatum observed_at)
{
	CountedEnds counted;
	NullableDatum zombies;

	if (ends->count == 0)
		return;
	STATEMENT_RUN(&statements[COUNT_ENDS], ends->names, ends->accepted, observed_at,
	              value_span(guc_sync_end_interval), value_int(guc_sync_end_attempts));
	counted.names = row_argument(0, 1, TEXTARRAYOID);
	counted.attempts = row_argument(0, 2, INT4ARRAYOID);
	zombies = row_argument(0, 3, TEXTARRAYOID);
	(void) work_in_parts(length_of(counted.names), count_part, &counted);
	(void) work_in_parts(length_of(zombies), log_part, &zombies);
}

NullableDatum
sync_wanted(NullableDatum observed_at)
{
	STATEMENT_RUN(&statements[WANTED], observed_at, value_int(guc_sync_end_attempts));
	sync_status_settle(row_bool(0, 2), row_bool(0, 3), row_bool(0, 4));
	return row_result(0, 1, JSONBOID);
}

/* Begins to count the retention of instances that have ended, and ends it of those that are gone or live. */
static void
keep_ended(NullableDatum observed_at)
{
	NullableDatum over;
	NullableDatum ended;

	statement_run(&statements[RETENTION], NULL, 0);
	over = row_argument(0, 1, TEXTARRAYOID);
	ended = row_argument(0, 2, TEXTARRAYOID);
	if (!over.isnull)
		STATEMENT_RUN(&statements[KEEP_NO_MORE], over);
	if (!ended.isnull)
		STATEMENT_RUN(&statements[KEEP], ended, observed_at);
}

static void
purge_part(void *argument, int first, int count)
{
	STATEMENT_RUN(&statements[PURGE], part_of(*(const NullableDatum *) argument, first, count));
}

/* Removes instances that have been over for long.  One that something of others still refers to stays. */
static void
purge(NullableDatum observed_at, int64 retention)
{
	static Telling told;
	NullableDatum outdated;
	Parts parts;

	STATEMENT_RUN(&statements[OUTDATED], observed_at, value_span(retention));
	outdated = row_argument(0, 1, TEXTARRAYOID);
	if (outdated.isnull)
		return;
	parts = work_in_parts(length_of(outdated), purge_part, &outdated);
	STATEMENT_RUN(&statements[KEEP_NO_MORE], chosen_of(outdated, parts.left, false));
	if (parts.refusals > 0 && may_tell(&told, 1))
		ereport(WARNING,
		        (errmsg("%d instances that are over cannot be removed, the first is \"%s\": %s",
		                parts.refusals, first_of(outdated, parts.refused), parts.problem)));
}

bool
sync_clean(TimestampTz observed_at, TimestampTz cleaned_at)
{
	int64 retention = guc_instance_retention * INT64CONST(60000);
	int64 distance = Min(retention, INT64CONST(3600000));

	if (retention == 0 || observed_at - cleaned_at < distance * 1000)
		return false;
	keep_ended(value_time(observed_at));
	purge(value_time(observed_at), retention);
	STATEMENT_RUN(&statements[FORGET_PAST], value_time(observed_at), value_span(retention));
	return true;
}
