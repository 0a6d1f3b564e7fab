/*
 * document_check.c
 *	  What is wrong with a challenge definition or with the manifest of a pack.
 *
 * A definition is held against the active schema, then against what an import makes rows from, and
 * last against what no schema can say.  What is legal and surely not meant is warned of.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "base/arguments.h"
#include "base/json_keys.h"
#include "base/json_text.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/caller.h"
#include "cdf/cdf_schema.h"
#include "cdf/document_check.h"
#include "cdf/key_spelling.h"
#include "cdf/question_check.h"
#include "cdf/report_list.h"
#include "json_schema/json_schema.h"
#include "text/numerals.h"

typedef enum StatementId
{
	DOCUMENT_VIOLATIONS,
	VALIDATION,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /*
     * Everything that is wrong with the document $1, as a JSON list, or null.  $2 and $3 are the
     * violations of the two schemas, which say the same of much, $4 those of how questions are judged.
     */
    [DOCUMENT_VIOLATIONS] =
        {"WITH component AS (SELECT '/components/' || position - 1 AS path, position,"
         "  c ->> 'id' AS id, c ->> 'type' AS type, c -> 'config' AS k"
         "  FROM jsonb_array_elements(CASE WHEN jsonb_typeof($1 -> 'components') = 'array'"
         "   THEN $1 -> 'components' ELSE '[]' END) WITH ORDINALITY AS e (c, position)"
         "  WHERE jsonb_typeof(c -> 'id') = 'string'),"
         " question AS (SELECT path, position, k, CASE WHEN jsonb_typeof(k -> 'order') = 'number'"
         "   THEN (k ->> 'order')::numeric"
         "   ELSE row_number() OVER (ORDER BY position) - 1 END AS place"
         "  FROM component WHERE type = 'question'),"
         " violation (source, number, path, keyword, message) AS ("
         "  SELECT 1, n, path, keyword, message FROM ROWS FROM (jsonb_to_recordset($2)"
         "   AS (path text, keyword text, message text)) WITH ORDINALITY"
         "   AS v (path, keyword, message, n)"
         "  UNION ALL SELECT 2, n, path, keyword, message FROM ROWS FROM (jsonb_to_recordset($3)"
         "   AS (path text, keyword text, message text)) WITH ORDINALITY"
         "   AS v (path, keyword, message, n) WHERE NOT EXISTS (SELECT"
         "   FROM jsonb_to_recordset($2) AS s (path text, keyword text, message text)"
         "   WHERE s.path = v.path AND s.keyword = v.keyword"
         "   AND (s.message = v.message OR v.keyword <> 'required'))"
         "  UNION ALL SELECT 3, position, path || '/id', 'unique',"
         "   'must differ from the ids of the components before'"
         "  FROM (SELECT path, position, row_number() OVER (PARTITION BY id ORDER BY position)"
         "   AS n FROM component) AS repeated WHERE n > 1"
         "  UNION ALL SELECT 4, position, path || '/config/order', 'unique',"
         "   'must differ from the places of the questions before'"
         "  FROM (SELECT path, position, row_number() OVER (PARTITION BY place ORDER BY position)"
         "   AS n FROM question) AS clash WHERE n > 1"
         "  UNION ALL SELECT 5, position, path || '/id', 'not',"
         "   'must not be challenge-prompt, which is the app that shows the questions'"
         "  FROM component WHERE type = 'webosApp' AND id = 'challenge-prompt'"
         "  UNION ALL SELECT 6, n, path, keyword, message FROM ROWS FROM (jsonb_to_recordset($4)"
         "   AS (path text, keyword text, message text)) WITH ORDINALITY"
         "   AS v (path, keyword, message, n)"
         "  UNION ALL SELECT DISTINCT 7, position, path || '/config', 'variables',"
         "   format('refers to {{%s}}, which variables does not have', name[1])"
         "  FROM component, regexp_matches(k::text, '\\{\\{\\s*([A-Z][A-Z0-9_]*)\\s*\\}\\}', 'g')"
         "   AS reference (name)"
         "  WHERE jsonb_typeof($1 -> 'variables') = 'object' AND name[1] <> 'FLAG'"
         "   AND NOT $1 -> 'variables' ? name[1])"
         " SELECT json_agg(json_build_object('path', path, 'keyword', keyword, 'message', message)"
         "  ORDER BY source, number)::text FROM (SELECT * FROM violation ORDER BY source, number"
         "   LIMIT " CppAsString2(MOST_REPORTS) ") AS listed",
         {JSONBOID, JSONBOID, JSONBOID, JSONBOID},
         .reads = true},
    /* $1 violations, $2 warnings */
    [VALIDATION] =
        {"SELECT $1 IS NULL, ARRAY(SELECT ROW(path, keyword, message)::edurange.violation"
         " FROM ROWS FROM (json_to_recordset(coalesce($1, '[]')::json)"
         "  AS (path text, keyword text, message text)) WITH ORDINALITY"
         "  AS v (path, keyword, message, n) ORDER BY n), " WARNINGS_OF("$2"),
         {TEXTOID, TEXTOID},
         .reads = true},
};

/* What is reported of a document that stands at a path of its text: of an envelope it is a member. */
typedef struct KeyReport
{
	ReportList *list;
	const char *within;
} KeyReport;

/* What reads the text by itself could believe the first of them, and nothing here shows which. */
static bool
report_repeated_key(void *context, const char *path)
{
	const KeyReport *report = context;
	size_t length = strlen(report->within);

	if (strncmp(path, report->within, length) == 0 && (path[length] == '/' || path[length] == '\0'))
		report_violation(report->list, path + length, "unique", "must not be given twice");
	return !report_is_full(report->list);
}

/*
 * The value's violations of a schema, as a JSON list, or NULL; before them the keys that its text, if
 * there is one, gives twice.
 */
static char *
schema_violations(Jsonb *schema, Jsonb *value, const char *text, const char *within)
{
	ReportList list;
	KeyReport keys = {.list = &list, .within = within};

	report_begin(&list);
	if (text != NULL)
		json_text_keys(text, report_repeated_key, &keys);
	(void) json_schema_check(json_schema_get(schema, json_no_remotes()), value, false,
	                         report_violation, &list);
	return report_end_or_null(&list);
}

/* A list of violations as an argument of a statement. */
static NullableDatum
value_violations(const char *list)
{
	return (NullableDatum){
	    .value = DirectFunctionCall1(jsonb_in, CStringGetDatum(list != NULL ? list : "[]"))};
}

static Jsonb *
parse(const char *text, int most, Refusal *refusal)
{
	Jsonb *document = json_text_parse(text, most, refusal);

	if (document == NULL || !jsonb_has_long_number(document))
		return document;
	refuse(refusal, EDURANGE_OUT_OF_RANGE, "document holds a number of more than %d digits",
	       EDURANGE_MOST_DIGITS);
	return NULL;
}

Jsonb *
document_parse(const char *text, Refusal *refusal)
{
	return parse(text, JSON_DOCUMENT_VALUES, refusal);
}

Jsonb *
manifest_parse(const char *text, Refusal *refusal)
{
	return parse(text, JSON_MANIFEST_VALUES, refusal);
}

/* The violations of a document that stands at a path of its text. */
static char *
violations_within(Jsonb *document, const char *text, const char *within)
{
	ReportList questions;

	report_begin(&questions);
	question_violations(document, &questions);
	STATEMENT_RUN(
	    &statements[DOCUMENT_VIOLATIONS], value_jsonb(document),
	    value_violations(schema_violations(active_cdf_schema(), document, text, within)),
	    value_violations(schema_violations(builtin_schema("import"), document, NULL, NULL)),
	    value_violations(report_end(&questions)));
	return row_text_or_null(0, 1);
}

char *
document_violations(Jsonb *document, const char *text)
{
	return violations_within(document, text, "");
}

char *
document_warnings(Jsonb *document)
{
	ReportList warnings;

	report_begin(&warnings);
	question_warnings(document, &warnings);
	key_warnings(document, &warnings);
	return report_end(&warnings);
}

char *
manifest_violations(Jsonb *manifest, const char *text)
{
	return schema_violations(builtin_schema("pack"), manifest, text, "");
}

/* The document itself, or the one in the member cdf of an envelope. */
static Jsonb *
unwrapped(Jsonb *body)
{
	JsonbValue root = json_root(body);
	JsonbValue document;
	JsonbValue metadata;

	if (json_value_member(&root, "metadata", 8, &metadata) ||
	    !json_value_member(&root, "cdf", 3, &document))
		return body;
	return JsonbValueToJsonb(&document);
}

SQL_FUNCTION_OF(edurange_cdf_validate, DOCUMENT_BYTES)
{
	char *text = required_text(fcinfo, 0, "document");
	Refusal refusal = {0};
	Jsonb *body = document_parse(text, &refusal);
	Jsonb *document;
	NullableDatum columns[3];

	caller_check(fcinfo);
	if (body == NULL)
		raise_refusal(&refusal);
	statements_begin();
	document = unwrapped(body);
	STATEMENT_RUN(&statements[VALIDATION],
	              value_text(violations_within(document, text, document == body ? "" : "/cdf")),
	              value_text(document_warnings(document)));
	for (int i = 0; i < lengthof(columns); i++)
		columns[i] = row_result(0, i + 1, SPI_gettypeid(SPI_tuptable->tupdesc, i + 1));
	statements_end();
	return composite_result(fcinfo, columns, lengthof(columns));
}
