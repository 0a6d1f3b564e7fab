/*
 * activity.c
 *	  The log of what users did, written in the transaction of what it records.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/json.h"
#include "utils/jsonb.h"

#include "base/arguments.h"
#include "base/ids.h"
#include "base/json_text.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/authority.h"
#include "calls/idempotency.h"
#include "game/activity.h"

/* After so many turns it is a trigger that keeps the account from being made, not somebody who deletes it again. */
#define STAND_IN_TURNS 10

/* Metadata is a note, not a store: so much of it is kept, in so many values (JSON_VALUES). */
#define METADATA_BYTES (16 * 1024)

/* What becomes of a number in metadata that is not readable. */
#define OUT_OF_RANGE_NUMBER "number out of range"

typedef enum StatementId
{
	INSERT_ENTRY,
	INSERT_ENTRIES,
	INSERT_PLAY_ENTRY,
	INSERT_PLAY_ENTRIES,
	REPORT,
	STAND_IN,
	MAKE_SYSTEM_ACCOUNT,
	SERVERS_OWN,
	STATEMENT_COUNT
} StatementId;

#define INSERT_INTO_LOG                                                                            \
	"INSERT INTO public.\"ActivityLog\" (id, \"eventType\", \"userId\", \"challengeId\","          \
	" \"groupId\", \"accessCodeId\", \"challengeInstanceId\", metadata, severity,"                 \
	" \"timestamp\")"
#define ENTRY                                                                                      \
	INSERT_INTO_LOG                                                                                \
	" VALUES ($1, $2::public.\"ActivityEventType\", $3, $4, $5, $6, $7, $8::jsonb,"                \
	" 'INFO', " UTC_CLOCK ")"
#define ENTRY_TYPES TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID

static Statement statements[STATEMENT_COUNT] = {
    [INSERT_ENTRY] = {ENTRY, {ENTRY_TYPES}, .must_write = true},
    /* the same for each of the users $3, with the ids $1 */
    [INSERT_ENTRIES] = {INSERT_INTO_LOG " SELECT e.id, $2::public.\"ActivityEventType\","
                                        " e.user_id, $4, $5, $6, $7, $8::jsonb, 'INFO', " UTC_CLOCK
                                        " FROM unnest($1, $3) AS e (id, user_id)",
                        {TEXTARRAYOID, TEXTOID, TEXTARRAYOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
                         TEXTOID}},
    [INSERT_PLAY_ENTRY] = {ENTRY, {ENTRY_TYPES}, .must_write = true, .keys_held = true},
    /* and another one that differs in $9 id, $10 event type and $11 metadata */
    [INSERT_PLAY_ENTRIES] = {ENTRY ", ($9, $10::public.\"ActivityEventType\", $3, $4, $5, $6, $7,"
                                   " $11::jsonb, 'INFO', " UTC_CLOCK ")",
                             {ENTRY_TYPES, TEXTOID, TEXTOID, TEXTOID},
                             .keys_held = true},
    /*
	 * What somebody else reports: $1 id, $2 event type, $3 severity, $4 user, $5 challenge, $6 group,
	 * $7 code, $8 instance, $9 metadata, $10 the tier of who reports, $11 the user that was named.
	 * An id that names nothing is kept in the metadata; the rows that are named are held, after their
	 * user, so that none goes away before the entry is written.
	 */
    [REPORT] =
        {"WITH known AS (SELECT $2 = ANY (enum_range(NULL::public.\"ActivityEventType\")::text[])"
         "  AS event, upper($3) = ANY (enum_range(NULL::public.\"LogSeverity\")::text[]) AS level,"
         "  (SELECT id FROM public.\"Challenge\" WHERE id = $5 FOR KEY SHARE) AS challenge,"
         "  (SELECT id FROM public.\"CompetitionGroup\" WHERE id = $6 FOR KEY SHARE)"
         "   AS competition,"
         "  (SELECT id FROM public.\"CompetitionAccessCode\" WHERE id = $7 FOR KEY SHARE) AS code,"
         "  (SELECT id FROM public.\"ChallengeInstance\" WHERE id = $8 FOR KEY SHARE) AS instance)"
         " INSERT INTO public.\"ActivityLog\" AS l (id, \"eventType\", \"userId\", \"challengeId\","
         " \"groupId\", \"accessCodeId\", \"challengeInstanceId\", metadata, severity,"
         " \"timestamp\")"
         " SELECT $1,"
         " (CASE WHEN event THEN $2 ELSE 'SYSTEM_ERROR' END)::public.\"ActivityEventType\","
         " $4, challenge, competition, code, instance,"
         " $9 || jsonb_build_object('reportedBy', $10) || jsonb_strip_nulls(jsonb_build_object("
         "  'original_event_type', CASE WHEN NOT event THEN $2 END,"
         "  'error', CASE WHEN NOT event THEN 'unknown event type' END,"
         "  'originalSeverity', CASE WHEN NOT level THEN $3 END,"
         "  'originalUserId', CASE WHEN $4 <> $11 THEN $11 END,"
         "  'originalChallengeId', CASE WHEN challenge IS NULL THEN $5 END,"
         "  'originalGroupId', CASE WHEN competition IS NULL THEN $6 END,"
         "  'originalAccessCodeId', CASE WHEN code IS NULL THEN $7 END,"
         "  'originalChallengeInstanceId', CASE WHEN instance IS NULL THEN $8 END)),"
         " (CASE WHEN NOT level THEN 'INFO' WHEN $10 = 'player' AND upper($3) IN"
         "  ('ERROR', 'CRITICAL') THEN 'WARNING' ELSE upper($3) END)::public.\"LogSeverity\","
         " " UTC_CLOCK " FROM known"
         " RETURNING ROW(l.id, l.\"timestamp\" AT TIME ZONE 'UTC')::edurange.activity_entry",
         {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, TEXTOID,
          TEXTOID},
         .by_key = true},
    /* The user, or who deleted or updated them by the metadata $2; locked. */
    [STAND_IN] = {"SELECT id FROM public.\"User\" WHERE id IN ($1, $2 ->> 'deletedBy',"
                  " $2 ->> 'updatedBy') ORDER BY id <> $1, id <> coalesce($2 ->> 'deletedBy', '')"
                  " LIMIT 1 FOR KEY SHARE",
                  {TEXTOID, JSONBOID},
                  .by_key = true},
    /* By the address $1, unless somebody has that. */
    [MAKE_SYSTEM_ACCOUNT] = {"INSERT INTO public.\"User\""
                             " (id, name, email, role, \"createdAt\", \"updatedAt\")"
                             " SELECT '" SYSTEM_ACCOUNT "', 'EDURange system', $1, 'INSTRUCTOR',"
                             " now, now FROM " CLOCK_ROW " ON CONFLICT DO NOTHING",
                             {TEXTOID},
                             .by_key = true},
    /*
	 * The server's own entry for the same event of the same question or pack, if it is younger than $4;
	 * who reports a pack need not say which.
	 */
    [SERVERS_OWN] = {"SELECT ROW(id, \"timestamp\" AT TIME ZONE 'UTC')::edurange.activity_entry"
                     " FROM public.\"ActivityLog\" WHERE \"userId\" = $1"
                     " AND \"eventType\"::text = $2"
                     " AND \"timestamp\" > $4 AT TIME ZONE 'UTC'"
                     " AND metadata ->> 'reportedBy' = 'server'"
                     " AND CASE WHEN metadata ? 'packId' THEN"
                     "  coalesce($3 ->> 'packId', metadata ->> 'packId') = metadata ->> 'packId'"
                     "  ELSE metadata ->> 'questionId' = $3 ->> 'questionId' END"
                     " ORDER BY \"timestamp\" DESC LIMIT 1",
                     {TEXTOID, TEXTOID, JSONBOID, TIMESTAMPTZOID},
                     .by_key = true},
};

/* The metadata of an entry of the server's. */
static NullableDatum
metadata_of(const Activity *activity)
{
	char *acting = activity->acting_user != NULL
	                   ? psprintf(",%s", json_member("actingUserId", activity->acting_user))
	                   : "";

	return value_text(psprintf("{\"reportedBy\":\"server\"%s%s%s}", acting,
	                           activity->metadata ? "," : "",
	                           activity->metadata ? activity->metadata : ""));
}

void
activity_log(const Activity *activity)
{
	STATEMENT_RUN(&statements[activity->is_play ? INSERT_PLAY_ENTRY : INSERT_ENTRY],
	              value_text(new_id()), value_text(activity->event_type),
	              value_text(activity->user_id), value_text(activity->challenge_id),
	              value_text(activity->group_id), value_text(activity->access_code_id),
	              value_text(activity->instance_id), metadata_of(activity));
}

void
activity_log_each(const Activity *activity, char **user_ids, int count)
{
	char **ids = palloc(sizeof(*ids) * (size_t) count);
	uint64 written;

	for (int i = 0; i < count; i++)
		ids[i] = new_id();
	written = STATEMENT_RUN(&statements[INSERT_ENTRIES], value_texts(ids, count),
	                        value_text(activity->event_type), value_texts(user_ids, count),
	                        value_text(activity->challenge_id), value_text(activity->group_id),
	                        value_text(activity->access_code_id), value_text(activity->instance_id),
	                        metadata_of(activity));
	if (written != (uint64) count)
		row_kept_out("public.\"ActivityLog\"");
}

void
activity_log_two(const Activity *one, const Activity *other)
{
	uint64 written = STATEMENT_RUN(
	    &statements[INSERT_PLAY_ENTRIES], value_text(new_id()), value_text(one->event_type),
	    value_text(one->user_id), value_text(one->challenge_id), value_text(one->group_id),
	    value_text(one->access_code_id), value_text(one->instance_id), metadata_of(one),
	    value_text(new_id()), value_text(other->event_type), metadata_of(other));

	if (written != 2)
		row_kept_out("public.\"ActivityLog\"");
}

/* Keys whose values are secrets and have no place in a log. */
static const char *const secret_keys[] = {"answer", "flag", "token"};

static bool
is_secret_key(const JsonbValue *key)
{
	for (int i = 0; i < lengthof(secret_keys); i++)
		if (key->val.string.len == (int) strlen(secret_keys[i]) &&
		    pg_strncasecmp(key->val.string.val, secret_keys[i], strlen(secret_keys[i])) == 0)
			return true;
	return false;
}

/* One step of writing an object. */
static void
push_text(JsonbParseState **state, JsonbIteratorToken token, const char *text)
{
	JsonbValue value = {
	    .type = jbvString,
	    .val.string = {.val = unconstify(char *, text), .len = (int) strlen(text)},
	};

	(void) pushJsonbValue(state, token, &value);
}

/* Writes the document without the values of secret keys, however deep, and of numbers out of all range. */
static void
push_cleaned(JsonbParseState **state, Jsonb *document)
{
	JsonbIterator *iterator = JsonbIteratorInit(&document->root);
	bool is_scalar = JB_ROOT_IS_SCALAR(document);
	bool is_object = JB_ROOT_IS_OBJECT(document);
	int depth = 0;
	JsonbValue value;
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		bool begins = token == WJB_BEGIN_ARRAY || token == WJB_BEGIN_OBJECT;
		bool ends = token == WJB_END_ARRAY || token == WJB_END_OBJECT;

		/* the outermost level: a scalar has a list around it, an object is the one that is being written */
		if ((begins && depth++ == 0 && (is_scalar || is_object)) ||
		    (ends && --depth == 0 && (is_scalar || is_object)))
			continue;
		if (token == WJB_KEY && is_secret_key(&value))
		{
			(void) JsonbIteratorNext(&iterator, &value, true);
			continue;
		}
		if (!begins && !ends && value.type == jbvNumeric &&
		    !json_number_is_readable(value.val.numeric))
			value = (JsonbValue){.type = jbvString,
			                     .val.string = {.val = OUT_OF_RANGE_NUMBER,
			                                    .len = (int) strlen(OUT_OF_RANGE_NUMBER)}};
		(void) pushJsonbValue(state, is_scalar ? WJB_VALUE : token, begins || ends ? NULL : &value);
	}
}

/* Could a text that cannot be read hold a secret? */
static bool
names_secret(const char *sent)
{
	char *lower = asc_tolower(sent, strlen(sent));

	for (int i = 0; i < lengthof(secret_keys); i++)
		if (strstr(lower, secret_keys[i]) != NULL)
			return true;
	return false;
}

/* Raises where there is too much to keep. */
static void
check_size(const char *name, const char *text)
{
	if (text != NULL && strlen(text) > METADATA_BYTES)
		raise_error(EDURANGE_PAYLOAD_TOO_LARGE, "parameter \"%s\" has more than %d bytes", name,
		            METADATA_BYTES);
}

/*
 * What was sent as metadata, as an object, whatever it was; details become a member of it, and so does who had the
 * entry written on their behalf, who comes last, so that nobody is spoken for by what was sent.  What is no JSON stays
 * as it was sent: what it would be parsed to can be far longer (1e99999).
 */
static Jsonb *
read_metadata(const char *sent, const char *details, const char *acting_user)
{
	Refusal refusal = {0};
	const char *text = sent != NULL && sent[0] != '\0' ? sent : "{}";
	Jsonb *document;
	JsonbParseState *state = NULL;

	check_size("metadata", sent);
	check_size("details", details);
	if (json_text_measure(text).values > JSON_VALUES)
		raise_error(EDURANGE_PAYLOAD_TOO_LARGE, "parameter \"metadata\" has more than %d values",
		            JSON_VALUES);
	document = json_text_parse(text, JSON_ANY, &refusal);
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	if (document == NULL)
	{
		push_text(&state, WJB_KEY, "invalidJson");
		push_text(&state, WJB_VALUE, names_secret(text) ? "left out" : text);
	}
	else
	{
		if (!JB_ROOT_IS_OBJECT(document))
			push_text(&state, WJB_KEY, "value");
		push_cleaned(&state, document);
	}
	if (details != NULL)
	{
		push_text(&state, WJB_KEY, "details");
		push_text(&state, WJB_VALUE, details);
	}
	if (acting_user != NULL)
	{
		push_text(&state, WJB_KEY, "actingUserId");
		push_text(&state, WJB_VALUE, acting_user);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/*
 * Who the entry is about, or who stands in; their row is locked.  Where the system account is missing still after it
 * was made, its address may be somebody's whom the platform or a restore wrote: it gets one that is nobody's, so that
 * no entry is lost.
 */
static char *
find_subject(const char *user_id, NullableDatum metadata)
{
	for (int turn = 0; turn < STAND_IN_TURNS; turn++)
	{
		CHECK_FOR_INTERRUPTS();
		if (STATEMENT_RUN(&statements[STAND_IN], value_text(user_id), metadata) > 0)
			return row_text(0, 1);
		STATEMENT_RUN(
		    &statements[MAKE_SYSTEM_ACCOUNT],
		    value_text(turn == 0 ? SYSTEM_ADDRESS : psprintf("%s.%s", new_id(), SYSTEM_ADDRESS)));
		user_id = SYSTEM_ACCOUNT;
	}
	row_kept_out("public.\"User\"");
}

/* Does the server write entries of this kind itself, which clients then report again? */
static bool
is_logged_by_server(const char *event_type)
{
	return strncmp(event_type, "QUESTION_", strlen("QUESTION_")) == 0 ||
	       strcmp(event_type, "CHALLENGE_PACK_INSTALLED") == 0;
}

char *
activity_subject(const char *user_id)
{
	Refusal refusal = {0};
	NullableDatum nothing = value_jsonb(json_text_parse("{}", JSON_ANY, &refusal));

	return find_subject(user_id != NULL ? user_id : SYSTEM_ACCOUNT, nothing);
}

static Datum
log_activity(FunctionCallInfo fcinfo, const Caller *caller)
{
	static const char *const tiers[] = {"player", "player", "service", "admin"};
	/* (what names nothing is kept in the metadata, which are small) */
	char *event_type = short_text(required_text(fcinfo, 0, "event_type"), "event_type");
	char *user_id = short_text(required_text(fcinfo, 1, "user_id"), "user_id");
	char *challenge_id = short_text(optional_text(fcinfo, 4), "challenge_id");
	char *group_id = short_text(optional_text(fcinfo, 5), "group_id");
	char *instance_id = short_text(optional_text(fcinfo, 6), "challenge_instance_id");
	char *code_id = short_text(optional_text(fcinfo, 7), "access_code_id");
	char *severity = PG_ARGISNULL(2) ? "INFO" : short_text(optional_text(fcinfo, 2), "severity");
	NullableDatum metadata = value_jsonb(
	    read_metadata(optional_text(fcinfo, 3), optional_text(fcinfo, 8), caller->acting_user));
	Refusal refusal = {0};
	Datum row;

	statements_begin();
	if (!caller_acts_as(caller, "user_id", user_id, &refusal) ||
	    (group_id != NULL && !caller_sees_competition(caller, group_id, &refusal)) ||
	    (instance_id != NULL &&
	     !caller_uses_instance(caller, "challenge_instance_id", instance_id, &refusal)))
		raise_refusal(&refusal);
	if (!is_logged_by_server(event_type) ||
	    STATEMENT_RUN(&statements[SERVERS_OWN], value_text(user_id), value_text(event_type),
	                  metadata, value_time(GetCurrentTimestamp() - USECS_PER_MINUTE)) == 0)
		STATEMENT_RUN(&statements[REPORT], value_text(new_id()), value_text(event_type),
		              value_text(severity), value_text(find_subject(user_id, metadata)),
		              value_text(challenge_id), value_text(group_id), value_text(code_id),
		              value_text(instance_id), metadata, value_text(tiers[caller->tier]),
		              value_text(user_id));
	row = only_result();
	statements_end();
	return row;
}

SQL_FUNCTION_BATCHABLE(edurange_log_activity)
{
	return mutate(fcinfo, log_activity);
}
