/*
 * json_schema.h
 *	  JSON Schema, draft-07, over PostgreSQL's own jsonb.
 *
 * The room json_schema/ is a validator that knows nothing of challenges.  json_schema_compile.c and
 * json_schema_refs.c, which call each other as schemas nest, turn a schema into the structures below;
 * json_schema_cache.c keeps them for the session and hands the metaschema in; json_schema.c holds
 * documents against them.
 */
#ifndef EDURANGE_JSON_SCHEMA_H
#define EDURANGE_JSON_SCHEMA_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "text/ecma_regex.h"
#include "json_schema/json_formats.h"
#include "json_schema/json_values.h"

typedef struct Schema Schema;
typedef struct Rule Rule;
typedef struct Evaluation Evaluation;

typedef struct SchemaList
{
	int count;
	Schema **schemas;
} SchemaList;

/* A property with the schema of its value, or, in dependencies, the schema or keys it asks for. */
typedef struct Property
{
	const char *key;
	int length;
	Schema *schema;
	int wanted_count;
	struct Property *wanted;
} Property;

/* Sorted by length and bytes. */
typedef struct PropertyList
{
	int count;
	Property *properties;
} PropertyList;

typedef struct Pattern
{
	regex_t regex;
	Schema *schema; /* NULL: the pattern stands alone */
} Pattern;

/* properties, patternProperties and additionalProperties, which only make sense together. */
typedef struct ObjectRule
{
	PropertyList named;
	int pattern_count;
	Pattern **patterns;
	Schema *others; /* may be NULL, as for the schemas below */
} ObjectRule;

/* items and additionalItems. */
typedef struct ArrayRule
{
	SchemaList first;
	Schema *rest;
	const char *rest_keyword;
} ArrayRule;

typedef struct ConditionRule
{
	Schema *condition;
	Schema *then_schema;
	Schema *else_schema;
} ConditionRule;

/* One keyword of a schema; holds a value of one of its kinds against it and reports violations. */
typedef bool (*RuleCheck)(Evaluation *evaluation, const Rule *rule, const JsonbValue *value);

struct Rule
{
	const char *keyword;
	int kinds; /* the kinds of values that it speaks of */
	RuleCheck check;
	const char *message;
	union
	{
		int types;
		Numeric number;
		int64 count;
		Pattern *pattern;
		FormatTest format;
		JsonValueSet *values;
		Schema *schema;
		SchemaList schemas;
		PropertyList properties;
		ObjectRule *object;
		ArrayRule *array;
		ConditionRule *condition;
	} u;
};

struct Schema
{
	bool never;      /* the schema false */
	const char *ref; /* the absolute URI of its $ref, and then it has no rules */
	Schema *target;  /* what that names */
	int rule_count;
	Rule *rules;
};

typedef struct JsonSchema
{
	MemoryContext context; /* of everything that belongs to it */
	Size bytes;            /* that it takes, its patterns with it */
	Schema *root;
	Jsonb *schema; /* what it was made from, which it points into */
	Jsonb *remotes;
} JsonSchema;

/* The checks, by keyword. */
extern bool check_type(Evaluation *evaluation, const Rule *rule, const JsonbValue *value);
extern bool check_values(Evaluation *evaluation, const Rule *rule, const JsonbValue *value);
extern bool check_multiple(Evaluation *evaluation, const Rule *rule, const JsonbValue *value);
extern bool check_minimum(Evaluation *evaluation, const Rule *rule, const JsonbValue *value);
extern bool check_above(Evaluation *evaluation, const Rule *rule, const JsonbValue *value);
extern bool check_maximum(Evaluation *evaluation, const Rule *rule, const JsonbValue *value);
extern bool check_below(Evaluation *evaluation, const Rule *rule, const JsonbValue *value);
extern bool check_least(Evaluation *evaluation, const Rule *rule, const JsonbValue *value);
extern bool check_most(Evaluation *evaluation, const Rule *rule, const JsonbValue *value);
extern bool check_pattern(Evaluation *evaluation, const Rule *rule, const JsonbValue *value);
extern bool check_format(Evaluation *evaluation, const Rule *rule, const JsonbValue *value);
extern bool check_unique(Evaluation *evaluation, const Rule *rule, const JsonbValue *value);
extern bool check_contains(Evaluation *evaluation, const Rule *rule, const JsonbValue *value);
extern bool check_items(Evaluation *evaluation, const Rule *rule, const JsonbValue *value);
extern bool check_required(Evaluation *evaluation, const Rule *rule, const JsonbValue *value);
extern bool check_properties(Evaluation *evaluation, const Rule *rule, const JsonbValue *value);
extern bool check_names(Evaluation *evaluation, const Rule *rule, const JsonbValue *value);
extern bool check_dependencies(Evaluation *evaluation, const Rule *rule, const JsonbValue *value);
extern bool check_all(Evaluation *evaluation, const Rule *rule, const JsonbValue *value);
extern bool check_any(Evaluation *evaluation, const Rule *rule, const JsonbValue *value);
extern bool check_one(Evaluation *evaluation, const Rule *rule, const JsonbValue *value);
extern bool check_not(Evaluation *evaluation, const Rule *rule, const JsonbValue *value);
extern bool check_condition(Evaluation *evaluation, const Rule *rule, const JsonbValue *value);

/* Finds a property in the list, or NULL. */
extern const Property *property_find(const PropertyList *list, const char *key, int length);

/*
 * Makes a schema ready for use, in a context of its own below the current one.  metaschema: what it and
 * all that it refers to are held against first; NULL: this is the metaschema.  Raises schema_invalid,
 * schema_unknown, pattern_unsupported and too_deep.
 */
extern JsonSchema *json_schema_compile(Jsonb *schema, Jsonb *remotes, const JsonSchema *metaschema);

/* The same, kept for the session; valid until the next call. */
extern const JsonSchema *json_schema_get(Jsonb *schema, Jsonb *remotes);

/* No schemas to refer to. */
extern Jsonb *json_no_remotes(void);

/* A schema that the extension carries: one of schema/, by its name. */
extern Jsonb *builtin_schema(const char *name);

/* Takes one violation; path, keyword and message live for the call only. */
typedef void (*ViolationReport)(void *context, const char *path, const char *keyword,
                                const char *message);

/*
 * Is the document valid?  Reports every violation, in the order of the document, where report is not
 * NULL.  formats: whether format is asserted.
 */
extern bool json_schema_check(const JsonSchema *schema, Jsonb *document, bool formats,
                              ViolationReport report, void *context);

#endif
