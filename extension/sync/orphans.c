/*
 * orphans.c
 *	  Pods whose instances were deleted together with their user or their competition.
 *
 * Nobody can be given such a pod any more: it would be adopted for a user who is gone, or into a competition that it never
 * belonged to.  It is ended, but only where this database had a row for it, which a trigger notes when the row goes:
 * other pods are other people's.  That it could not be adopted after the quarantine comes first, so the deletion
 * may be undone for so long.  Where many are left over at once the deletion may have been a mistake, and
 * edurange.sync_mass_grace passes before.  No list need come in that time, so what is found here is found again each
 * time that the end of the pod is to be requested (sync_steps.c).
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "base/guc.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "base/triggers.h"
#include "sync/orphans.h"
#include "sync/sync_sql.h"
#include "sync/telling.h"

typedef enum StatementId
{
	NOTE_DELETED,
	LOOK,
	FIND,
	NOTE,
	FORGET,
	STATEMENT_COUNT
} StatementId;

/* The formatter would break these lines at each macro. */
/* clang-format off */
static Statement statements[STATEMENT_COUNT] = {
    /* What ended in a mass event stays so: its pod is never ended. */
    [NOTE_DELETED] = {"INSERT INTO edurange.sync_past AS p (name, reason, since, user_id, group_id)"
                      " SELECT name, 'deleted', clock_timestamp(), $2, $3 FROM (SELECT $1) AS d (name)"
                      " WHERE " IS_POD_NAME("name")
                      " ON CONFLICT (name) DO UPDATE SET since = EXCLUDED.since, user_id = $2, group_id = $3",
                      {TEXTOID, TEXTOID, TEXTOID},
                      .by_key = true},
    /* Is there anything to do?  Pods that nobody could be given, and those that are noted. */
    [LOOK] = {"SELECT FROM edurange.sync_watch w WHERE w.due IS NOT NULL AND (w.reason = 'orphan'"
              " OR w.reason = 'unknown' AND w.attempts > 0 AND EXISTS (SELECT FROM edurange.sync_past p"
              "  WHERE p.name = w.name AND p.reason = 'deleted')) LIMIT 1",
              {InvalidOid}},
    /* $1 names and $2 statuses of pods; gives names, and how many instances are ACTIVE. */
    [FIND] = {"SELECT coalesce(array_agg(o.name), '{}'), (SELECT count(*) FROM public.\"ChallengeInstance\""
              "  WHERE status = 'ACTIVE')::integer FROM unnest($1, $2) AS o (name, status)"
              " JOIN edurange.sync_watch w ON w.name = o.name AND w.reason = 'unknown' AND w.attempts > 0"
              " WHERE o.status IN ('CREATING', 'ACTIVE', 'ERROR') AND " IS_LEFT_OVER("o.name"),
              {TEXTARRAYOID, TEXTARRAYOID}},
    /* $1 names, $2 how many instances are ACTIVE, $3 observed at, $4 mass grace; gives how many wait for that. */
    [NOTE] = {"WITH known AS (SELECT count(*) AS n FROM edurange.sync_watch WHERE reason = 'orphan' AND due IS NOT NULL),"
              " new AS (SELECT name FROM unnest($1) AS o (name) WHERE NOT EXISTS ("
              "  SELECT FROM edurange.sync_watch w WHERE w.name = o.name AND w.reason = 'orphan')),"
              " brake AS (SELECT " IS_MANY("known.n + (SELECT count(*) FROM new)",
                                           "$2 + known.n + (SELECT count(*) FROM new)") " AS many FROM known),"
              " noted AS (INSERT INTO edurange.sync_watch (name, reason, since, due)"
              "  SELECT name, 'orphan', $3, CASE WHEN many THEN $3 + $4 ELSE $3 END FROM new, brake RETURNING name)"
              " SELECT count(*)::integer, (count(*) FILTER (WHERE many))::integer FROM noted, brake",
              {TEXTARRAYOID, INT4OID, TIMESTAMPTZOID, INTERVALOID}},
    /* $1 names, of which those stay */
    [FORGET] = {"DELETE FROM edurange.sync_watch WHERE reason = 'orphan' AND due IS NOT NULL AND name <> ALL ($1)",
                {TEXTARRAYOID}},
};
/* clang-format on */

void
orphans_find(const ObservedPods *pods, NullableDatum observed_at, bool *wrote)
{
	static Telling told;
	NullableDatum names;
	int32 active;
	int32 waiting;

	if (statement_run(&statements[LOOK], NULL, 0) == 0)
		return;
	STATEMENT_RUN(&statements[FIND], pods->names, pods->statuses);
	names = row_argument(0, 1, TEXTARRAYOID);
	active = row_int(0, 2);
	*wrote |= STATEMENT_RUN(&statements[FORGET], names) > 0;
	STATEMENT_RUN(&statements[NOTE], names, value_int(active), observed_at,
	              value_span(guc_sync_mass_grace));
	*wrote |= row_int(0, 1) > 0;
	waiting = row_int(0, 2);
	if (waiting > 0 && may_tell(&told, 1))
		ereport(
		    WARNING,
		    (errmsg("%d pods of users or competitions that were deleted are to be ended", waiting),
		     errdetail("They are so many that edurange.sync_mass_grace passes before.")));
}

SQL_TRIGGER(edurange_instance_deleted)
{
	TriggerData *trigger = trigger_data(fcinfo, TRIGGER_EVENT_AFTER);

	statements_begin();
	if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		STATEMENT_RUN(&statements[NOTE_DELETED],
		              value_text(tuple_text(trigger, trigger->tg_trigtuple, "id")),
		              value_text(tuple_text(trigger, trigger->tg_trigtuple, "userId")),
		              value_text(tuple_text(trigger, trigger->tg_trigtuple, "competitionId")));
	statements_end();
	return PointerGetDatum(NULL);
}
