/*
 * json_schema_compile.c
 *	  Turning the keywords of a JSON schema of draft-07 into rules.
 *
 * What stands here relies on the schema being one that the metaschema allows.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "base/json_text.h"
#include "base/refusal.h"
#include "json_schema/json_schema_compile.h"

#define LONGEST_LIST 200 /* of allowed values in a message */

bool
schema_keyword(const JsonbValue *schema, const char *name, JsonbValue *value)
{
	return json_value_member(schema, name, (int) strlen(name), value);
}

static Rule *
add_rule(Schema *schema, const char *name, int kinds, RuleCheck check, const char *message)
{
	Rule *rule;

	if (schema->rules == NULL)
		schema->rules = palloc0(sizeof(Rule));
	else
		schema->rules = repalloc(schema->rules, sizeof(Rule) * (schema->rule_count + 1));
	rule = &schema->rules[schema->rule_count++];
	memset(rule, 0, sizeof(Rule));
	rule->keyword = name;
	rule->kinds = kinds;
	rule->check = check;
	rule->message = message;
	return rule;
}

/* Four digits in two bytes; dividing by more takes seconds in which nobody can interrupt. */
#define LARGEST_DIVISOR 1000

/* The number as text; one that is very long is not told. */
static char *
number_text(Numeric number)
{
	if (!json_number_is_readable(number))
		return "a number with hundreds of digits";
	return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
}

static void
build_numbers(Schema *schema, const JsonbValue *source)
{
	static const struct
	{
		const char *keyword;
		RuleCheck check;
		const char *message;
	} numbers[] = {{"minimum", check_minimum, "must be at least %s"},
	               {"exclusiveMinimum", check_above, "must be greater than %s"},
	               {"maximum", check_maximum, "must be at most %s"},
	               {"exclusiveMaximum", check_below, "must be less than %s"},
	               {"multipleOf", check_multiple, "must be a multiple of %s"}};
	JsonbValue value;

	for (int i = 0; i < lengthof(numbers); i++)
		if (schema_keyword(source, numbers[i].keyword, &value))
			add_rule(schema, numbers[i].keyword, KIND_NUMBER, numbers[i].check,
			         psprintf(numbers[i].message, number_text(value.val.numeric)))
			    ->u.number = value.val.numeric;
	if (schema_keyword(source, "multipleOf", &value) &&
	    VARSIZE_ANY(value.val.numeric) > LARGEST_DIVISOR)
		raise_error(EDURANGE_SCHEMA_INVALID,
		            "schema has a \"multipleOf\" of more digits than can be divided by");
}

/* A count, which may be written as 2.0 and be larger than anything that can be counted. */
static int64
read_count(const JsonbValue *value)
{
	Datum highest = DirectFunctionCall1(int8_numeric, Int64GetDatum(PG_INT64_MAX));
	Datum number =
	    DirectFunctionCall2(numeric_smaller, NumericGetDatum(value->val.numeric), highest);

	return DatumGetInt64(DirectFunctionCall1(numeric_int8, number));
}

static void
build_counts(Schema *schema, const JsonbValue *source)
{
	static const struct
	{
		const char *keyword;
		int kinds;
		RuleCheck check;
		const char *message;
	} counts[] = {
	    {"minLength", KIND_STRING, check_least, "number of characters must be at least %s"},
	    {"maxLength", KIND_STRING, check_most, "number of characters must be at most %s"},
	    {"minItems", KIND_ARRAY, check_least, "number of elements must be at least %s"},
	    {"maxItems", KIND_ARRAY, check_most, "number of elements must be at most %s"},
	    {"minProperties", KIND_OBJECT, check_least, "number of properties must be at least %s"},
	    {"maxProperties", KIND_OBJECT, check_most, "number of properties must be at most %s"}};
	JsonbValue value;

	for (int i = 0; i < lengthof(counts); i++)
		if (schema_keyword(source, counts[i].keyword, &value))
			add_rule(schema, counts[i].keyword, counts[i].kinds, counts[i].check,
			         psprintf(counts[i].message, number_text(value.val.numeric)))
			    ->u.count = read_count(&value);
}

/* The kind that a name of the keyword type stands for, with its article. */
static int
read_type(const JsonbValue *name, StringInfo message)
{
	static const struct
	{
		const char *name;
		int kind;
		const char *phrase;
	} types[] = {{"null", KIND_NULL, "null"},         {"boolean", KIND_BOOLEAN, "a boolean"},
	             {"number", KIND_NUMBER, "a number"}, {"integer", KIND_INTEGER, "an integer"},
	             {"string", KIND_STRING, "a string"}, {"array", KIND_ARRAY, "an array"},
	             {"object", KIND_OBJECT, "an object"}};
	char *text = json_string(name);

	for (int i = 0; i < lengthof(types); i++)
	{
		if (strcmp(types[i].name, text) != 0)
			continue;
		appendStringInfo(message, "%s%s", message->len == 0 ? "must be " : " or ", types[i].phrase);
		return types[i].kind;
	}
	return 0;
}

static void
build_type(Schema *schema, const JsonbValue *source)
{
	JsonbValue value;
	JsonWalk walk;
	StringInfoData message;
	int types = 0;

	if (!schema_keyword(source, "type", &value))
		return;
	initStringInfo(&message);
	if (value.type == jbvString)
		types = read_type(&value, &message);
	else
	{
		json_walk_begin(&walk, &value);
		while (json_walk_next(&walk))
			types |= read_type(&walk.value, &message);
	}
	add_rule(schema, "type", KIND_ANY, check_type, pstrdup(message.data))->u.types = types;
	pfree(message.data);
}

/* Adds a value to a list of allowed ones; false when the list has become long enough. */
static bool
list_value(StringInfo list, const char *separator, const JsonbValue *value)
{
	JsonbValue copy = *value;
	Jsonb *json = JsonbValueToJsonb(&copy);
	char *text = JsonbToCString(NULL, &json->root, (int) VARSIZE(json));

	if (list->len + strlen(text) > LONGEST_LIST)
	{
		appendStringInfo(list, "%s...", separator);
		return false;
	}
	appendStringInfo(list, "%s%s", separator, text);
	return true;
}

/* enum and const, which is one of one. */
static void
build_values(Compiler *compiler, Schema *schema, const JsonbValue *source)
{
	JsonbValue value;
	JsonWalk walk;
	StringInfoData message;
	bool room = true;

	if (schema_keyword(source, "const", &value))
	{
		initStringInfo(&message);
		(void) list_value(&message, "must be ", &value);
		add_rule(schema, "const", KIND_ANY, check_values, message.data)->u.values =
		    json_set_of(&value);
	}
	if (schema_keyword(source, "enum", &value))
	{
		initStringInfo(&message);
		json_walk_begin(&walk, &value);
		while (room && json_walk_next(&walk))
			room = list_value(&message, message.len == 0 ? "must be one of " : ", ", &walk.value);
		if (message.len == 0)
			appendStringInfoString(&message, "must be one of no values");
		require_room(compiler, JSON_SET_ENTRY * json_count(&value));
		add_rule(schema, "enum", KIND_ANY, check_values, message.data)->u.values =
		    json_set_make(&value);
	}
}

static void
free_regex(void *pattern)
{
	pg_regfree(&((Pattern *) pattern)->regex);
}

/* A compiled pattern, whose memory in the regular expression engine goes with this context. */
static Pattern *
compile_pattern(Compiler *compiler, const char *text, int length)
{
	Pattern *pattern = palloc0(sizeof(Pattern));
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));
	char *fault = ecma_regex_compile(text, length, &pattern->regex);

	if (fault != NULL)
		raise_error(EDURANGE_PATTERN_UNSUPPORTED, "pattern \"%.*s\" cannot be used: %s", length,
		            text, fault);
	callback->func = free_regex;
	callback->arg = pattern;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	count_pattern(compiler, &pattern->regex);
	return pattern;
}

static void
build_strings(Compiler *compiler, Schema *schema, const JsonbValue *source)
{
	JsonbValue value;
	FormatTest format;

	if (schema_keyword(source, "pattern", &value))
		add_rule(schema, "pattern", KIND_STRING, check_pattern,
		         psprintf("must match the pattern %s",
		                  json_excerpt(value.val.string.val, value.val.string.len)))
		    ->u.pattern = compile_pattern(compiler, value.val.string.val, value.val.string.len);
	if (schema_keyword(source, "format", &value))
	{
		format = json_format_find(json_string(&value));
		if (format != NULL)
			add_rule(schema, "format", KIND_STRING, check_format,
			         psprintf("must have the format \"%s\"", json_string(&value)))
			    ->u.format = format;
	}
}

/* The schema that a keyword has, or NULL. */
static Schema *
keyword_schema(Compiler *compiler, const JsonbValue *source, const char *base, const char *name)
{
	JsonbValue value;

	return schema_keyword(source, name, &value) ? compile_schema(compiler, &value, base) : NULL;
}

/* A list of schemas. */
static SchemaList
compile_list(Compiler *compiler, const JsonbValue *array, const char *base)
{
	SchemaList list = {0};
	JsonWalk walk;

	require_room(compiler, sizeof(Schema *) * json_count(array));
	list.schemas = palloc(sizeof(Schema *) * Max(json_count(array), 1));
	json_walk_begin(&walk, array);
	while (json_walk_next(&walk))
		list.schemas[list.count++] = compile_schema(compiler, &walk.value, base);
	return list;
}

static void
build_arrays(Compiler *compiler, Schema *schema, const JsonbValue *source, const char *base)
{
	JsonbValue value;
	ArrayRule array = {0};
	Schema *inner;

	if (schema_keyword(source, "uniqueItems", &value) && value.val.boolean)
		add_rule(schema, "uniqueItems", KIND_ARRAY, check_unique, "must not have an element twice");
	inner = keyword_schema(compiler, source, base, "contains");
	if (inner != NULL)
		add_rule(schema, "contains", KIND_ARRAY, check_contains,
		         "must have an element as contains asks for")
		    ->u.schema = inner;
	if (!schema_keyword(source, "items", &value))
		return;
	if (json_kind(&value) == KIND_ARRAY)
	{
		array.first = compile_list(compiler, &value, base);
		array.rest = keyword_schema(compiler, source, base, "additionalItems");
		array.rest_keyword = "additionalItems";
	}
	else
	{
		array.rest = compile_schema(compiler, &value, base);
		array.rest_keyword = "items";
		(void) keyword_schema(compiler, source, base, "additionalItems");
	}
	add_rule(schema, "items", KIND_ARRAY, check_items, NULL)->u.array =
	    memcpy(palloc(sizeof(ArrayRule)), &array, sizeof(ArrayRule));
}

/* ---- rules of objects ---- */

/* An array of property names. */
static PropertyList
read_names(const Compiler *compiler, const JsonbValue *array)
{
	PropertyList list = {0};
	JsonWalk walk;

	require_room(compiler, sizeof(Property) * json_count(array));
	list.properties = palloc0(sizeof(Property) * Max(json_count(array), 1));
	json_walk_begin(&walk, array);
	while (json_walk_next(&walk))
	{
		list.properties[list.count].key = walk.value.val.string.val;
		list.properties[list.count++].length = walk.value.val.string.len;
	}
	return list;
}

/* The members of an object that are schemas, or lists of names; jsonb has them sorted. */
static PropertyList
read_properties(Compiler *compiler, const JsonbValue *object, const char *base)
{
	PropertyList list = {0};
	JsonWalk walk;

	require_room(compiler, sizeof(Property) * json_count(object));
	list.properties = palloc0(sizeof(Property) * Max(json_count(object), 1));
	json_walk_begin(&walk, object);
	while (json_walk_next(&walk))
	{
		Property *property = &list.properties[list.count++];
		PropertyList names;

		property->key = walk.key.val.string.val;
		property->length = walk.key.val.string.len;
		if (json_kind(&walk.value) != KIND_ARRAY)
			property->schema = compile_schema(compiler, &walk.value, base);
		else
		{
			names = read_names(compiler, &walk.value);
			property->wanted = names.properties;
			property->wanted_count = names.count;
		}
	}
	return list;
}

/* properties, patternProperties and additionalProperties */
static void
build_properties(Compiler *compiler, Schema *schema, const JsonbValue *source, const char *base)
{
	JsonbValue value;
	ObjectRule object = {0};
	JsonWalk walk;

	if (schema_keyword(source, "properties", &value))
		object.named = read_properties(compiler, &value, base);
	if (schema_keyword(source, "patternProperties", &value))
	{
		require_room(compiler, sizeof(Pattern *) * json_count(&value));
		object.patterns = palloc(sizeof(Pattern *) * Max(json_count(&value), 1));
		json_walk_begin(&walk, &value);
		while (json_walk_next(&walk))
		{
			Pattern *pattern =
			    compile_pattern(compiler, walk.key.val.string.val, walk.key.val.string.len);

			pattern->schema = compile_schema(compiler, &walk.value, base);
			object.patterns[object.pattern_count++] = pattern;
		}
	}
	object.others = keyword_schema(compiler, source, base, "additionalProperties");
	if (object.named.count > 0 || object.pattern_count > 0 || object.others != NULL)
		add_rule(schema, "properties", KIND_OBJECT, check_properties, NULL)->u.object =
		    memcpy(palloc(sizeof(ObjectRule)), &object, sizeof(ObjectRule));
}

static void
build_objects(Compiler *compiler, Schema *schema, const JsonbValue *source, const char *base)
{
	JsonbValue value;
	Schema *names;
	PropertyList dependencies;

	if (schema_keyword(source, "required", &value))
		add_rule(schema, "required", KIND_OBJECT, check_required, NULL)->u.properties =
		    read_names(compiler, &value);
	build_properties(compiler, schema, source, base);
	names = keyword_schema(compiler, source, base, "propertyNames");
	if (names != NULL)
		add_rule(schema, "propertyNames", KIND_OBJECT, check_names, NULL)->u.schema = names;
	if (schema_keyword(source, "dependencies", &value))
	{
		dependencies = read_properties(compiler, &value, base);
		add_rule(schema, "dependencies", KIND_OBJECT, check_dependencies, NULL)->u.properties =
		    dependencies;
	}
}

/* ---- rules made of schemas ---- */

static void
build_combinations(Compiler *compiler, Schema *schema, const JsonbValue *source, const char *base)
{
	static const struct
	{
		const char *keyword;
		RuleCheck check;
		const char *message;
	} lists[] = {{"allOf", check_all, NULL},
	             {"anyOf", check_any, "must match at least one of the schemas of anyOf"},
	             {"oneOf", check_one, "must match exactly one of the schemas of oneOf"}};
	JsonbValue value;
	SchemaList schemas;
	Schema *inner;
	ConditionRule condition;

	for (int i = 0; i < lengthof(lists); i++)
	{
		if (!schema_keyword(source, lists[i].keyword, &value))
			continue;
		schemas = compile_list(compiler, &value, base);
		add_rule(schema, lists[i].keyword, KIND_ANY, lists[i].check, lists[i].message)->u.schemas =
		    schemas;
	}
	inner = keyword_schema(compiler, source, base, "not");
	if (inner != NULL)
		add_rule(schema, "not", KIND_ANY, check_not, "must not match the schema of not")->u.schema =
		    inner;
	condition.condition = keyword_schema(compiler, source, base, "if");
	condition.then_schema = keyword_schema(compiler, source, base, "then");
	condition.else_schema = keyword_schema(compiler, source, base, "else");
	if (condition.condition != NULL)
		add_rule(schema, "if", KIND_ANY, check_condition, NULL)->u.condition =
		    memcpy(palloc(sizeof(ConditionRule)), &condition, sizeof(ConditionRule));
}

void
build_rules(Compiler *compiler, Schema *schema, const JsonbValue *source, const char *base)
{
	build_type(schema, source);
	build_values(compiler, schema, source);
	build_numbers(schema, source);
	build_counts(schema, source);
	build_strings(compiler, schema, source);
	build_objects(compiler, schema, source, base);
	build_arrays(compiler, schema, source, base);
	build_combinations(compiler, schema, source, base);
}
