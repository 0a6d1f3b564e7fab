/*
 * instances.c
 *	  Instances: bringing the table closer to what the Instance Manager proved.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "compat.h"
#include "refusal.h"
#include "statements.h"

typedef enum StatementId
{
	CHECK_SNAPSHOT,
	APPLY,
	RECORD_SUCCESS,
	RECORD_FAILURE,
	STATUS,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* The first thing that is wrong with a snapshot, or null. */
    [CHECK_SNAPSHOT] = {"SELECT CASE WHEN jsonb_typeof($1) <> 'object' THEN 'be an object'"
                        " WHEN jsonb_typeof($1 -> 'challenge_pods') IS DISTINCT FROM 'array'"
                        "  THEN 'have an array in challenge_pods'"
                        " WHEN EXISTS (SELECT FROM jsonb_array_elements($1 -> 'challenge_pods') p"
                        "  WHERE jsonb_typeof(p) <> 'object'"
                        "  OR jsonb_typeof(p -> 'name') IS DISTINCT FROM 'string'"
                        "  OR jsonb_typeof(p -> 'status') IS DISTINCT FROM 'string'"
                        "  OR coalesce(jsonb_typeof(p -> 'webosUrl'), 'null')"
                        "   NOT IN ('string', 'null'))"
                        "  THEN 'list pods with the texts name, status and webosUrl' END",
                        {JSONBOID},
                        .reads = true},
    /*
	 * The transitions that a pod's status brings about, and the URL that a live pod has.  Rows that
	 * are right already are left out before anything is locked; a row whose status somebody else
	 * changed meanwhile keeps it.  A pod listed twice counts for nothing.
	 */
    [APPLY] = {"WITH transition (row_status, pod_status, next_status) AS (VALUES"
               " ('CREATING', 'ACTIVE', 'ACTIVE'), ('CREATING', 'TERMINATING', 'TERMINATING'),"
               " ('CREATING', 'ERROR', 'ERROR'), ('QUEUED', 'CREATING', 'CREATING'),"
               " ('QUEUED', 'ACTIVE', 'ACTIVE'), ('QUEUED', 'TERMINATING', 'TERMINATING'),"
               " ('QUEUED', 'ERROR', 'ERROR'), ('ACTIVE', 'TERMINATING', 'TERMINATING'),"
               " ('ACTIVE', 'ERROR', 'ERROR'), ('ERROR', 'TERMINATING', 'TERMINATING')),"
               " pod AS (SELECT p ->> 'name' AS id, min(p ->> 'status') AS status,"
               "  nullif(min(p ->> 'webosUrl'), '') AS url"
               "  FROM jsonb_array_elements($1 -> 'challenge_pods') p"
               "  GROUP BY 1 HAVING count(*) = 1),"
               " wanted AS (SELECT i.id, i.status AS observed,"
               "  coalesce(CASE WHEN i.status = 'ERROR' AND pod.status = 'ACTIVE'"
               "   AND i.\"terminationAttempts\" = 0 THEN 'ACTIVE' ELSE t.next_status END,"
               "   i.status::text)::public.\"ChallengeStatus\" AS status,"
               "  CASE WHEN i.status IN ('TERMINATING', 'TERMINATED') THEN i.\"challengeUrl\""
               "   ELSE coalesce(pod.url, i.\"challengeUrl\") END AS url"
               "  FROM pod JOIN public.\"ChallengeInstance\" i ON i.id = pod.id"
               "  LEFT JOIN transition t ON t.row_status = i.status::text"
               "   AND t.pod_status = pod.status)"
               " UPDATE public.\"ChallengeInstance\" AS i SET status = w.status,"
               "  \"challengeUrl\" = w.url,"
               "  \"lastStatusChange\" = CASE WHEN w.status <> w.observed"
               "   THEN clock_timestamp() AT TIME ZONE 'UTC' ELSE i.\"lastStatusChange\" END,"
               "  \"terminationAttempts\" = CASE WHEN w.status = 'ACTIVE' THEN 0"
               "   ELSE i.\"terminationAttempts\" END"
               " FROM wanted w WHERE i.id = w.id AND i.status = w.observed"
               " AND (w.status <> w.observed OR w.url <> i.\"challengeUrl\")",
               {JSONBOID}},
    /* $1 observed at, $2 pods, $3 changed.  An older observation does not make the state older. */
    [RECORD_SUCCESS] = {"UPDATE edurange.sync_state SET last_attempt = greatest(last_attempt, $1),"
                        " last_success = greatest(last_success, $1), consecutive_failures = 0,"
                        " last_error = NULL, pods_seen = $2, changed = changed + $3",
                        {TIMESTAMPTZOID, INT4OID, INT8OID}},
    [RECORD_FAILURE] =
        {"UPDATE edurange.sync_state SET last_attempt = greatest(last_attempt, $1),"
         " consecutive_failures = consecutive_failures + 1, last_error = left($2, 200)",
         {TIMESTAMPTZOID, TEXTOID}},
    [STATUS] = {"SELECT ROW(last_attempt, last_success,"
                " extract(epoch FROM clock_timestamp() - last_success)::float8,"
                " consecutive_failures, last_error, pods_seen, changed)::edurange.sync_report"
                " FROM edurange.sync_state",
                {InvalidOid},
                .reads = true},
};

/* The text of a failed poll: {"error": text}; NULL for a list of pods. */
static char *
snapshot_error(Jsonb *snapshot)
{
	JsonbValue key = {.type = jbvString};
	JsonbValue *error;

	if (!JB_ROOT_IS_OBJECT(snapshot))
		return NULL;
	key.val.string.val = "error";
	key.val.string.len = strlen("error");
	error = findJsonbValueFromContainer(&snapshot->root, JB_FOBJECT, &key);
	return error != NULL && error->type == jbvString
	           ? pnstrdup(error->val.string.val, error->val.string.len)
	           : NULL;
}

/* How many pods the snapshot lists. */
static int32
count_pods(Jsonb *snapshot)
{
	JsonbValue key = {.type = jbvString};
	JsonbValue *pods;

	key.val.string.val = "challenge_pods";
	key.val.string.len = strlen("challenge_pods");
	pods = findJsonbValueFromContainer(&snapshot->root, JB_FOBJECT, &key);
	return (int32) JsonContainerSize(pods->val.binary.data);
}

SQL_FUNCTION(edurange_sync_apply)
{
	Jsonb *snapshot;
	char *error;
	int32 pods = 0;
	int64 changed = 0;

	if (PG_ARGISNULL(0))
		raise_error(EDURANGE_MISSING_PARAMETER, "parameter \"snapshot\" is missing");
	if (PG_ARGISNULL(1))
		raise_error(EDURANGE_MISSING_PARAMETER, "parameter \"observed_at\" is missing");
	snapshot = PG_GETARG_JSONB_P(0);
	error = snapshot_error(snapshot);
	statements_begin();
	if (error != NULL)
		STATEMENT_RUN(&statements[RECORD_FAILURE], fcinfo->args[1], value_text(error));
	else
	{
		STATEMENT_RUN(&statements[CHECK_SNAPSHOT], fcinfo->args[0]);
		if (!row_is_null(0, 1))
			raise_error(EDURANGE_INVALID_PARAMETER, "parameter \"snapshot\" must %s",
			            row_text(0, 1));
		pods = count_pods(snapshot);
		changed = (int64) STATEMENT_RUN(&statements[APPLY], fcinfo->args[0]);
		STATEMENT_RUN(&statements[RECORD_SUCCESS], fcinfo->args[1], value_int(pods),
		              value_long(changed));
	}
	statements_end();
	return composite_result(fcinfo, (NullableDatum[]){value_int(pods), value_int((int32) changed)},
	                        2);
}

SQL_FUNCTION(edurange_sync_status)
{
	Datum row;
	bool is_null;

	statements_begin();
	if (statement_run(&statements[STATUS], NULL, 0) == 0)
		raise_error(EDURANGE_NOT_INSTALLED, "table \"edurange.sync_state\" has lost its row");
	row = row_result(0, 1, &is_null);
	statements_end();
	PG_RETURN_DATUM(row);
}
