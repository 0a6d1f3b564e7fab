/*
 * document_check.c
 *	  What is wrong with a challenge definition or with the manifest of a pack.
 *
 * A definition is held against the active schema, then against what an import makes rows from, and
 * last against what no schema can say.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "base/arguments.h"
#include "base/json_text.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/caller.h"
#include "cdf/cdf_schema.h"
#include "cdf/document_check.h"
#include "json_schema/json_schema.h"

#define MOST_VIOLATIONS 1000 /* that are listed; nobody reads on */

typedef enum StatementId
{
	DOCUMENT_VIOLATIONS,
	VALIDATION,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /*
     * Everything that is wrong with the document $1, as a JSON list, or null.  $2 and $3 are the
     * violations of the two schemas, which say the same of much.
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
         "  UNION ALL SELECT 6, position, path || '/config/answer', 'options',"
         "   'must name choices that options has' FROM question"
         "  WHERE k ->> 'type' IN ('multiple_choice', 'checkboxes')"
         "   AND jsonb_typeof(k -> 'options') = 'array' AND EXISTS (SELECT"
         "    FROM jsonb_array_elements(CASE jsonb_typeof(k -> 'answer')"
         "     WHEN 'array' THEN k -> 'answer'"
         "     WHEN 'string' THEN jsonb_build_array(k -> 'answer') ELSE '[]' END) AS a (answer)"
         "    WHERE jsonb_typeof(answer) = 'string' AND answer #>> '{}' NOT LIKE '[%'"
         "    AND NOT EXISTS (SELECT FROM jsonb_array_elements_text(k -> 'options') AS o (choice)"
         "      WHERE btrim(choice) = btrim(answer #>> '{}')))"
         "  UNION ALL SELECT DISTINCT 7, position, path || '/config', 'variables',"
         "   format('refers to {{%s}}, which variables does not have', name[1])"
         "  FROM component, regexp_matches(k::text, '\\{\\{\\s*([A-Z][A-Z0-9_]*)\\s*\\}\\}', 'g')"
         "   AS reference (name)"
         "  WHERE jsonb_typeof($1 -> 'variables') = 'object' AND name[1] <> 'FLAG'"
         "   AND NOT $1 -> 'variables' ? name[1])"
         " SELECT json_agg(json_build_object('path', path, 'keyword', keyword, 'message', message)"
         "  ORDER BY source, number)::text FROM (SELECT * FROM violation ORDER BY source, number"
         "   LIMIT " CppAsString2(MOST_VIOLATIONS) ") AS listed",
         {JSONBOID, JSONBOID, JSONBOID},
         .reads = true},
    [VALIDATION] =
        {"SELECT $1 IS NULL, ARRAY(SELECT ROW(path, keyword, message)::edurange.violation"
         " FROM ROWS FROM (json_to_recordset(coalesce($1, '[]')::json)"
         "  AS (path text, keyword text, message text)) WITH ORDINALITY"
         "  AS v (path, keyword, message, n) ORDER BY n)",
         {TEXTOID},
         .reads = true},
};

/* Violations of a schema, as a JSON list that is being written. */
typedef struct ViolationList
{
	int count;
	StringInfoData json;
} ViolationList;

static void
list_violation(void *context, const char *path, const char *keyword, const char *message)
{
	ViolationList *list = context;

	if (list->count == MOST_VIOLATIONS)
		return;
	appendStringInfoString(&list->json, list->count++ == 0 ? "[{\"path\": " : ", {\"path\": ");
	escape_json(&list->json, path);
	appendStringInfoString(&list->json, ", \"keyword\": ");
	escape_json(&list->json, keyword);
	appendStringInfoString(&list->json, ", \"message\": ");
	escape_json(&list->json, message);
	appendStringInfoChar(&list->json, '}');
}

/* The value's violations of a schema, as a JSON list, or NULL. */
static char *
schema_violations(Jsonb *schema, Jsonb *value)
{
	ViolationList list = {0};

	initStringInfo(&list.json);
	if (json_schema_check(json_schema_get(schema, json_no_remotes()), value, false, list_violation,
	                      &list))
		return NULL;
	appendStringInfoChar(&list.json, ']');
	return list.json.data;
}

/* A list of violations as an argument of a statement. */
static NullableDatum
value_violations(const char *list)
{
	return (NullableDatum){
	    .value = DirectFunctionCall1(jsonb_in, CStringGetDatum(list != NULL ? list : "[]"))};
}

char *
document_violations(Jsonb *document)
{
	STATEMENT_RUN(&statements[DOCUMENT_VIOLATIONS], value_jsonb(document),
	              value_violations(schema_violations(active_cdf_schema(), document)),
	              value_violations(schema_violations(builtin_schema("import"), document)));
	return row_text_or_null(0, 1);
}

char *
manifest_violations(Jsonb *manifest)
{
	return schema_violations(builtin_schema("pack"), manifest);
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

SQL_FUNCTION(edurange_cdf_validate)
{
	char *text = required_text(fcinfo, 0, "document");
	Refusal refusal = {0};
	Jsonb *document = json_text_parse(text, &refusal);
	NullableDatum columns[2];

	caller_check(fcinfo);
	if (document == NULL)
		raise_refusal(&refusal);
	statements_begin();
	STATEMENT_RUN(&statements[VALIDATION], value_text(document_violations(unwrapped(document))));
	for (int i = 0; i < lengthof(columns); i++)
		columns[i] = row_result(0, i + 1, SPI_gettypeid(SPI_tuptable->tupdesc, i + 1));
	statements_end();
	return composite_result(fcinfo, columns, lengthof(columns));
}
