/*
 * challenges.c
 *	  Challenges: what one consists of, as far as the caller may see it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "caller.h"
#include "compat.h"
#include "guc.h"
#include "statements.h"

typedef enum StatementId
{
	DETAILS,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /*
	 * $2: the caller sees answers; $3: a player sees those of questions without a flag.  Where the
	 * answer is left out, so is what the document says of it.
	 */
    [DETAILS] = {"SELECT ROW(c.id, c.name, c.description, t.name,"
                 " ARRAY(SELECT ROW(q.id, q.\"challengeId\", q.content, q.type, q.points,"
                 "   CASE WHEN seen THEN q.answer END, q.\"order\", q.title, q.format, q.hint,"
                 "   q.required, q.cdf_question_id,"
                 "   CASE WHEN seen OR jsonb_typeof(q.cdf_payload) <> 'object' AND $2"
                 "    THEN q.cdf_payload WHEN jsonb_typeof(q.cdf_payload) = 'object'"
                 "    THEN q.cdf_payload - ARRAY['answer', 'explanation'] END,"
                 "   q.\"createdAt\" AT TIME ZONE 'UTC', q.\"updatedAt\" AT TIME ZONE 'UTC'"
                 "   )::edurange.question FROM public.\"ChallengeQuestion\" q,"
                 "   LATERAL (SELECT $2 OR $3 AND upper(q.type) <> 'FLAG') AS visible (seen)"
                 "   WHERE q.\"challengeId\" = c.id ORDER BY q.\"order\"),"
                 " ARRAY(SELECT ROW(a.id, a.\"challengeId\", a.\"appId\", a.title, a.icon, a.width,"
                 "   a.height, a.screen, a.disabled, a.favourite, a.desktop_shortcut,"
                 "   a.launch_on_startup,"
                 "   CASE WHEN jsonb_typeof(a.additional_config) = 'object'"
                 "    THEN a.additional_config ELSE '{}' END,"
                 "   a.\"createdAt\" AT TIME ZONE 'UTC', a.\"updatedAt\" AT TIME ZONE 'UTC'"
                 "   )::edurange.app_config FROM public.\"ChallengeAppConfig\" a"
                 "   WHERE a.\"challengeId\" = c.id ORDER BY a.\"createdAt\", a.id)"
                 " )::edurange.challenge_detail"
                 " FROM public.\"Challenge\" c"
                 " JOIN public.\"ChallengeType\" t ON t.id = c.\"challengeTypeId\""
                 " WHERE c.id = $1",
                 {TEXTOID, BOOLOID, BOOLOID},
                 .reads = true},
};

SQL_FUNCTION(edurange_challenge_details)
{
	char *challenge_id = required_text(fcinfo, 0, "challenge_id");
	Caller caller;
	Datum row;
	bool is_null;

	caller_read(&caller, fcinfo, 1);
	statements_begin();
	if (STATEMENT_RUN(&statements[DETAILS], value_text(challenge_id),
	                  value_bool(caller.tier >= TIER_SERVICE),
	                  value_bool(guc_webos_compatibility)) == 0)
		raise_error(EDURANGE_CHALLENGE_NOT_FOUND, "challenge \"%s\" does not exist", challenge_id);
	row = row_result(0, 1, &is_null);
	statements_end();
	PG_RETURN_DATUM(row);
}
