/*
 * cdf.c
 *	  Documents in the Challenge Definition Format, and the rows that they become.
 *
 * A document becomes a challenge whole or not at all.  A question is the same question as before
 * when its component has the same id, wherever it stands now, so that attempts and completions stay
 * with what they were for.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "compat.h"
#include "document_check.h"
#include "idempotency.h"
#include "json_text.h"
#include "statements.h"

typedef enum StatementId
{
	IDENTITY,
	LOCK_PACK,
	INSERT_TYPE,
	INSERT_CHALLENGE,
	LOCK_CHALLENGE,
	UPDATE_CHALLENGE,
	QUESTION_IN_USE,
	DELETE_QUESTIONS,
	MOVE_QUESTIONS,
	UPDATE_QUESTIONS,
	INSERT_QUESTIONS,
	DELETE_APPS,
	WRITE_APPS,
	KEEP_DOCUMENT,
	STATEMENT_COUNT
} StatementId;

#define COMPONENTS                                                                                 \
	"jsonb_array_elements(CASE WHEN jsonb_typeof($1 -> 'components') = 'array'"                    \
	" THEN $1 -> 'components' ELSE '[]' END) WITH ORDINALITY AS e (c, position)"

/* The questions of the document $1 as columns of "ChallengeQuestion". */
#define QUESTIONS                                                                                  \
	"question AS (SELECT c ->> 'id' AS cdf_question_id,"                                           \
	" coalesce((k ->> 'order')::numeric, row_number() OVER (ORDER BY position) - 1)::integer"      \
	"  AS position,"                                                                               \
	" k ->> 'text' AS content, upper(coalesce(k ->> 'type', k ->> 'question_type')) AS type,"      \
	" coalesce((k ->> 'points')::numeric, 0)::integer AS points,"                                  \
	" CASE jsonb_typeof(k -> 'answer') WHEN 'array' THEN k -> 'answer' ->> 0"                      \
	"  ELSE k ->> 'answer' END AS answer,"                                                         \
	" coalesce(k ->> 'title', left(k ->> 'text', 50)) AS title, k ->> 'format' AS format,"         \
	" k ->> 'hint' AS hint, coalesce((k ->> 'required')::boolean, true) AS required,"              \
	" k || jsonb_build_object('_cdf_component_id', c ->> 'id') AS cdf_payload"                     \
	" FROM " COMPONENTS ", LATERAL (SELECT c -> 'config') AS config (k)"                           \
	" WHERE c ->> 'type' = 'question')"

static Statement statements[STATEMENT_COUNT] = {
    [IDENTITY] = {"SELECT $1 #>> '{metadata,id}', $1 #>> '{metadata,challenge_type}'",
                  {JSONBOID},
                  .reads = true},
    [LOCK_PACK] = {"SELECT 1 FROM public.\"ChallengePack\" WHERE id = $1 FOR KEY SHARE", {TEXTOID}},
    [INSERT_TYPE] = {"INSERT INTO public.\"ChallengeType\" (id, name)"
                     " VALUES (edurange.new_id(), $1) ON CONFLICT (name) DO NOTHING",
                     {TEXTOID}},
    /* $1 id, $2 type; the rest follows in UPDATE_CHALLENGE, under the row's lock. */
    [INSERT_CHALLENGE] = {"INSERT INTO public.\"Challenge\""
                          " (id, name, \"challengeTypeId\", \"createdAt\", \"updatedAt\")"
                          " SELECT $1, '', id, now, now FROM public.\"ChallengeType\","
                          " (SELECT clock_timestamp() AT TIME ZONE 'UTC') AS clock (now)"
                          " WHERE name = $2 ON CONFLICT (id) DO NOTHING",
                          {TEXTOID, TEXTOID}},
    [LOCK_CHALLENGE] = {"SELECT pack_id FROM public.\"Challenge\" WHERE id = $1 FOR UPDATE",
                        {TEXTOID}},
    /* $1 document, $2 pack */
    [UPDATE_CHALLENGE] = {"UPDATE public.\"Challenge\" AS c SET name = m ->> 'name',"
                          " description = m ->> 'description',"
                          " difficulty = (CASE m ->> 'difficulty' WHEN 'beginner' THEN 'EASY'"
                          "  WHEN 'advanced' THEN 'HARD' WHEN 'expert' THEN 'EXPERT'"
                          "  ELSE 'MEDIUM' END)::public.\"ChallengeDifficulty\","
                          " \"challengeTypeId\" = (SELECT t.id FROM public.\"ChallengeType\" t"
                          "  WHERE t.name = m ->> 'challenge_type'),"
                          " cdf_version = m ->> 'version', cdf_content = $1, pack_id = $2,"
                          " pack_challenge_id = CASE WHEN $2 IS NULL THEN c.pack_challenge_id"
                          "  ELSE c.id END,"
                          " \"updatedAt\" = clock_timestamp() AT TIME ZONE 'UTC'"
                          " FROM (SELECT $1 -> 'metadata') AS metadata (m)"
                          " WHERE c.id = m ->> 'id'",
                          {JSONBOID, TEXTOID},
                          .secret = true},
    /* A question that the document lacks although somebody worked at it. $2 challenge */
    [QUESTION_IN_USE] = {"WITH " QUESTIONS " SELECT q.cdf_question_id"
                         " FROM public.\"ChallengeQuestion\" q WHERE q.\"challengeId\" = $2"
                         " AND NOT EXISTS (SELECT FROM question"
                         "  WHERE question.cdf_question_id = q.cdf_question_id)"
                         " AND (EXISTS (SELECT FROM public.\"QuestionAttempt\" a"
                         "  WHERE a.\"questionId\" = q.id) OR EXISTS (SELECT"
                         "  FROM public.\"QuestionCompletion\" d WHERE d.\"questionId\" = q.id))"
                         " ORDER BY q.\"order\" LIMIT 1",
                         {JSONBOID, TEXTOID}},
    [DELETE_QUESTIONS] = {"WITH " QUESTIONS " DELETE FROM public.\"ChallengeQuestion\" q"
                          " WHERE q.\"challengeId\" = $2 AND NOT EXISTS (SELECT FROM question"
                          "  WHERE question.cdf_question_id = q.cdf_question_id)",
                          {JSONBOID, TEXTOID}},
    /* Out of the way of each other: the key on order holds at every row. */
    [MOVE_QUESTIONS] = {"UPDATE public.\"ChallengeQuestion\" AS q SET \"order\" = moved.position"
                        " FROM (SELECT id, (max(\"order\") OVER () + row_number() OVER ()"
                        "  + 1000001)::integer AS position FROM public.\"ChallengeQuestion\""
                        "  WHERE \"challengeId\" = $1) AS moved WHERE q.id = moved.id",
                        {TEXTOID}},
    [UPDATE_QUESTIONS] = {"WITH " QUESTIONS " UPDATE public.\"ChallengeQuestion\" AS q"
                          " SET content = n.content, type = n.type, points = n.points,"
                          " answer = n.answer, \"order\" = n.position, title = n.title,"
                          " format = n.format, hint = n.hint, required = n.required,"
                          " cdf_payload = n.cdf_payload,"
                          " \"updatedAt\" = clock_timestamp() AT TIME ZONE 'UTC'"
                          " FROM question n WHERE q.\"challengeId\" = $2"
                          " AND q.cdf_question_id = n.cdf_question_id",
                          {JSONBOID, TEXTOID},
                          .secret = true},
    [INSERT_QUESTIONS] = {"WITH " QUESTIONS " INSERT INTO public.\"ChallengeQuestion\" (id,"
                          " \"challengeId\", content, type, points, answer, \"order\", title,"
                          " format, hint, required, cdf_question_id, cdf_payload, \"createdAt\","
                          " \"updatedAt\") SELECT edurange.new_id(), $2, n.content, n.type,"
                          " n.points, n.answer, n.position, n.title, n.format, n.hint, n.required,"
                          " n.cdf_question_id, n.cdf_payload, now, now FROM question n,"
                          " (SELECT clock_timestamp() AT TIME ZONE 'UTC') AS clock (now)"
                          " WHERE NOT EXISTS (SELECT FROM public.\"ChallengeQuestion\" q"
                          "  WHERE q.\"challengeId\" = $2"
                          "  AND q.cdf_question_id = n.cdf_question_id)",
                          {JSONBOID, TEXTOID},
                          .secret = true},
    [DELETE_APPS] = {"DELETE FROM public.\"ChallengeAppConfig\" a WHERE a.\"challengeId\" = $2"
                     " AND NOT EXISTS (SELECT FROM " COMPONENTS
                     " WHERE c ->> 'type' = 'webosApp' AND c ->> 'id' = a.\"appId\")",
                     {JSONBOID, TEXTOID}},
    /* A millisecond apart, so that createdAt keeps the order of the document. */
    [WRITE_APPS] =
        {"INSERT INTO public.\"ChallengeAppConfig\" (id, \"challengeId\", \"appId\","
         " title, icon, width, height, screen, disabled, favourite, desktop_shortcut,"
         " launch_on_startup, additional_config, \"createdAt\", \"updatedAt\")"
         " SELECT edurange.new_id(), $2, c ->> 'id', coalesce(k ->> 'title', c ->> 'id'),"
         " coalesce(k ->> 'icon', './icons/application.svg'),"
         " coalesce((k ->> 'width')::numeric, 800)::integer,"
         " coalesce((k ->> 'height')::numeric, 600)::integer,"
         " coalesce(k ->> 'screen', 'displayChrome'),"
         " coalesce((k ->> 'disabled')::boolean, false),"
         " coalesce((k ->> 'favourite')::boolean, false),"
         " coalesce((k ->> 'desktop_shortcut')::boolean, false),"
         " coalesce((k ->> 'launch_on_startup')::boolean, false),"
         " coalesce(k -> 'additional_config',"
         "  k || jsonb_build_object('appId', c ->> 'id')),"
         " now + position * interval '1 ms', now FROM " COMPONENTS ","
         " LATERAL (SELECT c -> 'config') AS config (k),"
         " (SELECT clock_timestamp() AT TIME ZONE 'UTC') AS clock (now)"
         " WHERE c ->> 'type' = 'webosApp'"
         " ON CONFLICT (\"challengeId\", \"appId\") DO UPDATE SET"
         " title = excluded.title, icon = excluded.icon, width = excluded.width,"
         " height = excluded.height, screen = excluded.screen,"
         " disabled = excluded.disabled, favourite = excluded.favourite,"
         " desktop_shortcut = excluded.desktop_shortcut,"
         " launch_on_startup = excluded.launch_on_startup,"
         " additional_config = excluded.additional_config,"
         " \"createdAt\" = excluded.\"createdAt\", \"updatedAt\" = excluded.\"updatedAt\"",
         {JSONBOID, TEXTOID}},
    [KEEP_DOCUMENT] = {"INSERT INTO edurange.cdf_document (challenge_id, document, imported_at)"
                       " VALUES ($1, $2, clock_timestamp()) ON CONFLICT (challenge_id) DO UPDATE"
                       " SET document = excluded.document, imported_at = excluded.imported_at",
                       {TEXTOID, TEXTOID},
                       .secret = true},
};

/* The document, parsed and found to break no rule. */
static NullableDatum
checked_document(const char *text)
{
	Refusal refusal = {0};
	Jsonb *parsed = json_text_parse(text, &refusal);
	NullableDatum document = {.value = JsonbPGetDatum(parsed)};

	if (parsed == NULL)
		raise_refusal(&refusal);
	refusal.detail = document_violations(parsed);
	if (refusal.detail != NULL)
	{
		refuse(&refusal, EDURANGE_DOCUMENT_INVALID, "document is not a valid challenge definition");
		raise_refusal(&refusal);
	}
	return document;
}

/* Makes the challenge's row if there is none and locks it; tells whether it is new. */
static bool
lock_challenge(NullableDatum challenge_id, const char *id, const char *type, const char *pack_id)
{
	bool created;
	char *present_pack;

	if (pack_id != NULL && STATEMENT_RUN(&statements[LOCK_PACK], value_text(pack_id)) == 0)
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"pack_id\" names the pack \"%s\", which is not installed", pack_id);
	STATEMENT_RUN(&statements[INSERT_TYPE], value_text(type));
	created = STATEMENT_RUN(&statements[INSERT_CHALLENGE], challenge_id, value_text(type)) > 0;
	if (STATEMENT_RUN(&statements[LOCK_CHALLENGE], challenge_id) == 0)
		raise_error(EDURANGE_TRY_AGAIN, "challenge \"%s\" was deleted at the same time", id);
	present_pack = row_text(0, 1);
	if (present_pack != NULL && (pack_id == NULL || strcmp(present_pack, pack_id) != 0))
		raise_error(EDURANGE_CHALLENGE_EXISTS, "challenge \"%s\" belongs to pack \"%s\"", id,
		            present_pack);
	return created;
}

/* Brings the challenge's questions in line with the document; returns how many there are. */
static int32
write_questions(NullableDatum document, NullableDatum challenge_id)
{
	uint64 count;

	if (STATEMENT_RUN(&statements[QUESTION_IN_USE], document, challenge_id) > 0)
		raise_error(EDURANGE_QUESTION_IN_USE,
		            "the document lacks question \"%s\", which has attempts or completions",
		            row_text(0, 1) ? row_text(0, 1) : "");
	STATEMENT_RUN(&statements[DELETE_QUESTIONS], document, challenge_id);
	STATEMENT_RUN(&statements[MOVE_QUESTIONS], challenge_id);
	count = STATEMENT_RUN(&statements[UPDATE_QUESTIONS], document, challenge_id);
	count += STATEMENT_RUN(&statements[INSERT_QUESTIONS], document, challenge_id);
	return (int32) count;
}

static Datum
cdf_import(FunctionCallInfo fcinfo, Caller *caller)
{
	char *text = required_text(fcinfo, 0, "document");
	char *pack_id = optional_text(fcinfo, 1);
	NullableDatum document;
	char *id;
	char *type;
	NullableDatum challenge_id;
	bool created;
	int32 questions;
	int32 apps;
	MemoryContext caller_context = CurrentMemoryContext;

	statements_begin();
	document = checked_document(text);
	STATEMENT_RUN(&statements[IDENTITY], document);
	id = MemoryContextStrdup(caller_context, row_text(0, 1));
	type = row_text(0, 2);
	challenge_id = value_text(id);
	created = lock_challenge(challenge_id, id, type, pack_id);
	STATEMENT_RUN(&statements[UPDATE_CHALLENGE], document, value_text(pack_id));
	questions = write_questions(document, challenge_id);
	STATEMENT_RUN(&statements[DELETE_APPS], document, challenge_id);
	apps = (int32) STATEMENT_RUN(&statements[WRITE_APPS], document, challenge_id);
	STATEMENT_RUN(&statements[KEEP_DOCUMENT], challenge_id, value_text(text));
	statements_end();
	return composite_result(fcinfo,
	                        (NullableDatum[]){value_text(id), value_bool(created),
	                                          value_int(questions), value_int(apps)},
	                        4);
}

SQL_FUNCTION(edurange_cdf_import)
{
	return mutate(fcinfo, cdf_import);
}
