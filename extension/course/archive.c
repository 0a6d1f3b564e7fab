/*
 * archive.c
 *	  The log of who or what is deleted, kept: the platform's own keys delete or empty its entries.
 *
 * The trigger runs with the row of the user or competition held, as does whoever writes an entry about it: so all
 * entries are there by then.  They go from the platform's table to ours in pieces, by a statement for either side.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "base/triggers.h"

/* A piece of the entries that a condition selects, behind those up to $2 and $3, as JSON; and where it ends. */
#define PIECE(condition)                                                                           \
	"SELECT jsonb_agg(jsonb_build_object('id', id, 'event_type', \"eventType\","                   \
	" 'user_id', \"userId\", 'challenge_id', \"challengeId\", 'group_id', \"groupId\","            \
	" 'metadata', metadata, 'at', \"timestamp\" AT TIME ZONE 'UTC',"                               \
	" 'access_code_id', \"accessCodeId\", 'instance_id', \"challengeInstanceId\","                 \
	" 'severity', severity)), max(\"timestamp\") AT TIME ZONE 'UTC',"                              \
	" (array_agg(id ORDER BY \"timestamp\" DESC, id DESC))[1]"                                     \
	" FROM (SELECT * FROM public.\"ActivityLog\" WHERE " condition                                 \
	"  AND (\"timestamp\", id) > (coalesce($2::timestamptz AT TIME ZONE 'UTC', '-infinity'),"      \
	"   coalesce($3, ''))"                                                                         \
	"  ORDER BY \"timestamp\", id LIMIT 500) l HAVING count(*) > 0"

typedef enum StatementId
{
	OF_USER,
	OF_COMPETITION,
	KEEP,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    [OF_USER] = {PIECE("\"userId\" = $1"), {TEXTOID, TIMESTAMPTZOID, TEXTOID}, .by_key = true},
    [OF_COMPETITION] = {PIECE("\"groupId\" = $1"),
                        {TEXTOID, TIMESTAMPTZOID, TEXTOID},
                        .by_key = true},
    /* What was kept before, when its competition went, stays as it was. */
    [KEEP] = {"INSERT INTO edurange.activity_archive (id, event_type, user_id, challenge_id,"
              " group_id, metadata, at, access_code_id, instance_id, severity)"
              " SELECT id, event_type, user_id, challenge_id, group_id, metadata, at,"
              " access_code_id, instance_id, severity"
              " FROM jsonb_to_recordset($1) AS l (id text, event_type text, user_id text,"
              "  challenge_id text, group_id text, metadata jsonb, at timestamptz,"
              "  access_code_id text, instance_id text, severity text)"
              " ON CONFLICT (id) DO NOTHING",
              {JSONBOID}},
};

/* Keeps the next piece, whose memory goes with its statements; false: there is none. */
static bool
keep_piece(StatementId piece, const char *subject, NullableDatum *at, char **id)
{
	MemoryContext context = CurrentMemoryContext;
	bool found;

	statements_begin();
	found = STATEMENT_RUN(&statements[piece], value_text(subject), *at, value_text(*id)) > 0;
	if (found)
	{
		Jsonb *entries = row_jsonb(0, 1);

		*at = value_time(row_time(0, 2));
		*id = MemoryContextStrdup(context, row_text(0, 3));
		STATEMENT_RUN(&statements[KEEP], value_jsonb(entries));
	}
	statements_end();
	return found;
}

SQL_TRIGGER(edurange_archive_activity)
{
	TriggerData *trigger = trigger_data(fcinfo, TRIGGER_EVENT_BEFORE);
	bool is_user = strcmp(RelationGetRelationName(trigger->tg_relation), "User") == 0;
	char *subject = tuple_text(trigger, trigger->tg_trigtuple, "id");
	NullableDatum at = value_null();
	char *id = NULL;

	while (keep_piece(is_user ? OF_USER : OF_COMPETITION, subject, &at, &id))
		CHECK_FOR_INTERRUPTS();
	return PointerGetDatum(trigger->tg_trigtuple);
}
