/*
 * activity.c
 *	  The log of what users did, written in the transaction of what it records.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/json.h"

#include "activity.h"
#include "ids.h"
#include "statements.h"

static Statement insert_entry = {
    "INSERT INTO public.\"ActivityLog\" (id, \"eventType\", \"userId\", \"challengeId\","
    " \"groupId\", \"accessCodeId\", \"challengeInstanceId\", metadata, severity, \"timestamp\")"
    " VALUES ($1, $2::public.\"ActivityEventType\", $3, $4, $5, $6, $7, $8::jsonb, 'INFO',"
    " clock_timestamp() AT TIME ZONE 'UTC')",
    {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID},
};

char *
json_member(const char *name, const char *value)
{
	StringInfoData out;

	initStringInfo(&out);
	escape_json(&out, name);
	appendStringInfoChar(&out, ':');
	escape_json(&out, value);
	return out.data;
}

void
activity_log(const Activity *activity)
{
	char *metadata = psprintf("{\"reportedBy\":\"server\"%s%s}", activity->metadata ? "," : "",
	                          activity->metadata ? activity->metadata : "");

	STATEMENT_RUN(&insert_entry, value_text(new_id()), value_text(activity->event_type),
	              value_text(activity->user_id), value_text(activity->challenge_id),
	              value_text(activity->group_id), value_text(activity->access_code_id),
	              value_text(activity->instance_id), value_text(metadata));
}
