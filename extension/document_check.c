/*
 * document_check.c
 *	  What is wrong with a challenge definition or with the manifest of a pack.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "document_check.h"
#include "statements.h"

typedef enum StatementId
{
	DOCUMENT_VIOLATIONS,
	MANIFEST_VIOLATIONS,
	STATEMENT_COUNT
} StatementId;

#define COMPONENTS                                                                                 \
	"jsonb_array_elements(CASE WHEN jsonb_typeof($1 -> 'components') = 'array'"                    \
	" THEN $1 -> 'components' ELSE '[]' END) WITH ORDINALITY AS e (c, position)"

static Statement statements[STATEMENT_COUNT] = {
    /* Everything that is wrong with the document $1, as a JSON list, or null. */
    [DOCUMENT_VIOLATIONS] =
        {"WITH component AS (SELECT '/components/' || position - 1 AS path, c, c ->> 'id' AS id,"
         "  c ->> 'type' AS type, c -> 'config' AS k, position,"
         "  jsonb_typeof(c) = 'object' AND jsonb_typeof(c -> 'config') = 'object' AS whole"
         "  FROM " COMPONENTS "),"
         " wanted (parent, key, type, required) AS (VALUES ('metadata', 'id', 'string', true),"
         "  ('metadata', 'name', 'string', true), ('metadata', 'version', 'string', true),"
         "  ('metadata', 'challenge_type', 'string', true),"
         "  ('metadata', 'difficulty', 'string', false),"
         "  ('metadata', 'description', 'string', false),"
         "  ('metadata', 'pack_id', 'string', false),"
         "  ('container', 'image', 'string', true), ('configMap', 'data', 'object', true),"
         "  ('secret', 'data', 'object', true), ('webosApp', 'app_type', 'string', true),"
         "  ('webosApp', 'title', 'string', false), ('webosApp', 'icon', 'string', false),"
         "  ('webosApp', 'width', 'number', false), ('webosApp', 'height', 'number', false),"
         "  ('webosApp', 'screen', 'string', false), ('webosApp', 'disabled', 'boolean', false),"
         "  ('webosApp', 'favourite', 'boolean', false),"
         "  ('webosApp', 'desktop_shortcut', 'boolean', false),"
         "  ('webosApp', 'launch_on_startup', 'boolean', false),"
         "  ('webosApp', 'additional_config', 'object', false),"
         "  ('question', 'text', 'string', true), ('question', 'points', 'number', false),"
         "  ('question', 'order', 'number', false), ('question', 'title', 'string', false),"
         "  ('question', 'format', 'string', false), ('question', 'hint', 'string', false),"
         "  ('question', 'required', 'boolean', false)),"
         " object (path, kind, value) AS (SELECT '/metadata', 'metadata', $1 -> 'metadata'"
         "  WHERE jsonb_typeof($1 -> 'metadata') = 'object'"
         "  UNION ALL SELECT path || '/config', type, k FROM component WHERE whole),"
         " question AS (SELECT path, k, coalesce(k ->> 'order', (row_number() OVER"
         "  (ORDER BY position) - 1)::text) AS position FROM component"
         "  WHERE whole AND type = 'question'),"
         " violation (path, keyword, message) AS ("
         "  SELECT '', 'type', 'must be an object' WHERE jsonb_typeof($1) <> 'object'"
         "  UNION ALL SELECT '/metadata', 'required', 'must be there and be an object'"
         "  WHERE jsonb_typeof($1 -> 'metadata') IS DISTINCT FROM 'object'"
         "  UNION ALL SELECT '/components', 'minItems', 'must be a list of at least one component'"
         "  WHERE jsonb_typeof($1 -> 'components') IS DISTINCT FROM 'array'"
         "   OR $1 -> 'components' = '[]'"
         "  UNION ALL SELECT path, 'type', 'must be an object with an object in config'"
         "  FROM component WHERE NOT whole"
         "  UNION ALL SELECT path || '/type', 'enum',"
         "   'must be container, webosApp, question, configMap or secret' FROM component"
         "  WHERE coalesce(type, '')"
         "   NOT IN ('container', 'webosApp', 'question', 'configMap', 'secret')"
         "  UNION ALL SELECT path || '/id', 'type', 'must be a text that is not empty'"
         "  FROM component WHERE jsonb_typeof(c -> 'id') IS DISTINCT FROM 'string' OR id = ''"
         "  UNION ALL SELECT path || '/id', 'unique', 'an earlier component has the same id'"
         "  FROM (SELECT path, row_number() OVER (PARTITION BY id ORDER BY position) AS n"
         "   FROM component WHERE id IS NOT NULL) AS repeated WHERE n > 1"
         "  UNION ALL SELECT path || '/' || key, CASE WHEN value ? key THEN 'type' ELSE 'required'"
         "   END, 'must be of type ' || type FROM object JOIN wanted ON parent = kind"
         "  WHERE required AND NOT value ? key"
         "   OR value ? key AND jsonb_typeof(value -> key) <> type"
         "  UNION ALL SELECT '/metadata/id', 'pattern',"
         "   'must consist of 1 to 200 letters, digits, hyphens and underscores' FROM object"
         "  WHERE kind = 'metadata' AND jsonb_typeof(value -> 'id') = 'string'"
         "   AND value ->> 'id' !~ '^[A-Za-z0-9_-]{1,200}$'"
         "  UNION ALL SELECT '/metadata/challenge_type', 'enum',"
         "   'must be fullOS, web, container, metasploit or sql-injection' FROM object"
         "  WHERE kind = 'metadata' AND jsonb_typeof(value -> 'challenge_type') = 'string'"
         "   AND value ->> 'challenge_type'"
         "    NOT IN ('fullOS', 'web', 'container', 'metasploit', 'sql-injection')"
         "  UNION ALL SELECT '/metadata/difficulty', 'enum',"
         "   'must be beginner, intermediate, advanced or expert' FROM object"
         "  WHERE kind = 'metadata' AND jsonb_typeof(value -> 'difficulty') = 'string'"
         "   AND value ->> 'difficulty'"
         "    NOT IN ('beginner', 'intermediate', 'advanced', 'expert')"
         "  UNION ALL SELECT path || '/config/type', 'enum',"
         "   'must be text, multiple_choice, checkboxes or flag' FROM component"
         "  WHERE whole AND type = 'question' AND coalesce(k ->> 'type', k ->> 'question_type', '')"
         "   NOT IN ('text', 'multiple_choice', 'checkboxes', 'flag')"
         "  UNION ALL SELECT path || '/config/' || key, 'type',"
         "   format('must be a whole number from 0 to %s', highest) FROM component,"
         "   (VALUES ('question', 'points', 2147483647), ('question', 'order', 1000000),"
         "    ('webosApp', 'width', 100000), ('webosApp', 'height', 100000))"
         "    AS whole_number (parent, key, highest)"
         "  WHERE whole AND type = parent AND CASE WHEN jsonb_typeof(k -> key) = 'number' THEN"
         "   (k ->> key)::numeric NOT BETWEEN 0 AND highest"
         "   OR (k ->> key)::numeric % 1 <> 0 END"
         "  UNION ALL SELECT path || '/config/order', 'unique',"
         "   'an earlier question has the same place' FROM (SELECT path, row_number() OVER"
         "   (PARTITION BY position ORDER BY path) AS n FROM question) AS clash WHERE n > 1"
         "  UNION ALL SELECT path || '/config/answer', 'type',"
         "   'must be a text, a number or a list of them' FROM question WHERE k ? 'answer'"
         "   AND CASE jsonb_typeof(k -> 'answer') WHEN 'string' THEN false WHEN 'number' THEN false"
         "    WHEN 'array' THEN k -> 'answer' = '[]' OR EXISTS"
         "     (SELECT FROM jsonb_array_elements(k -> 'answer') a"
         "      WHERE jsonb_typeof(a) NOT IN ('string', 'number')) ELSE true END"
         "  UNION ALL SELECT path || '/config/app_type', 'enum',"
         "   'must be terminal, editor, browser or custom' FROM component"
         "  WHERE whole AND type = 'webosApp' AND jsonb_typeof(k -> 'app_type') = 'string'"
         "   AND k ->> 'app_type' NOT IN ('terminal', 'editor', 'browser', 'custom')"
         "  UNION ALL SELECT path || '/id', 'not', 'challenge-prompt is the app of the questions'"
         "  FROM component WHERE type = 'webosApp' AND id = 'challenge-prompt')"
         " SELECT json_agg(json_build_object('path', path, 'keyword', keyword, 'message', message)"
         "  ORDER BY path, keyword)::text FROM violation",
         {JSONBOID},
         .reads = true},
    [MANIFEST_VIOLATIONS] =
        {"WITH wanted (key, type, required, pattern) AS (VALUES"
         "  ('id', 'string', true, '^[a-z0-9_-]+$'), ('name', 'string', true, NULL),"
         "  ('version', 'string', true, '^\\d+\\.\\d+\\.\\d+(-[0-9A-Za-z.-]+)?$'),"
         "  ('challenges', 'array', true, NULL), ('$schema', 'string', false, NULL),"
         "  ('description', 'string', false, NULL), ('author', 'string', false, NULL),"
         "  ('license', 'string', false, NULL), ('website', 'string', false, NULL),"
         "  ('tags', 'array', false, NULL), ('prerequisites', 'array', false, NULL),"
         "  ('shared_resources', 'array', false, NULL),"
         "  ('dependencies', 'object', false, NULL), ('metadata', 'object', false, NULL)),"
         " manifest (m) AS (SELECT CASE jsonb_typeof($1) WHEN 'object' THEN $1 ELSE '{}' END),"
         " violation (path, keyword, message) AS ("
         "  SELECT '', 'type', 'must be an object' WHERE jsonb_typeof($1) <> 'object'"
         "  UNION ALL SELECT '/' || key, CASE WHEN m ? key THEN 'type' ELSE 'required' END,"
         "   'must be of type ' || type FROM manifest, wanted WHERE required AND NOT m ? key"
         "   OR m ? key AND jsonb_typeof(m -> key) <> type"
         "  UNION ALL SELECT '/' || key, 'pattern', 'must match ' || pattern FROM manifest, wanted"
         "  WHERE jsonb_typeof(m -> key) = 'string' AND m ->> key !~ pattern"
         "  UNION ALL SELECT '/' || key, 'additionalProperties', 'is no key of a manifest'"
         "  FROM manifest, jsonb_object_keys(m) AS present (key)"
         "  WHERE key NOT IN (SELECT key FROM wanted)"
         "  UNION ALL SELECT '/' || key || '/' || position - 1, 'type', 'must be a string'"
         "  FROM manifest, wanted, jsonb_array_elements(CASE jsonb_typeof(m -> key)"
         "   WHEN 'array' THEN m -> key ELSE '[]' END) WITH ORDINALITY AS e (value, position)"
         "  WHERE jsonb_typeof(value) <> 'string'"
         "  UNION ALL SELECT '/challenges', 'minItems', 'must name at least one challenge'"
         "  FROM manifest WHERE m -> 'challenges' = '[]'"
         "  UNION ALL SELECT '/challenges', 'uniqueItems', 'must not name a challenge twice'"
         "  FROM manifest WHERE EXISTS (SELECT FROM jsonb_array_elements("
         "   CASE jsonb_typeof(m -> 'challenges') WHEN 'array' THEN m -> 'challenges' ELSE '[]'"
         "    END) AS e (value) GROUP BY value HAVING count(*) > 1)"
         "  UNION ALL SELECT '/dependencies/' || key, 'type', 'must be a string'"
         "  FROM manifest, jsonb_each(CASE jsonb_typeof(m -> 'dependencies') WHEN 'object'"
         "   THEN m -> 'dependencies' ELSE '{}' END) AS e (key, value)"
         "  WHERE jsonb_typeof(value) <> 'string')"
         " SELECT json_agg(json_build_object('path', path, 'keyword', keyword, 'message', message)"
         "  ORDER BY path, keyword)::text FROM violation",
         {JSONBOID},
         .reads = true},
};

static char *
violations(StatementId statement, Jsonb *value)
{
	NullableDatum argument = {.value = JsonbPGetDatum(value)};

	STATEMENT_RUN(&statements[statement], argument);
	return row_text(0, 1);
}

char *
document_violations(Jsonb *document)
{
	return violations(DOCUMENT_VIOLATIONS, document);
}

char *
manifest_violations(Jsonb *manifest)
{
	return violations(MANIFEST_VIOLATIONS, manifest);
}
