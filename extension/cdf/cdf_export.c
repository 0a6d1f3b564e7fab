/*
 * cdf_export.c
 *	  The document of a challenge: the text that was imported, or one made from the rows.
 *
 * The text is handed out as long as importing it would change nothing.  When somebody has changed the
 * rows since, the document is made anew: what the rows say replaces what the old document says of
 * it, and everything else of the old document stays.  Components stand in the order: others as they
 * stood, apps, questions.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "base/json_text.h"
#include "base/rows.h"
#include "base/statements.h"
#include "cdf/cdf_export.h"
#include "cdf/cdf_mapping.h"
#include "game/retired.h"
#include "text/flags.h"
#include "text/plain_text.h"

typedef enum StatementId
{
	KEPT,
	DIFFERS,
	MAKE,
	STATEMENT_COUNT
} StatementId;

/*
 * The object k with what a row says of it; between these two stand rows (key, value, fallback).  A member
 * that says the value stays as it was written.  One that is left out stays out while the value is the
 * fallback, which is what its absence says.  A null takes a member out.
 */
#define MERGED                                                                                     \
	"(SELECT k - coalesce(array_agg(key), '{}')"                                                   \
	" || coalesce(jsonb_object_agg(key, value) FILTER (WHERE value IS NOT NULL), '{}')"            \
	" FROM (VALUES "
#define MERGED_END                                                                                 \
	") AS field (key, value, fallback) WHERE k -> key IS DISTINCT FROM value"                      \
	" AND (k ? key OR value IS DISTINCT FROM fallback))"

/* The metadata k of the old document, with what the challenge c and its type t say. */
#define METADATA                                                                                   \
	MERGED                                                                                         \
	"('id', to_jsonb(c.id), NULL::jsonb), ('name', to_jsonb(c.name), NULL),"                       \
	" ('description', to_jsonb(c.description), NULL),"                                             \
	" ('difficulty', to_jsonb(CASE c.difficulty::text WHEN 'EASY' THEN 'beginner'"                 \
	"   WHEN 'MEDIUM' THEN 'intermediate' WHEN 'HARD' THEN 'advanced'"                             \
	"   WHEN 'EXPERT' THEN 'expert' END), '\"intermediate\"'),"                                    \
	" ('version', to_jsonb(coalesce(c.cdf_version, '1.0.0')), NULL),"                              \
	" ('challenge_type', to_jsonb(CASE translate(lower(t.name), '-_ ', '')"                        \
	"   WHEN 'fullos' THEN 'fullOS' WHEN 'web' THEN 'web' WHEN 'webchallenge' THEN 'web'"          \
	"   WHEN 'container' THEN 'container' WHEN 'cont' THEN 'container'"                            \
	"   WHEN 'metasploit' THEN 'metasploit' WHEN 'msf' THEN 'metasploit'"                          \
	"   WHEN 'sqlinjection' THEN 'sql-injection' WHEN 'sqli' THEN 'sql-injection'"                 \
	"   ELSE t.name END), NULL)" MERGED_END

/* The config k of an app, with what its row a says. */
#define APP_CONFIG                                                                                 \
	MERGED                                                                                         \
	"('title', to_jsonb(a.title), to_jsonb(a.\"appId\")),"                                         \
	" ('icon', to_jsonb(a.icon), to_jsonb(" CDF_APP_ICON "::text)),"                               \
	" ('width', to_jsonb(least(greatest(a.width, 0), 100000)), '" CDF_APP_WIDTH "'),"              \
	" ('height', to_jsonb(least(greatest(a.height, 0), 100000)), '" CDF_APP_HEIGHT "'),"           \
	" ('screen', to_jsonb(a.screen), to_jsonb(" CDF_APP_SCREEN "::text)),"                         \
	" ('disabled', to_jsonb(a.disabled), 'false'),"                                                \
	" ('favourite', to_jsonb(a.favourite), 'false'),"                                              \
	" ('desktop_shortcut', to_jsonb(a.desktop_shortcut), 'false'),"                                \
	" ('launch_on_startup', to_jsonb(a.launch_on_startup), 'false'),"                              \
	" ('app_type', CASE WHEN k ->> 'app_type' IN ('terminal', 'editor', 'browser', 'custom')"      \
	"   THEN k -> 'app_type' ELSE to_jsonb(CASE a.screen WHEN 'displayTerminal' THEN 'terminal'"   \
	"    WHEN 'displayCodeEditor' THEN 'editor' WHEN 'displayChrome' THEN 'browser'"               \
	"    WHEN 'displayWebChal' THEN 'browser' ELSE 'custom' END) END, NULL),"                      \
	" ('additional_config', CASE WHEN jsonb_typeof(a.additional_config) = 'object'"                \
	"   AND (k ? 'additional_config' OR a.additional_config"                                       \
	"    <> k || jsonb_build_object('appId', a.\"appId\"))"                                        \
	"   THEN a.additional_config END, NULL)" MERGED_END

/* What the row q of a question with the config k says of its type and its answer. */
#define QUESTION_SAID                                                                              \
	"LATERAL (SELECT CASE WHEN translate(lower(q.type), '- ', '__') IN ('multiple_choice',"        \
	"  'checkboxes', 'flag') THEN translate(lower(q.type), '- ', '__') ELSE 'text' END,"           \
	" CASE WHEN q.answer IS NOT DISTINCT FROM CASE jsonb_typeof(k -> 'answer')"                    \
	"   WHEN 'array' THEN k -> 'answer' ->> 0 WHEN 'string' THEN k ->> 'answer'"                   \
	"   WHEN 'number' THEN k ->> 'answer' END"                                                     \
	"  THEN k -> 'answer' ELSE to_jsonb(q.answer) END) AS said (type, answer)"

/* A text that holds a list of choices, as a regular expression: one that casts to jsonb. */
#define CHOICE_IN_LIST "(\"([^\"\\\\[:cntrl:]]|\\\\[\"\\\\/bfnrt])*\"|-?(0|[1-9][0-9]{0,99}))"
#define LIST_OF_CHOICES                                                                            \
	"'^\\s*\\[\\s*(" CHOICE_IN_LIST "(\\s*,\\s*" CHOICE_IN_LIST ")*)?\\s*\\]\\s*$'"

/* What an answer says: its text, where it is one; nothing of a list. */
#define ANSWER_TEXT COMPARABLE("said.answer #>> '{}'")
#define ANSWER_IS_BLANK "coalesce(" ANSWER_TEXT ", '') = ''"

/* The answers, each by itself. */
#define ANSWERS                                                                                    \
	"(SELECT e.answer #>> '{}' FROM jsonb_array_elements(CASE"                                     \
	"  WHEN jsonb_typeof(said.answer) = 'array' THEN said.answer"                                  \
	"  WHEN said.type = 'checkboxes' AND said.answer #>> '{}' ~ " LIST_OF_CHOICES                  \
	"   THEN (said.answer #>> '{}')::jsonb"                                                        \
	"  ELSE jsonb_build_array(said.answer) END) AS e (answer)) AS a (answer)"

/* The options as keys of an object, which finds each quickly. */
#define CHOICE COMPARABLE("choice")
#define KNOWN_OPTIONS                                                                              \
	"(SELECT coalesce(jsonb_object_agg(" CHOICE ", true), '{}')"                                   \
	" FROM jsonb_array_elements_text(k -> 'options') AS o (choice) WHERE choice IS NOT NULL)"

/* Answers that the options lack: they become options. */
#define MISSING_OPTIONS                                                                            \
	"(SELECT jsonb_agg(a.answer) FROM " KNOWN_OPTIONS " AS known (choices), " ANSWERS              \
	" WHERE NOT choices ? " COMPARABLE("a.answer") ")"

/*
 * What a document says of judging is left out where the row says something that it does not go with: options
 * without a right one, another type, an answer that is no number or no flag.
 */
/* clang-format off */
#define KEPT_OPTIONS                                                                               \
	"CASE WHEN k -> 'options' = '[]' AND said.type NOT IN ('multiple_choice', 'checkboxes')"       \
	"  THEN k -> 'options'"                                                                        \
	" WHEN jsonb_typeof(k -> 'options') = 'array'"                                                 \
	"  AND (SELECT bool_and(coalesce(" COMPARABLE("a.answer") ", '') <> '') FROM " ANSWERS ")"     \
	" THEN k -> 'options' || coalesce(" MISSING_OPTIONS ", '[]') END"
/* clang-format on */
#define MATCH_IS_KEPT                                                                              \
	"said.type = 'text' AND NOT " ANSWER_IS_BLANK " AND (k ->> 'match' <> 'number'"                \
	" OR jsonb_typeof(said.answer) <> 'string' OR said.answer = k -> 'answer'"                     \
	" OR " ANSWER_TEXT " ~ '^[-+]?([0-9]{1,200}([.][0-9]{0,100})?|[.][0-9]{1,100})"                \
	"([eE][-+]?[0-9]{1,2})?$')"
#define FLAG_IS_KEPT                                                                               \
	"said.type = 'flag' AND NOT (k ->> 'flag' = 'static' AND (" SAYS_NO_FLAG(ANSWER_TEXT) "))"

/* The config k of a question, with what its row q says. */
#define QUESTION_CONFIG                                                                            \
	MERGED                                                                                         \
	"('text', to_jsonb(q.content), NULL::jsonb), ('type', to_jsonb(said.type), NULL),"             \
	" ('question_type', NULL, NULL), ('points', to_jsonb(greatest(q.points, 0)), '0'),"            \
	" ('order', to_jsonb(CASE WHEN q.in_range THEN q.\"order\" ELSE q.place::integer END),"        \
	"  to_jsonb(q.place)),"                                                                        \
	" ('answer', said.answer, NULL),"                                                              \
	" ('options', " KEPT_OPTIONS ", NULL),"                                                        \
	" ('match', CASE WHEN " MATCH_IS_KEPT " THEN k -> 'match' END, NULL),"                         \
	" ('tolerance', CASE WHEN " MATCH_IS_KEPT " THEN k -> 'tolerance' END, NULL),"                 \
	" ('flag', CASE WHEN " FLAG_IS_KEPT " THEN k -> 'flag' END, NULL),"                            \
	" ('title', to_jsonb(q.title), to_jsonb(left(q.content, 50))),"                                \
	" ('format', to_jsonb(q.format), NULL), ('hint', to_jsonb(q.hint), NULL),"                     \
	" ('required', to_jsonb(q.required), 'true')" MERGED_END

/* The components that make no rows. */
#define OTHER_TYPES "('container', 'configMap', 'secret')"

/*
 * The old components by id; of several that share one, the first.  They are looked up in an object: for a
 * join the planner would guess how many there are, and guess wrong.
 */
#define BY_ID(types)                                                                               \
	"coalesce(jsonb_object_agg(id, c ORDER BY position DESC) FILTER (WHERE type " types "), '{}')"
/* clang-format off */
#define OLD_BY_ID                                                                                  \
	"named (apps, questions, others) AS (SELECT " BY_ID("= 'webosApp'") ", " BY_ID("= 'question'") "," \
	" " BY_ID("IN " OTHER_TYPES) " FROM old WHERE id IS NOT NULL)"
/* clang-format on */

/* $1 the old document, an object; $2 challenge */
static Statement statements[STATEMENT_COUNT] = {
    /* The text, whether the old document is still what it says, and the old document, as that has its numbers. */
    [KEPT] = {"SELECT d.document, d.said IS NOT DISTINCT FROM c.cdf_content,"
              " CASE WHEN d.said = c.cdf_content THEN d.said ELSE c.cdf_content END"
              " FROM public.\"Challenge\" c LEFT JOIN LATERAL"
              "  (SELECT document, " JSONB_OF(
                  "document") " AS said FROM edurange.cdf_document"
                              "   WHERE challenge_id = c.id OFFSET 0) AS d ON true WHERE c.id = $1",
              {TEXTOID},
              .by_key = true,
              .reads = true},
    [DIFFERS] = {"WITH " CDF_QUESTIONS ", " CDF_APPS " SELECT 1 FROM public.\"Challenge\" c"
                 " JOIN public.\"ChallengeType\" t ON t.id = c.\"challengeTypeId\","
                 " LATERAL (SELECT $1 -> 'metadata') AS metadata (m)"
                 " WHERE c.id = $2 AND (c.name, c.description, c.difficulty::text, t.name,"
                 "  c.cdf_version) IS DISTINCT FROM (m ->> 'name', m ->> 'description',"
                 "  " CDF_DIFFICULTY ", m ->> 'challenge_type', m ->> 'version')"
                 " UNION ALL SELECT 1 FROM question n FULL JOIN (SELECT q.*"
                 "  FROM public.\"ChallengeQuestion\" q WHERE q.\"challengeId\" = $2"
                 "  AND " QUESTION_IS_LIVE ") AS q ON q.cdf_question_id = n.cdf_question_id"
                 " WHERE q.id IS NULL OR " CDF_QUESTION_DIFFERS " UNION ALL SELECT 1 FROM app n"
                 " JOIN public.\"ChallengeAppConfig\" a ON a.\"challengeId\" = $2"
                 "  AND a.\"appId\" = n.app_id WHERE " CDF_APP_DIFFERS
                 " UNION ALL SELECT 1 WHERE NOT " CDF_APPS_STAND_AS_WRITTEN " LIMIT 1",
                 {JSONBOID, TEXTOID},
                 .by_key = true,
                 .reads = true},
    [MAKE] =
        {"WITH old AS (SELECT c, position, c ->> 'type' AS type, c ->> 'id' AS id"
         "  FROM " CDF_COMPONENTS " WHERE jsonb_typeof(c) = 'object'),"
         " " OLD_BY_ID ","
         " metadata (m) AS (SELECT " METADATA " FROM public.\"Challenge\" c"
         "  JOIN public.\"ChallengeType\" t ON t.id = c.\"challengeTypeId\","
         "  LATERAL (SELECT CASE jsonb_typeof($1 -> 'metadata') WHEN 'object'"
         "   THEN $1 -> 'metadata' ELSE '{}' END) AS before (k) WHERE c.id = $2),"
         " app AS (SELECT a.\"appId\" AS id, b || jsonb_build_object('type', 'webosApp',"
         "   'id', a.\"appId\", 'config', " APP_CONFIG ") AS component,"
         "  row_number() OVER (ORDER BY a.\"createdAt\", a.id) AS position"
         "  FROM public.\"ChallengeAppConfig\" a,"
         "  LATERAL (SELECT coalesce((SELECT apps FROM named) -> a.\"appId\", '{}'))"
         "   AS before (b),"
         "  LATERAL (SELECT CASE WHEN jsonb_typeof(b -> 'config') = 'object' THEN b -> 'config'"
         "   WHEN jsonb_typeof(a.additional_config) = 'object'"
         "   THEN a.additional_config - 'appId' ELSE '{}' END) AS config (k)"
         "  WHERE a.\"challengeId\" = $2 AND a.\"appId\" NOT IN ('', 'challenge-prompt')),"
         " taken (ids) AS (SELECT coalesce(jsonb_object_agg(id, true), '{}') FROM app),"
         /* when a document cannot say one of the orders, all are numbered anew */
         " live AS (SELECT q.*, row_number() OVER (ORDER BY q.\"order\") - 1 AS place,"
         "  bool_and(q.\"order\" BETWEEN 0 AND " CDF_HIGHEST_ORDER ") OVER () AS in_range,"
         "  CASE WHEN q.cdf_question_id <> ''"
         "   AND row_number() OVER (PARTITION BY q.cdf_question_id ORDER BY q.\"order\") = 1"
         "   AND NOT (SELECT others FROM named) ? q.cdf_question_id"
         "   AND NOT (SELECT ids FROM taken) ? q.cdf_question_id"
         "   THEN q.cdf_question_id ELSE q.id END AS component_id"
         "  FROM public.\"ChallengeQuestion\" q"
         "  WHERE q.\"challengeId\" = $2 AND " QUESTION_IS_LIVE "),"
         " question AS (SELECT b || jsonb_build_object('type', 'question',"
         "   'id', q.component_id, 'config', " QUESTION_CONFIG ") AS component,"
         "  q.place AS position FROM live q,"
         "  LATERAL (SELECT coalesce((SELECT questions FROM named) -> q.cdf_question_id, '{}'))"
         "   AS before (b),"
         "  LATERAL (SELECT CASE WHEN jsonb_typeof(q.cdf_payload) = 'object'"
         "   THEN q.cdf_payload - '_cdf_component_id'"
         "   WHEN jsonb_typeof(b -> 'config') = 'object' THEN b -> 'config'"
         "   ELSE '{}' END) AS config (k), " QUESTION_SAID "),"
         " component AS (SELECT 1 AS kind, position,"
         "  CASE WHEN (SELECT ids FROM taken) ? id"
         "   THEN c || jsonb_build_object('id', format('%s-%s', id, type)) ELSE c END AS component"
         "  FROM old"
         "  WHERE type IN " OTHER_TYPES "  UNION ALL SELECT 2, position, component FROM app"
         "  UNION ALL SELECT 3, position, component FROM question)"
         " SELECT jsonb_pretty($1 || jsonb_build_object('metadata', m, 'components',"
         "  coalesce((SELECT jsonb_agg(component ORDER BY kind, position) FROM component), '[]')))"
         " FROM metadata",
         {JSONBOID, TEXTOID},
         .by_key = true,
         .reads = true},
};

/* The old document as an object: some of the platform's tools store it as a text. */
static Jsonb *
old_document(Datum content, bool is_null)
{
	Refusal refusal = {0};
	Jsonb *old = is_null ? NULL : DatumGetJsonbPCopy(content);

	if (old != NULL && JB_ROOT_IS_SCALAR(old))
	{
		JsonbValue value;

		(void) JsonbExtractScalar(&old->root, &value);
		old = value.type == jbvString
		          ? json_text_parse(pnstrdup(value.val.string.val, value.val.string.len),
		                            JSON_DOCUMENT_VALUES, &refusal)
		          : NULL;
	}
	if (old == NULL || !JB_ROOT_IS_OBJECT(old))
		old = json_text_parse("{}", JSON_ANY, &refusal);
	return old;
}

char *
document_of_challenge(const char *challenge_id)
{
	NullableDatum id = value_text(challenge_id);
	NullableDatum old;
	bool is_null;
	Datum content;
	char *text;
	bool is_kept;

	if (STATEMENT_RUN(&statements[KEPT], id) == 0)
		return NULL;
	text = row_text_or_null(0, 1);
	is_kept = text != NULL && row_bool(0, 2);
	content = row_value(0, 3, JSONBOID, &is_null);
	old = value_jsonb(old_document(content, is_null));
	if (is_kept && STATEMENT_RUN(&statements[DIFFERS], old, id) == 0)
		return text;
	STATEMENT_RUN(&statements[MAKE], old, id);
	return row_text(0, 1);
}
