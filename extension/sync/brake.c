/*
 * brake.c
 *	  Many pods that are not found at once end no instance before time or an operator decides.
 *
 * An Instance Manager that looks at the wrong cluster answers for each pod, in all honesty, that it is not
 * found.  So when more than three and more than a fifth of the ACTIVE instances miss their pods and some are
 * reported not found, they are held.  Once a pod is seen that the table knows, it is the right cluster:
 * an instance is held for edurange.sync_mass_grace from when its pod was first missing, or from when the hold began
 * if that is later.  Until such a pod is seen only an operator ends the hold (edurange.sync_release()).
 * Instances whose end was requested count for nothing here and end as ever.
 *
 * That a hold is on, and since when, is in shared memory: it follows from what is missing, and after a
 * restart it begins anew.  A release covers what was missing by a certain time; what goes missing later is judged anew.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/guc.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/caller.h"
#include "sync/brake.h"
#include "sync/sync_sql.h"
#include "sync/sync_status.h"
#include "sync/telling.h"

typedef enum StatementId
{
	COUNT,
	RELEASE,
	NOTE_ENDS,
	STATEMENT_COUNT
} StatementId;

/* The formatter would break these lines at each macro. */
/* clang-format off */
static Statement statements[STATEMENT_COUNT] = {
    /*
	 * $1 names, $2 statuses, $3 listed of the observed pods, $4 whether they are a whole list, $5 until when what
	 * is missing was released.  Gives: how many ACTIVE instances miss their pods and are not released; whether these are
	 * many; whether a pod of ours was seen now; since when the first that is not released, and the last of all, have
	 * been missing (null: since now).
	 */
    [COUNT] =
        {"WITH pod AS MATERIALIZED (SELECT * FROM unnest($1, $2, $3) AS p (name, status, listed))"
         " SELECT missing, " IS_MANY("missing", "live") ", one_seen, first_since, last_since FROM (SELECT"
         "  count(*) FILTER (WHERE NOT missing OR NOT released)::integer AS live,"
         "  count(*) FILTER (WHERE missing AND NOT released)::integer AS missing,"
         "  min(since) FILTER (WHERE missing AND NOT released) AS first_since,"
         "  max(since) FILTER (WHERE missing) AS last_since,"
         "  EXISTS (SELECT FROM pod k JOIN public.\"ChallengeInstance\" o ON o.id = k.name"
         "   WHERE k.listed OR k.status <> 'not_found') AS one_seen"
         " FROM (SELECT m.since, (m.since <= $5) IS TRUE AS released, CASE"
         "   WHEN p.listed OR p.status <> 'not_found' THEN false"
         "   WHEN p.status = 'not_found' OR $4 AND m.name IS NULL THEN true"
         "   ELSE m.name IS NOT NULL AND coalesce(m.pod_status, 'not_found') = 'not_found' END AS missing"
         "  FROM public.\"ChallengeInstance\" i LEFT JOIN pod p ON p.name = i.id"
         "  LEFT JOIN edurange.sync_watch m ON m.name = i.id AND m.reason = 'missing'"
         "  WHERE i.status = 'ACTIVE') AS instance) AS counted",
         {TEXTARRAYOID, TEXTARRAYOID, BOOLARRAYOID, BOOLOID, TIMESTAMPTZOID}},
    /* They are asked for once more, at once: $1 observed at, $2 until when what is missing is released. */
    [RELEASE] = {"UPDATE edurange.sync_watch SET since = coalesce(since, $1), due = $1"
                 " WHERE reason = 'missing' AND coalesce(since, $1) <= $2"
                 " AND coalesce(pod_status, 'not_found') = 'not_found'",
                 {TIMESTAMPTZOID, TIMESTAMPTZOID}},
    /*
	 * $1 ids, $2 their statuses before, $3 and now, $4 observed at, $5 until when what is missing was released, $6 ids
	 * that stayed as they were
	 */
    [NOTE_ENDS] = {"INSERT INTO edurange.sync_past (name, reason, since)"
                   " SELECT n.id, 'mass', $4 FROM unnest($1, $2, $3) AS n (id, was, status)"
                   " JOIN edurange.sync_watch m ON m.name = n.id AND m.reason = 'missing'"
                   " WHERE n.was = 'ACTIVE' AND n.status = 'TERMINATED' AND m.since <= $5 AND n.id <> ALL ($6)"
                   " ON CONFLICT (name) DO UPDATE SET reason = 'mass', since = EXCLUDED.since",
                   {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTARRAYOID}},
};
/* clang-format on */

/* Was any pod reported not to be there? */
static bool
reports_not_found(const ObservedPods *pods)
{
	Datum *values;
	bool *nulls;
	int count;

	deconstruct_array(DatumGetArrayTypeP(pods->statuses.value), TEXTOID, -1, false, 'i', &values,
	                  &nulls, &count);
	for (int i = 0; i < count; i++)
		if (!nulls[i] && strcmp(TextDatumGetCString(values[i]), "not_found") == 0)
			return true;
	return false;
}

/* Says in the log that instances are held, and when none is any more; not at each turn where it comes and goes. */
static void
report_hold(const SyncHold *before, const SyncHold *now, bool released)
{
	static Telling told;
	static bool was_told = false;

	if (now->held > 0 && before->held == 0 && may_tell(&told, 1))
	{
		was_told = true;
		ereport(WARNING,
		        (errmsg("%d instances are held: their pods are not found all at once", now->held),
		         errdetail("This may be another cluster than theirs."),
		         errhint("See \"heldUntil\" of edurange.sync_status().")));
	}
	if (now->held > 0 || before->held == 0 || !was_told)
		return;
	was_told = false;
	ereport(LOG, (errmsg(released ? "instances are not held any more, and end where their pods are"
	                                " still not found"
	                              : "instances are not held any more: their pods were seen")));
}

static void
count(const Observation *observation, const SyncHold *hold)
{
	const ObservedPods *pods = &observation->pods;

	STATEMENT_RUN(&statements[COUNT], pods->names, pods->statuses, pods->listed,
	              value_bool(observation->has_list), value_time(hold->released_at));
}

/*
 * How many instances are held.  Once some are, those stay held whose pods are missing, were it one: players who leave
 * meanwhile must not let the others go.
 */
static void
count_missing(const Observation *observation, SyncHold *hold, TimestampTz at)
{
	count(observation, hold);
	if (hold->held == 0)
	{
		if (!row_bool(0, 2))
			return;
		hold->since = at;
		hold->one_seen = false;
	}
	/* the latest list says whether it is the right cluster; until the next one answers about single pods may, too */
	hold->one_seen = row_bool(0, 3) || (hold->one_seen && !observation->has_list);
	hold->held = row_int(0, 1);
}

/*
 * Lets go of what is missing for long enough.  The others are held on if they are many, who may be another event, until
 * it is their time; a few go with the first.  All go where an operator says so.
 */
static void
release(const Observation *observation, SyncHold *hold, TimestampTz at, bool all)
{
	hold->released_at = at - guc_sync_mass_grace * INT64CONST(1000);
	if (!all)
	{
		count(observation, hold);
		all = !row_bool(0, 2);
	}
	if (all)
		/* what was said of single pods may be newer than the list */
		*hold = (SyncHold){.released_at = Max(at, row_time_or_zero(0, 5))};
	else
	{
		TimestampTz first_since = row_time_or_zero(0, 4);

		hold->held = row_int(0, 1);
		hold->since = first_since != 0 ? first_since : at;
	}
	STATEMENT_RUN(&statements[RELEASE], value_time(at), value_time(hold->released_at));
}

/* Lets go if it is time, or an operator has said so. */
static bool
release_if_due(const Observation *observation, SyncHold *hold, TimestampTz at)
{
	bool is_wanted = sync_status_take_release();

	if (!is_wanted && (!observation->has_list || !hold->one_seen ||
	                   at - hold->since < guc_sync_mass_grace * INT64CONST(1000)))
		return false;
	release(observation, hold, at, is_wanted);
	return true;
}

NullableDatum
brake_judge(const Observation *observation, NullableDatum observed_at, int32 *held)
{
	TimestampTz at = DatumGetTimestampTz(observed_at.value);
	SyncHold before = sync_status_hold();
	SyncHold hold = before;
	bool released = false;

	if (before.held > 0 || reports_not_found(&observation->pods))
	{
		count_missing(observation, &hold, at);
		released = hold.held > 0 && release_if_due(observation, &hold, at);
		report_hold(&before, &hold, released);
		sync_status_set_hold(&hold);
	}
	*held = hold.held;
	return value_time(hold.held > 0 ? hold.released_at : DT_NOEND);
}

void
brake_note_ends(NullableDatum ids, NullableDatum from, NullableDatum to, NullableDatum observed_at,
                NullableDatum left_out)
{
	SyncHold hold = sync_status_hold();

	if (hold.released_at != 0)
		STATEMENT_RUN(&statements[NOTE_ENDS], ids, from, to, observed_at,
		              value_time(hold.released_at), left_out);
}

SQL_FUNCTION(edurange_sync_release)
{
	caller_check(fcinfo);
	PG_RETURN_INT32(sync_status_ask_release());
}
