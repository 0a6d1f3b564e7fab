/*
 * json_schema_module.c
 *	  libFuzzer inside of a backend, over the JSON schema validator.
 *
 * The input's bytes choose among keywords and values, so that each one is a schema and a document in
 * JSON; what is refused is refused, what is not has an answer, and nothing may crash or end in an
 * internal error.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timeout.h"

#include "base/compat.h"
#include "base/surface.h"
#include "json_schema/json_schema.h"

PG_MODULE_MAGIC;

#define LONGEST_INPUT_MS 2000
#define DEEPEST 40

extern int
LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));

typedef struct Source
{
	const uint8_t *at;
	const uint8_t *end;
	StringInfoData out;
	int depth;
} Source;

typedef enum Form
{
	VALUE,
	NUMBER,
	STRING,
	TRUTH,
	SCHEMA,
	SCHEMAS,
	SCHEMA_MAP,
	NAMES,
	TYPES,
	REFERENCE
} Form;

static const struct
{
	const char *keyword;
	Form form;
} keywords[] = {
    {"type", TYPES},
    {"enum", VALUE},
    {"const", VALUE},
    {"minimum", NUMBER},
    {"exclusiveMinimum", NUMBER},
    {"maximum", NUMBER},
    {"exclusiveMaximum", NUMBER},
    {"multipleOf", NUMBER},
    {"minLength", NUMBER},
    {"maxLength", NUMBER},
    {"pattern", STRING},
    {"format", STRING},
    {"items", SCHEMA},
    {"items", SCHEMAS},
    {"additionalItems", SCHEMA},
    {"minItems", NUMBER},
    {"maxItems", NUMBER},
    {"uniqueItems", TRUTH},
    {"contains", SCHEMA},
    {"required", NAMES},
    {"minProperties", NUMBER},
    {"maxProperties", NUMBER},
    {"properties", SCHEMA_MAP},
    {"patternProperties", SCHEMA_MAP},
    {"additionalProperties", SCHEMA},
    {"propertyNames", SCHEMA},
    {"dependencies", SCHEMA_MAP},
    {"allOf", SCHEMAS},
    {"anyOf", SCHEMAS},
    {"oneOf", SCHEMAS},
    {"not", SCHEMA},
    {"if", SCHEMA},
    {"then", SCHEMA},
    {"else", SCHEMA},
    {"definitions", SCHEMA_MAP},
    {"$id", REFERENCE},
    {"$ref", REFERENCE},
    {"x", VALUE},
};
static const char *const numbers[] = {"0",  "1",     "2",   "1.0",   "0.01",
                                      "-1", "1e400", "3.5", "1e-90", "19.99"};
static const char *const strings[] = {"",          "a",          "b",      "a/b~c", "^a+$",
                                      "(a|b)*c",   "\\d{2,300}", "date",   "regex", "uri",
                                      "date-time", "ü",          "[^a-z]", "(.)\\1"};
static const char *const types[] = {"null",   "boolean", "number", "integer",
                                    "string", "array",   "object"};
static const char *const references[] = {"#",
                                         "#/definitions/a",
                                         "#/x/0",
                                         "#a",
                                         "r.json",
                                         "../b/c",
                                         "http://h/r#/definitions/b",
                                         "http://json-schema.org/draft-07/schema#",
                                         "urn:x"};

static void make(Source *source, Form form);

/* A number below the limit, from the next byte; 0 when the input is used up. */
static int
choose(Source *source, int limit)
{
	return source->at < source->end ? *source->at++ % limit : 0;
}

/* A string of the table, or of the input's own bytes as Latin-1. */
static void
make_string(Source *source)
{
	char text[64];
	int length;

	if (choose(source, 3) > 0)
	{
		escape_json(&source->out, strings[choose(source, lengthof(strings))]);
		return;
	}
	length = choose(source, 30);
	for (int i = 0; i < length; i++)
		text[i] = (char) (1 + choose(source, 127));
	text[length] = '\0';
	escape_json(&source->out, text);
}

/* Elements or members, none when the input is used up or too deep. */
static void
make_several(Source *source, char open, char close, Form form, bool named)
{
	int count = source->depth < DEEPEST ? choose(source, 4) : 0;

	source->depth++;
	appendStringInfoChar(&source->out, open);
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			appendStringInfoChar(&source->out, ',');
		if (named)
		{
			make_string(source);
			appendStringInfoChar(&source->out, ':');
		}
		make(source, form);
	}
	appendStringInfoChar(&source->out, close);
	source->depth--;
}

static void
make_schema(Source *source)
{
	int count = source->depth < DEEPEST ? choose(source, 5) : 0;

	if (choose(source, 12) == 11)
	{
		appendStringInfoString(&source->out, choose(source, 2) ? "true" : "false");
		return;
	}
	source->depth++;
	appendStringInfoChar(&source->out, '{');
	for (int i = 0; i < count; i++)
	{
		int keyword = choose(source, lengthof(keywords));

		appendStringInfo(&source->out, "%s\"%s\":", i > 0 ? "," : "", keywords[keyword].keyword);
		make(source, keywords[keyword].form);
	}
	appendStringInfoChar(&source->out, '}');
	source->depth--;
}

static void
make_value(Source *source)
{
	static const Form forms[] = {NUMBER, STRING, TRUTH, TYPES};
	int kind = choose(source, 7);

	if (kind < lengthof(forms))
		make(source, forms[kind]);
	else if (kind == 4)
		appendStringInfoString(&source->out, "null");
	else if (kind == 5)
		make_several(source, '[', ']', VALUE, false);
	else
		make_several(source, '{', '}', VALUE, true);
}

/* Writes JSON of a form, with now and then another than the keyword wants. */
static void
make(Source *source, Form form)
{
	switch (choose(source, 64) == 63 ? VALUE : form)
	{
		case VALUE:
			make_value(source);
			break;
		case NUMBER:
			appendStringInfoString(&source->out, numbers[choose(source, lengthof(numbers))]);
			break;
		case STRING:
			make_string(source);
			break;
		case TRUTH:
			appendStringInfoString(&source->out, choose(source, 2) ? "true" : "false");
			break;
		case SCHEMA:
			make_schema(source);
			break;
		case SCHEMAS:
			make_several(source, '[', ']', SCHEMA, false);
			break;
		case SCHEMA_MAP:
			make_several(source, '{', '}', SCHEMA, true);
			break;
		case NAMES:
			make_several(source, '[', ']', STRING, false);
			break;
		case TYPES:
			appendStringInfo(&source->out, "\"%s\"", types[choose(source, lengthof(types))]);
			break;
		case REFERENCE:
			escape_json(&source->out, references[choose(source, lengthof(references))]);
			break;
	}
}

static Jsonb *
make_json(Source *source, Form form)
{
	resetStringInfo(&source->out);
	make(source, form);
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(source->out.data)));
}

static void
ignore_violation(void *context, const char *path, const char *keyword, const char *message)
{
}

/* Validates what the input stands for. */
static void
validate(const uint8_t *data, size_t size)
{
	Source source = {.at = data, .end = data + size};
	Jsonb *schema;
	Jsonb *remotes;
	bool formats;

	initStringInfo(&source.out);
	formats = choose(&source, 2) == 1;
	schema = make_json(&source, SCHEMA);
	initStringInfo(&source.out);
	appendStringInfoString(&source.out, "{\"r.json\":");
	make(&source, SCHEMA);
	appendStringInfoChar(&source.out, '}');
	remotes = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(source.out.data)));
	(void) json_schema_check(json_schema_get(schema, remotes), make_json(&source, VALUE), formats,
	                         ignore_violation, NULL);
}

/* One input in a subtransaction of its own; an internal error is a finding. */
static int
run_input(const uint8_t *data, size_t size)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	MemoryContext work =
	    AllocSetContextCreate(CurrentMemoryContext, "input", ALLOCSET_DEFAULT_SIZES);

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(work);
	enable_timeout_after(STATEMENT_TIMEOUT, LONGEST_INPUT_MS);
	PG_TRY();
	{
		validate(data, size);
		disable_timeout(STATEMENT_TIMEOUT, false);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		disable_timeout(STATEMENT_TIMEOUT, false);
		if (geterrcode() == ERRCODE_INTERNAL_ERROR)
		{
			EmitErrorReport();
			abort();
		}
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	MemoryContextDelete(work);
	return 0;
}

/* Runs libFuzzer with these arguments; it ends the backend when it is done. */
SQL_FUNCTION_ANYWHERE(edurange_fuzz)
{
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(0);
	Datum *elements;
	int count;
	char **arguments;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &count);
	arguments = palloc0(sizeof(char *) * (count + 2));
	arguments[0] = "edurange_fuzz";
	for (int i = 0; i < count; i++)
		arguments[i + 1] = TextDatumGetCString(elements[i]);
	count++;
	PG_RETURN_INT32(LLVMFuzzerRunDriver(&count, &arguments, run_input));
}
