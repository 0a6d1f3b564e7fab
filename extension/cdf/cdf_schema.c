/*
 * cdf_schema.c
 *	  The schema that challenge definitions are held against, and the challenge types that it allows.
 *
 * The extension brings a schema.  Another one, such as the Instance Manager's, can be made active in
 * its place, and an operator can add challenge types, which the active schema allows beside its own.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "base/arguments.h"
#include "base/json_text.h"
#include "base/refusal.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/caller.h"
#include "cdf/cdf_schema.h"
#include "json_schema/json_schema.h"

#define LONGEST_SOURCE 2000

typedef enum StatementId
{
	ACTIVE_SCHEMA,
	SET_SCHEMA,
	SCHEMA_STATE,
	RESET_SCHEMA,
	ADD_TYPE,
	REMOVE_TYPE,
	STATEMENT_COUNT
} StatementId;

#define TYPE_PATH "'{properties,metadata,properties,challenge_type,enum}'"

static Statement statements[STATEMENT_COUNT] = {
    /* Types are added where the schema has a list of them. $1 the built-in schema */
    [ACTIVE_SCHEMA] = {"SELECT CASE WHEN jsonb_typeof(schema #> " TYPE_PATH ") = 'array'"
                       " AND added.types IS NOT NULL THEN jsonb_set(schema, " TYPE_PATH ","
                       "  (schema #> " TYPE_PATH ") || added.types) ELSE schema END"
                       " FROM (SELECT coalesce((SELECT a.schema FROM edurange.active_cdf_schema a),"
                       "  $1)) AS active (schema),"
                       " LATERAL (SELECT jsonb_agg(t.name ORDER BY t.name) AS types"
                       "  FROM edurange.challenge_type t"
                       "  WHERE NOT (schema #> " TYPE_PATH ") ? t.name) AS added",
                       {JSONBOID},
                       .reads = true},
    /* The same schema from the same source again writes nothing. $1 schema, $2 source, $3 actor */
    [SET_SCHEMA] =
        {"INSERT INTO edurange.active_cdf_schema AS a (schema, source, set_by, set_at)"
         " VALUES ($1, $2, $3, clock_timestamp()) ON CONFLICT (only_row) DO UPDATE"
         " SET schema = excluded.schema, source = excluded.source,"
         " set_by = excluded.set_by, set_at = excluded.set_at"
         " WHERE (a.schema, a.source) IS DISTINCT FROM (excluded.schema, excluded.source)",
         {JSONBOID, TEXTOID, TEXTOID}},
    [SCHEMA_STATE] = {"SELECT source, set_by, set_at FROM edurange.active_cdf_schema"},
    [RESET_SCHEMA] = {"DELETE FROM edurange.active_cdf_schema"},
    [ADD_TYPE] = {"INSERT INTO edurange.challenge_type (name, added_by, added_at)"
                  " VALUES ($1, $2, clock_timestamp()) ON CONFLICT (name) DO NOTHING",
                  {TEXTOID, TEXTOID}},
    [REMOVE_TYPE] = {"DELETE FROM edurange.challenge_type WHERE name = $1", {TEXTOID}},
};

Jsonb *
active_cdf_schema(void)
{
	STATEMENT_RUN(&statements[ACTIVE_SCHEMA], value_jsonb(builtin_schema("cdf")));
	return row_jsonb(0, 1);
}

/* The active schema, for everybody who writes challenges. */
SQL_FUNCTION(edurange_cdf_schema)
{
	Datum schema;

	caller_check(fcinfo);
	statements_begin();
	STATEMENT_RUN(&statements[ACTIVE_SCHEMA], value_jsonb(builtin_schema("cdf")));
	schema = only_result();
	statements_end();
	PG_RETURN_DATUM(schema);
}

/* Which schema is active: source, set_by and set_at, all null for the built-in one; changed. */
static Datum
schema_state(FunctionCallInfo fcinfo, bool changed)
{
	NullableDatum columns[4] = {value_null(), value_null(), value_null(), value_bool(changed)};

	if (statement_run(&statements[SCHEMA_STATE], NULL, 0) > 0)
		for (int i = 0; i < 3; i++)
			columns[i] = row_result(0, i + 1, i < 2 ? TEXTOID : TIMESTAMPTZOID);
	statements_end();
	return composite_result(fcinfo, columns, lengthof(columns));
}

SQL_FUNCTION_OF(edurange_set_cdf_schema, DOCUMENT_BYTES)
{
	Jsonb *schema = required_jsonb(fcinfo, 0, "schema");
	char *source = required_text(fcinfo, 1, "source");
	bool changed;

	if (!JB_ROOT_IS_OBJECT(schema))
		raise_error(EDURANGE_INVALID_PARAMETER, "parameter \"schema\" must be an object");
	if (!json_numbers_are_readable(schema))
		raise_error(EDURANGE_OUT_OF_RANGE,
		            "parameter \"schema\" holds a number that is out of range");
	if (strlen(source) > LONGEST_SOURCE)
		raise_error(EDURANGE_INVALID_PARAMETER, "parameter \"source\" must have at most %d bytes",
		            LONGEST_SOURCE);
	statements_begin();
	(void) json_schema_get(schema, json_no_remotes());
	changed = STATEMENT_RUN(&statements[SET_SCHEMA], value_jsonb(schema), value_text(source),
	                        value_text(caller_role_actor())) > 0;
	return schema_state(fcinfo, changed);
}

SQL_FUNCTION(edurange_reset_cdf_schema)
{
	caller_check(fcinfo);
	statements_begin();
	return schema_state(fcinfo, statement_run(&statements[RESET_SCHEMA], NULL, 0) > 0);
}

/* The name of a challenge type, which ends up in names of other systems. */
static char *
required_type(FunctionCallInfo fcinfo)
{
	char *name = required_text(fcinfo, 0, "name");
	const char *allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

	if (strlen(name) > 100 || strspn(name, allowed) != strlen(name))
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"name\" must be 1 to 100 letters, digits, hyphens and underscores");
	return name;
}

SQL_FUNCTION(edurange_add_challenge_type)
{
	char *name = required_type(fcinfo);
	bool added;

	caller_check(fcinfo);
	statements_begin();
	added =
	    STATEMENT_RUN(&statements[ADD_TYPE], value_text(name), value_text(caller_role_actor())) > 0;
	statements_end();
	PG_RETURN_BOOL(added);
}

SQL_FUNCTION(edurange_remove_challenge_type)
{
	char *name = required_type(fcinfo);
	bool removed;

	caller_check(fcinfo);
	statements_begin();
	removed = STATEMENT_RUN(&statements[REMOVE_TYPE], value_text(name)) > 0;
	statements_end();
	PG_RETURN_BOOL(removed);
}
