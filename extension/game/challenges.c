/*
 * challenges.c
 *	  Challenges: what one consists of as far as the caller may see it, lists, and completing one.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "base/arguments.h"
#include "base/guc.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/caller.h"
#include "calls/idempotency.h"
#include "game/completions.h"
#include "game/retired.h"

#define LIST_LIMIT 500
#define LIST_BYTES (2 * 1024 * 1024) /* of descriptions, behind which a page ends */

/*
 * What a player sees of a question's document: what it asks, and nothing nested in it.  A list of
 * what may be seen, because documents may call an answer whatever they like.
 */
#define SHOWN_PAYLOAD                                                                              \
	"(SELECT coalesce(jsonb_object_agg(key, value), '{}')"                                         \
	"   FROM jsonb_each(q.cdf_payload)"                                                            \
	"   WHERE key IN ('_cdf_component_id', 'type', 'question_type',"                               \
	"   'text', 'points', 'order', 'options', 'title', 'format', 'hint', 'required')"              \
	"   AND NOT jsonb_path_exists(value,"                                                          \
	"    '$[*] ? (@.type() == \"object\" || @.type() == \"array\")'))"

/*
 * A question q as the caller may see it.  $2: the caller sees answers; $3: a player sees those of
 * questions without a flag that texts are compared with as they are.  Where the answer is left out, so is what
 * the document says of it; how a question is judged no player sees.
 */
#define QUESTION_ROW                                                                               \
	"ROW(q.id, q.\"challengeId\", q.content, q.type, q.points,"                                    \
	" CASE WHEN seen THEN q.answer END, q.\"order\", q.title, q.format, q.hint, q.required,"       \
	" q.cdf_question_id, CASE WHEN $2 THEN q.cdf_payload"                                          \
	"  WHEN jsonb_typeof(q.cdf_payload) <> 'object' THEN CASE WHEN seen THEN q.cdf_payload END"    \
	"  WHEN seen THEN q.cdf_payload - '{match,tolerance,flag}'::text[]"                            \
	"  ELSE " SHOWN_PAYLOAD " END,"                                                                \
	" q.\"createdAt\" AT TIME ZONE 'UTC', q.\"updatedAt\" AT TIME ZONE 'UTC')::edurange.question"
#define VISIBILITY                                                                                 \
	"LATERAL (SELECT $2 OR $3 AND upper(q.type) <> 'FLAG' AND " QUESTION_MATCH " = 'exact')"       \
	" AS visible (seen)"

/* A challenge c with its type t and pack p for lists. */
#define ITEM_COLUMNS                                                                               \
	"c.id, c.name, c.description, c.difficulty::text, c.pack_id, p.name, p.version, t.id, t.name," \
	" c.\"createdAt\" AT TIME ZONE 'UTC', c.\"updatedAt\" AT TIME ZONE 'UTC'"
#define ITEM_TABLES                                                                                \
	" FROM public.\"Challenge\" c JOIN public.\"ChallengeType\" t ON t.id = c.\"challengeTypeId\"" \
	" LEFT JOIN public.\"ChallengePack\" p ON p.id = c.pack_id"

/* A challenge with its questions, those that are live. */
#define DETAILS_WITH(live)                                                                         \
	"SELECT ROW(c.id, c.name, c.description, t.name,"                                              \
	" ARRAY(SELECT " QUESTION_ROW " FROM public.\"ChallengeQuestion\" q, " VISIBILITY              \
	"   WHERE q.\"challengeId\" = c.id AND " live "   ORDER BY q.\"order\"),"                      \
	" ARRAY(SELECT ROW(a.id, a.\"challengeId\", a.\"appId\", a.title, a.icon, a.width,"            \
	"   a.height, a.screen, a.disabled, a.favourite, a.desktop_shortcut,"                          \
	"   a.launch_on_startup,"                                                                      \
	"   CASE WHEN jsonb_typeof(a.additional_config) = 'object'"                                    \
	"    THEN a.additional_config ELSE '{}' END,"                                                  \
	"   a.\"createdAt\" AT TIME ZONE 'UTC', a.\"updatedAt\" AT TIME ZONE 'UTC'"                    \
	"   )::edurange.app_config FROM public.\"ChallengeAppConfig\" a"                               \
	"   WHERE a.\"challengeId\" = c.id ORDER BY a.\"createdAt\", a.id)"                            \
	" )::edurange.challenge_detail"                                                                \
	" FROM public.\"Challenge\" c"                                                                 \
	" JOIN public.\"ChallengeType\" t ON t.id = c.\"challengeTypeId\""                             \
	" WHERE c.id = $1"

#define POINTS_OF(live)                                                                            \
	"SELECT coalesce(sum(points), 0), count(*)"                                                    \
	" FROM public.\"ChallengeQuestion\" q WHERE q.\"challengeId\" = $1 AND " live

typedef enum StatementId
{
	DETAILS,
	DETAILS_OF_BEFORE,
	QUESTION,
	PAGE,
	ALL,
	QUESTION_POINTS,
	QUESTION_POINTS_OF_BEFORE,
	COMPLETION,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    [DETAILS] = {DETAILS_WITH(QUESTION_IS_LIVE),
                 {TEXTOID, BOOLOID, BOOLOID},
                 .reads = true,
                 .by_key = true,
                 .before = &statements[DETAILS_OF_BEFORE]},
    /* The same before migrate(). */
    [DETAILS_OF_BEFORE] = {DETAILS_WITH("true"),
                           {TEXTOID, BOOLOID, BOOLOID},
                           .reads = true,
                           .by_key = true},
    [QUESTION] = {"SELECT " QUESTION_ROW " FROM public.\"ChallengeQuestion\" q, " VISIBILITY
                  " WHERE q.id = $1",
                  {TEXTOID, BOOLOID, BOOLOID},
                  .reads = true,
                  .by_key = true},
    /* $1 type, $2 difficulty, $3 pack, $4 group, $5 search, $6 after, $7 how many and one more */
    [PAGE] = {"SELECT " ITEM_COLUMNS ITEM_TABLES " WHERE ($1::text IS NULL OR t.name = $1)"
              " AND ($2::text IS NULL OR c.difficulty::text = $2)"
              " AND ($3::text IS NULL OR c.pack_id = $3)"
              " AND ($4::text IS NULL OR EXISTS (SELECT FROM public.\"GroupChallenge\" gc"
              "  WHERE gc.\"challengeId\" = c.id AND gc.\"groupId\" = $4))"
              " AND ($5::text IS NULL OR strpos(lower(c.name), lower($5)) > 0"
              "  OR strpos(lower(c.description), lower($5)) > 0)"
              " AND ($6::text IS NULL OR c.id > $6) ORDER BY c.id LIMIT $7",
              {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT4OID},
              .reads = true},
    [ALL] = {"SELECT " ITEM_COLUMNS ITEM_TABLES " ORDER BY c.name, c.id",
             {InvalidOid},
             .reads = true},
    [QUESTION_POINTS] = {POINTS_OF(QUESTION_IS_LIVE),
                         {TEXTOID},
                         .newest = true,
                         .by_key = true,
                         .before = &statements[QUESTION_POINTS_OF_BEFORE]},
    /* The same before migrate(). */
    [QUESTION_POINTS_OF_BEFORE] = {POINTS_OF("true"), {TEXTOID}, .newest = true, .by_key = true},
    [COMPLETION] = {"SELECT ROW(id, \"userId\", \"groupChallengeId\", \"pointsEarned\","
                    " \"completedAt\" AT TIME ZONE 'UTC', $3)::edurange.challenge_completion"
                    " FROM public.\"ChallengeCompletion\" WHERE \"userId\" = $1"
                    " AND \"groupChallengeId\" = $2",
                    {TEXTOID, TEXTOID, BOOLOID},
                    .newest = true,
                    .by_key = true},
};

/* One row of a statement whose arguments are an id and what the caller may see. */
static Datum
visible_row(FunctionCallInfo fcinfo, Statement *statement, const char *id, EdurangeError missing,
            const char *noun)
{
	Caller caller;
	Datum row;

	caller_read(&caller, fcinfo, 1);
	statements_begin();
	if (STATEMENT_RUN(statement, value_text(id), value_bool(caller.tier >= TIER_SERVICE),
	                  value_bool(guc_webos_compatibility)) == 0)
		raise_error(missing, "%s \"%s\" does not exist", noun, id);
	row = only_result();
	statements_end();
	return row;
}

SQL_FUNCTION_BATCHABLE(edurange_challenge_details)
{
	return visible_row(fcinfo, &statements[DETAILS], required_text(fcinfo, 0, "challenge_id"),
	                   EDURANGE_CHALLENGE_NOT_FOUND, "challenge");
}

SQL_FUNCTION(edurange_question_details)
{
	return visible_row(fcinfo, &statements[QUESTION], required_text(fcinfo, 0, "question_id"),
	                   EDURANGE_QUESTION_NOT_FOUND, "question");
}

/* An optional difficulty in upper case. */
static NullableDatum
difficulty_filter(FunctionCallInfo fcinfo, int argument)
{
	static const char *const known[] = {"EASY", "MEDIUM", "HARD", "EXPERT"};
	char *difficulty = optional_text(fcinfo, argument);

	if (difficulty == NULL)
		return value_null();
	for (int i = 0; i < lengthof(known); i++)
		if (pg_strcasecmp(difficulty, known[i]) == 0)
			return value_text(known[i]);
	raise_error(EDURANGE_INVALID_PARAMETER,
	            "parameter \"difficulty\" must be EASY, MEDIUM, HARD or EXPERT");
}

/* How many of the rows a page has, at most so many; the first is always on it.  Asks the heads of descriptions alone. */
static uint64
rows_that_fit(uint64 count)
{
	Size bytes = 0;
	uint64 fit = 0;

	while (fit < count && bytes < LIST_BYTES)
	{
		bool is_null;
		Datum description = row_value(fit, 3, TEXTOID, &is_null);

		bytes += is_null ? 0 : toast_raw_datum_size(description);
		fit++;
	}
	return fit;
}

/* The rows of a page as an array of the element type of the page's first attribute. */
static NullableDatum
page_items(TupleDesc page, uint64 count)
{
	Oid type = get_element_type(TupleDescAttr(page, 0)->atttypid);
	TupleDesc item = lookup_rowtype_tupdesc(type, -1);
	Datum *items = palloc(sizeof(Datum) * Max(count, 1));
	ArrayType *array;

	rows_must_be(item);
	for (uint64 i = 0; i < count; i++)
		items[i] = heap_copy_tuple_as_datum(SPI_tuptable->vals[i], item);
	ReleaseTupleDesc(item);
	array = construct_array(items, (int) count, type, -1, false, TYPALIGN_DOUBLE);
	return (NullableDatum){.value = SPI_datumTransfer(PointerGetDatum(array), false, -1)};
}

SQL_FUNCTION(edurange_challenge_list)
{
	NullableDatum difficulty = difficulty_filter(fcinfo, 1);
	char *group_id = optional_text(fcinfo, 3);
	int32 limit = int_between(fcinfo, 5, "limit", 1, LIST_LIMIT);
	Refusal refusal = {0};
	NullableDatum cursor = value_null();
	NullableDatum items;
	TupleDesc page;
	Caller caller;
	uint64 found;
	uint64 count;

	caller_read(&caller, fcinfo, 7);
	if (get_call_result_type(fcinfo, NULL, &page) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "the function's result is not a composite type");
	statements_begin();
	if (group_id != NULL && !caller_sees_competition(&caller, group_id, &refusal))
		raise_refusal(&refusal);
	found = STATEMENT_RUN(&statements[PAGE], fcinfo->args[0], difficulty, fcinfo->args[2],
	                      fcinfo->args[3], fcinfo->args[4], fcinfo->args[6], value_int(limit + 1));
	count = rows_that_fit(Min(found, (uint64) limit));
	items = page_items(page, count);
	if (found > count)
		cursor = row_result(count - 1, 1, TEXTOID);
	statements_end();
	return composite_result(fcinfo, (NullableDatum[]){items, cursor}, 2);
}

SQL_FUNCTION(edurange_challenges)
{
	caller_check(fcinfo);
	statements_begin();
	statement_list(fcinfo, &statements[ALL], NULL, 0);
	statements_end();
	return (Datum) 0;
}

/* Ids that a client sends beside the group challenge's must be the right ones. */
static bool
check_given(const Play *play, const char *group_id, const char *challenge_id, Refusal *refusal)
{
	if (group_id != NULL && strcmp(group_id, play->group_id) != 0)
		return refuse(refusal, EDURANGE_INVALID_PARAMETER,
		              "parameter \"group_id\" names another competition than \"%s\", that of the"
		              " group challenge",
		              play->group_id);
	if (challenge_id != NULL && strcmp(challenge_id, play->challenge_id) != 0)
		return refuse(refusal, EDURANGE_INVALID_PARAMETER,
		              "parameter \"challenge_id\" names another challenge than \"%s\", that of the"
		              " group challenge",
		              play->challenge_id);
	return true;
}

/* A service's word: completes the challenge and pays up to an amount for it. */
static bool
assert_challenge(const Caller *caller, Play *play, int32 amount, Refusal *refusal)
{
	int64 most;

	STATEMENT_RUN(&statements[QUESTION_POINTS], value_text(play->challenge_id));
	most = Max(row_long(0, 1), play->challenge_points);
	if (amount < 0 || amount > most)
		return refuse(refusal, EDURANGE_INVALID_PARAMETER,
		              "parameter \"points_earned\" must be between 0 and " INT64_FORMAT, most);
	return play_raise_challenge(caller, play, amount, refusal);
}

/* A player's word: only what the completed questions say anyhow. */
static bool
claim_challenge(Play *play, Refusal *refusal)
{
	STATEMENT_RUN(&statements[QUESTION_POINTS], value_text(play->challenge_id));
	if (row_long(0, 2) > 0)
	{
		if (!play_check_open(play, refusal))
			return false;
		if (play_complete_challenge(play))
			return true;
	}
	return refuse(refusal, EDURANGE_CHALLENGE_NOT_COMPLETE,
	              "user \"%s\" has not completed the questions of challenge \"%s\"", play->user_id,
	              play->challenge_id);
}

static Datum
complete_challenge(FunctionCallInfo fcinfo, const Caller *caller)
{
	Play play = {
	    .user_id = required_text(fcinfo, 0, "user_id"),
	    .group_challenge_id = required_text(fcinfo, 1, "group_challenge_id"),
	};
	NullableDatum user_id = value_text(play.user_id);
	NullableDatum group_challenge_id = value_text(play.group_challenge_id);
	Refusal refusal = {0};
	bool accepted;
	Datum row;

	statements_begin();
	if (!play_find(caller, &play, &refusal) ||
	    !check_given(&play, optional_text(fcinfo, 3), optional_text(fcinfo, 4), &refusal))
		raise_refusal(&refusal);
	play.already_completed =
	    STATEMENT_RUN(&statements[COMPLETION], user_id, group_challenge_id, value_bool(true)) > 0;
	if (caller->tier < TIER_SERVICE)
		accepted = play.already_completed || claim_challenge(&play, &refusal);
	else
		accepted =
		    assert_challenge(caller, &play, PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2), &refusal);
	if (!accepted)
		raise_refusal(&refusal);
	STATEMENT_RUN(&statements[COMPLETION], user_id, group_challenge_id,
	              value_bool(play.already_completed));
	row = only_result();
	statements_end();
	return row;
}

SQL_FUNCTION_BATCHABLE(edurange_complete_challenge)
{
	return mutate(fcinfo, complete_challenge);
}
