/*
 * json_schema_cache.c
 *	  Compiled JSON schemas, kept for the session, and the SQL function over them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "base/arguments.h"
#include "base/refusal.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "json_schema/json_schema.h"

#define KEPT_SCHEMAS 32
#define KEPT_BYTES                                                                                 \
	(16 * 1024 * 1024) /* of all of them; one that is larger is compiled for each use */

typedef struct KeptSchema
{
	uint64 hash;
	uint64 last_use;
	JsonSchema *schema; /* NULL: the slot is free */
} KeptSchema;

static KeptSchema kept[KEPT_SCHEMAS];
static uint64 uses;
static JsonSchema *kept_metaschema;

/* The built-in schemas that were read, until a function of the database changes. */
static struct
{
	const char *name;
	Jsonb *schema; /* NULL: not read */
} builtin[] = {{"cdf"}, {"import"}, {"pack"}, {"draft-07"}};
static bool builtin_stale = true;

typedef enum StatementId
{
	BUILTIN,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    [BUILTIN] = {"SELECT edurange.builtin_schema($1)", {TEXTOID}, .reads = true},
};

/* Callback: an update of the extension may bring other schemas. */
static void
forget_builtin(Datum argument, int cache_id, uint32 hash)
{
	builtin_stale = true;
}

/* Frees what is stale. */
static void
refresh_builtin(void)
{
	static bool is_watching = false;

	if (!is_watching)
		CacheRegisterSyscacheCallback(PROCOID, forget_builtin, (Datum) 0);
	is_watching = true;
	if (!builtin_stale)
		return;
	for (int i = 0; i < lengthof(builtin); i++)
	{
		if (builtin[i].schema != NULL)
			pfree(builtin[i].schema);
		builtin[i].schema = NULL;
	}
	builtin_stale = false;
}

/* Reads a built-in schema into memory of the session. */
static Jsonb *
read_builtin(const char *name)
{
	MemoryContext caller;
	Jsonb *schema;
	bool is_null;
	Datum value;

	statements_begin();
	STATEMENT_RUN(&statements[BUILTIN], value_text(name));
	value = row_value(0, 1, JSONBOID, &is_null);
	if (is_null)
		elog(ERROR, "there is no built-in schema \"%s\"", name);
	caller = MemoryContextSwitchTo(TopMemoryContext);
	schema = DatumGetJsonbPCopy(value);
	MemoryContextSwitchTo(caller);
	statements_end();
	return schema;
}

Jsonb *
builtin_schema(const char *name)
{
	refresh_builtin();
	for (int i = 0; i < lengthof(builtin); i++)
	{
		if (strcmp(builtin[i].name, name) != 0)
			continue;
		if (builtin[i].schema == NULL)
			builtin[i].schema = read_builtin(name);
		return memcpy(palloc(VARSIZE(builtin[i].schema)), builtin[i].schema,
		              VARSIZE(builtin[i].schema));
	}
	elog(ERROR, "there is no built-in schema \"%s\"", name);
}

Jsonb *
json_no_remotes(void)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
}

/* The metaschema of draft-07. */
static const JsonSchema *
metaschema(void)
{
	JsonSchema *compiled;

	if (kept_metaschema == NULL)
	{
		compiled = json_schema_compile(builtin_schema("draft-07"), json_no_remotes(), NULL);
		MemoryContextSetParent(compiled->context, TopMemoryContext);
		kept_metaschema = compiled;
	}
	return kept_metaschema;
}

static bool
same_bytes(const Jsonb *a, const Jsonb *b)
{
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

/* The slot that holds the schema, or NULL. */
static KeptSchema *
find_slot(uint64 hash, const Jsonb *schema, const Jsonb *remotes)
{
	for (KeptSchema *slot = kept; slot < kept + KEPT_SCHEMAS; slot++)
		if (slot->schema != NULL && slot->hash == hash &&
		    same_bytes(slot->schema->schema, schema) && same_bytes(slot->schema->remotes, remotes))
			return slot;
	return NULL;
}

/* A free slot for a schema of so many bytes; the oldest ones go until it fits. */
static KeptSchema *
make_slot(Size bytes)
{
	for (;;)
	{
		KeptSchema *empty = NULL;
		KeptSchema *oldest = NULL;
		Size all = bytes;

		for (KeptSchema *slot = kept; slot < kept + KEPT_SCHEMAS; slot++)
		{
			if (slot->schema == NULL)
			{
				empty = slot;
				continue;
			}
			all += slot->schema->bytes;
			if (oldest == NULL || slot->last_use < oldest->last_use)
				oldest = slot;
		}
		if (oldest == NULL || (empty != NULL && all <= KEPT_BYTES))
			return empty;
		MemoryContextDelete(oldest->schema->context);
		oldest->schema = NULL;
	}
}

const JsonSchema *
json_schema_get(Jsonb *schema, Jsonb *remotes)
{
	uint64 hash =
	    hash_combine64(hash_bytes_extended((unsigned char *) schema, (int) VARSIZE(schema), 0),
	                   hash_bytes_extended((unsigned char *) remotes, (int) VARSIZE(remotes), 0));
	KeptSchema *slot = find_slot(hash, schema, remotes);

	if (slot == NULL)
	{
		JsonSchema *compiled = json_schema_compile(schema, remotes, metaschema());

		if (compiled->bytes > KEPT_BYTES)
			return compiled;
		slot = make_slot(compiled->bytes);
		MemoryContextSetParent(compiled->context, TopMemoryContext);
		slot->hash = hash;
		slot->schema = compiled;
	}
	slot->last_use = ++uses;
	return slot->schema;
}

/* Puts a violation into the result. */
static void
add_row(void *context, const char *path, const char *keyword, const char *message)
{
	ReturnSetInfo *result = context;
	Datum values[3] = {CStringGetTextDatum(path), CStringGetTextDatum(keyword),
	                   CStringGetTextDatum(message)};
	bool nulls[3] = {0};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	for (int i = 0; i < lengthof(values); i++)
		pfree(DatumGetPointer(values[i]));
}

SQL_FUNCTION_OF(edurange_json_schema_validate, JSONB_BYTES)
{
	Jsonb *schema = required_jsonb(fcinfo, 0, "schema");
	Jsonb *document = required_jsonb(fcinfo, 1, "document");
	Jsonb *remotes = required_jsonb(fcinfo, 2, "remotes");
	bool formats = optional_flag(fcinfo, 3);

	if (!JB_ROOT_IS_OBJECT(remotes))
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"remotes\" must be an object of schemas by URI");
	InitMaterializedSRF(fcinfo, 0);
	(void) json_schema_check(json_schema_get(schema, remotes), document, formats, add_row,
	                         fcinfo->resultinfo);
	return (Datum) 0;
}
