/*
 * json_schema.c
 *	  Holding JSON documents against schemas of draft-07.
 *
 * A violation has the JSON pointer of the value that breaks a rule, the keyword of the rule and a
 * message that speaks of the rule, never of the value: documents hold answers.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "base/json_text.h"
#include "base/refusal.h"
#include "json_schema/json_schema.h"

/*
 * How often a value may be held against a schema.  Schemas that refer to each other can ask the same of a value
 * again and again, twice as often with each further one.  A document of 20,000 values needs some million.
 */
#define MOST_STEPS 20000000

/* A $ref that is being followed at a value; a second time at the same value has no end. */
typedef struct Frame
{
	const Schema *schema;
	const JsonbValue *value;
	const struct Frame *previous;
} Frame;

struct Evaluation
{
	bool formats;
	bool quiet; /* only whether it is valid matters, not where it is not */
	int steps;
	const Frame *frames;
	MemoryContext scratch; /* of one check of a format */
	StringInfoData path;   /* JSON pointer of the value at hand; not kept up when quiet */
	ViolationReport report;
	void *report_context;
};

static bool evaluate(Evaluation *evaluation, const Schema *schema, const JsonbValue *value,
                     const char *keyword);

/* Reports a violation and returns false. */
static bool
violated(Evaluation *evaluation, const char *keyword, const char *message)
{
	if (!evaluation->quiet)
		evaluation->report(evaluation->report_context, evaluation->path.data, keyword, message);
	return false;
}

/* The rule holds, or is reported as broken at the value at hand. */
static bool
holds(Evaluation *evaluation, const Rule *rule, bool valid)
{
	return valid || violated(evaluation, rule->keyword, rule->message);
}

/* Is the value valid?  Reports nothing. */
static bool
matches(Evaluation *evaluation, const Schema *schema, const JsonbValue *value)
{
	bool quiet = evaluation->quiet;
	bool valid;

	evaluation->quiet = true;
	valid = evaluate(evaluation, schema, value, "");
	evaluation->quiet = quiet;
	return valid;
}

/* Goes on to look for violations after the first? */
static bool
goes_on(const Evaluation *evaluation, bool valid)
{
	return valid || !evaluation->quiet;
}

/* Evaluates a member of the object at hand. */
static bool
evaluate_member(Evaluation *evaluation, const Schema *schema, const JsonWalk *walk,
                const char *keyword)
{
	int length = evaluation->path.len;
	bool valid;

	if (!evaluation->quiet)
		json_pointer_key(&evaluation->path, walk->key.val.string.val, walk->key.val.string.len);
	valid = evaluate(evaluation, schema, &walk->value, keyword);
	evaluation->path.len = length;
	evaluation->path.data[length] = '\0';
	return valid;
}

/* Evaluates an element of the array at hand. */
static bool
evaluate_element(Evaluation *evaluation, const Schema *schema, const JsonbValue *element,
                 int position, const char *keyword)
{
	int length = evaluation->path.len;
	bool valid;

	if (!evaluation->quiet)
		json_pointer_place(&evaluation->path, position);
	valid = evaluate(evaluation, schema, element, keyword);
	evaluation->path.len = length;
	evaluation->path.data[length] = '\0';
	return valid;
}

/* ---- any value ---- */

bool
check_type(Evaluation *evaluation, const Rule *rule, const JsonbValue *value)
{
	int kind = json_kind(value);

	return holds(
	    evaluation, rule,
	    (rule->u.types & kind) != 0 ||
	        (kind == KIND_NUMBER && (rule->u.types & KIND_INTEGER) != 0 && json_is_integer(value)));
}

/* enum and const */
bool
check_values(Evaluation *evaluation, const Rule *rule, const JsonbValue *value)
{
	return holds(evaluation, rule, json_set_has(rule->u.values, value));
}

bool
check_all(Evaluation *evaluation, const Rule *rule, const JsonbValue *value)
{
	bool valid = true;

	for (int i = 0; i < rule->u.schemas.count && goes_on(evaluation, valid); i++)
		valid &= evaluate(evaluation, rule->u.schemas.schemas[i], value, rule->keyword);
	return valid;
}

bool
check_any(Evaluation *evaluation, const Rule *rule, const JsonbValue *value)
{
	for (int i = 0; i < rule->u.schemas.count; i++)
		if (matches(evaluation, rule->u.schemas.schemas[i], value))
			return true;
	return holds(evaluation, rule, false);
}

bool
check_one(Evaluation *evaluation, const Rule *rule, const JsonbValue *value)
{
	int count = 0;

	for (int i = 0; i < rule->u.schemas.count && count < 2; i++)
		count += matches(evaluation, rule->u.schemas.schemas[i], value);
	return holds(evaluation, rule, count == 1);
}

bool
check_not(Evaluation *evaluation, const Rule *rule, const JsonbValue *value)
{
	return holds(evaluation, rule, !matches(evaluation, rule->u.schema, value));
}

/* if, then and else */
bool
check_condition(Evaluation *evaluation, const Rule *rule, const JsonbValue *value)
{
	const ConditionRule *condition = rule->u.condition;
	bool met = matches(evaluation, condition->condition, value);
	const Schema *schema = met ? condition->then_schema : condition->else_schema;

	return schema == NULL || evaluate(evaluation, schema, value, met ? "then" : "else");
}

/* ---- numbers ---- */

/* Compares the value with the rule's number: negative, 0 or positive. */
static int
compare_number(const Rule *rule, const JsonbValue *value)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(value->val.numeric),
	                                         NumericGetDatum(rule->u.number)));
}

bool
check_minimum(Evaluation *evaluation, const Rule *rule, const JsonbValue *value)
{
	return holds(evaluation, rule, compare_number(rule, value) >= 0);
}

bool
check_above(Evaluation *evaluation, const Rule *rule, const JsonbValue *value)
{
	return holds(evaluation, rule, compare_number(rule, value) > 0);
}

bool
check_maximum(Evaluation *evaluation, const Rule *rule, const JsonbValue *value)
{
	return holds(evaluation, rule, compare_number(rule, value) <= 0);
}

bool
check_below(Evaluation *evaluation, const Rule *rule, const JsonbValue *value)
{
	return holds(evaluation, rule, compare_number(rule, value) < 0);
}

bool
check_multiple(Evaluation *evaluation, const Rule *rule, const JsonbValue *value)
{
	Datum rest = DirectFunctionCall2(numeric_mod, NumericGetDatum(value->val.numeric),
	                                 NumericGetDatum(rule->u.number));
	Datum sign = DirectFunctionCall1(numeric_sign, rest);
	bool is_multiple = DatumGetInt32(DirectFunctionCall1(numeric_int4, sign)) == 0;

	pfree(DatumGetPointer(rest));
	pfree(DatumGetPointer(sign));
	return holds(evaluation, rule, is_multiple);
}

/* ---- lengths and counts ---- */

/* The length of a string in characters, or how many elements or members there are. */
static int64
measure(const JsonbValue *value)
{
	if (value->type == jbvString)
		return pg_mbstrlen_with_len(value->val.string.val, value->val.string.len);
	return json_count(value);
}

bool
check_least(Evaluation *evaluation, const Rule *rule, const JsonbValue *value)
{
	return holds(evaluation, rule, measure(value) >= rule->u.count);
}

bool
check_most(Evaluation *evaluation, const Rule *rule, const JsonbValue *value)
{
	return holds(evaluation, rule, measure(value) <= rule->u.count);
}

/* ---- strings ---- */

bool
check_pattern(Evaluation *evaluation, const Rule *rule, const JsonbValue *value)
{
	return holds(
	    evaluation, rule,
	    ecma_regex_matches(&rule->u.pattern->regex, value->val.string.val, value->val.string.len));
}

bool
check_format(Evaluation *evaluation, const Rule *rule, const JsonbValue *value)
{
	MemoryContext caller;
	bool valid;

	if (!evaluation->formats)
		return true;
	caller = MemoryContextSwitchTo(evaluation->scratch);
	valid = rule->u.format(json_string(value));
	MemoryContextSwitchTo(caller);
	MemoryContextReset(evaluation->scratch);
	return holds(evaluation, rule, valid);
}

/* ---- arrays ---- */

bool
check_unique(Evaluation *evaluation, const Rule *rule, const JsonbValue *value)
{
	JsonValueSet *set;
	bool unique;

	if (json_count(value) < 2)
		return true;
	set = json_set_make(value);
	unique = json_set_is_unique(set);
	json_set_free(set);
	return holds(evaluation, rule, unique);
}

bool
check_contains(Evaluation *evaluation, const Rule *rule, const JsonbValue *value)
{
	JsonWalk walk;
	bool found = false;

	json_walk_begin(&walk, value);
	while (!found && json_walk_next(&walk))
		found = matches(evaluation, rule->u.schema, &walk.value);
	json_walk_end(&walk);
	return holds(evaluation, rule, found);
}

/* items and additionalItems */
bool
check_items(Evaluation *evaluation, const Rule *rule, const JsonbValue *value)
{
	const ArrayRule *array = rule->u.array;
	bool valid = true;
	JsonWalk walk;
	int position = 0;

	json_walk_begin(&walk, value);
	while (goes_on(evaluation, valid) && json_walk_next(&walk))
	{
		bool first = position < array->first.count;
		const Schema *schema = first ? array->first.schemas[position] : array->rest;

		if (schema == NULL)
			break;
		valid &= evaluate_element(evaluation, schema, &walk.value, position++,
		                          first ? "items" : array->rest_keyword);
	}
	json_walk_end(&walk);
	return valid;
}

/* ---- objects ---- */

const Property *
property_find(const PropertyList *list, const char *key, int length)
{
	int low = 0;
	int high = list->count;

	while (low < high)
	{
		int middle = low + (high - low) / 2;
		const Property *property = &list->properties[middle];
		int order = length - property->length;

		if (order == 0)
			order = memcmp(key, property->key, length);
		if (order == 0)
			return property;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* Reports that the object has no such property. */
static void
report_missing(Evaluation *evaluation, const Rule *rule, const Property *wanted)
{
	char *key = json_excerpt(wanted->key, wanted->length);
	char *message = psprintf("must have the property \"%s\"", key);

	(void) violated(evaluation, rule->keyword, message);
	pfree(message);
	pfree(key);
}

/* Has the object all the properties? */
static bool
has_properties(Evaluation *evaluation, const Rule *rule, const JsonbValue *value,
               const Property *wanted, int count)
{
	bool valid = true;
	JsonbValue member;

	for (int i = 0; i < count && goes_on(evaluation, valid); i++)
	{
		if (json_value_member(value, wanted[i].key, wanted[i].length, &member))
			continue;
		valid = false;
		if (!evaluation->quiet)
			report_missing(evaluation, rule, &wanted[i]);
	}
	return valid;
}

bool
check_required(Evaluation *evaluation, const Rule *rule, const JsonbValue *value)
{
	return has_properties(evaluation, rule, value, rule->u.properties.properties,
	                      rule->u.properties.count);
}

/* properties, patternProperties and additionalProperties */
bool
check_properties(Evaluation *evaluation, const Rule *rule, const JsonbValue *value)
{
	const ObjectRule *object = rule->u.object;
	bool valid = true;
	JsonWalk walk;

	json_walk_begin(&walk, value);
	while (goes_on(evaluation, valid) && json_walk_next(&walk))
	{
		const char *key = walk.key.val.string.val;
		int length = walk.key.val.string.len;
		const Property *named = property_find(&object->named, key, length);
		bool known = named != NULL;

		if (known)
			valid &= evaluate_member(evaluation, named->schema, &walk, "properties");
		for (int i = 0; i < object->pattern_count; i++)
		{
			if (!ecma_regex_matches(&object->patterns[i]->regex, key, length))
				continue;
			known = true;
			valid &= evaluate_member(evaluation, object->patterns[i]->schema, &walk,
			                         "patternProperties");
		}
		if (!known && object->others != NULL)
			valid &= evaluate_member(evaluation, object->others, &walk, "additionalProperties");
	}
	json_walk_end(&walk);
	return valid;
}

bool
check_names(Evaluation *evaluation, const Rule *rule, const JsonbValue *value)
{
	bool valid = true;
	JsonWalk walk;

	json_walk_begin(&walk, value);
	while (goes_on(evaluation, valid) && json_walk_next(&walk))
	{
		JsonWalk name = {.key = walk.key, .value = walk.key};

		valid &= evaluate_member(evaluation, rule->u.schema, &name, rule->keyword);
	}
	json_walk_end(&walk);
	return valid;
}

bool
check_dependencies(Evaluation *evaluation, const Rule *rule, const JsonbValue *value)
{
	bool valid = true;
	JsonbValue member;

	for (int i = 0; i < rule->u.properties.count && goes_on(evaluation, valid); i++)
	{
		const Property *dependency = &rule->u.properties.properties[i];

		if (!json_value_member(value, dependency->key, dependency->length, &member))
			continue;
		if (dependency->schema != NULL)
			valid &= evaluate(evaluation, dependency->schema, value, rule->keyword);
		else
			valid &= has_properties(evaluation, rule, value, dependency->wanted,
			                        dependency->wanted_count);
	}
	return valid;
}

/* ---- schemas ---- */

/* Follows a $ref. */
static bool
follow(Evaluation *evaluation, const Schema *schema, const JsonbValue *value, const char *keyword)
{
	Frame frame = {schema, value, evaluation->frames};
	bool valid;

	for (const Frame *f = evaluation->frames; f != NULL && f->value == value; f = f->previous)
		if (f->schema == schema)
			raise_error(EDURANGE_SCHEMA_INVALID, "schema refers to itself without end by \"%s\"",
			            schema->ref);
	evaluation->frames = &frame;
	valid = evaluate(evaluation, schema->target, value, keyword);
	evaluation->frames = frame.previous;
	return valid;
}

/* Holds a value against a schema, to which the keyword led. */
static bool
evaluate(Evaluation *evaluation, const Schema *schema, const JsonbValue *value, const char *keyword)
{
	int kind = json_kind(value);
	bool valid = true;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (++evaluation->steps > MOST_STEPS)
		raise_error(EDURANGE_SCHEMA_INVALID,
		            "schema needs more than %d steps to hold a document against it", MOST_STEPS);
	if (schema->never)
		return violated(evaluation, keyword, "must not be there");
	if (schema->target != NULL)
		return follow(evaluation, schema, value, keyword);
	for (int i = 0; i < schema->rule_count && goes_on(evaluation, valid); i++)
	{
		const Rule *rule = &schema->rules[i];

		if ((rule->kinds & kind) != 0)
			valid &= rule->check(evaluation, rule, value);
	}
	return valid;
}

bool
json_schema_check(const JsonSchema *schema, Jsonb *document, bool formats, ViolationReport report,
                  void *context)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "edurange schema evaluation",
	                                           ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	Evaluation evaluation = {
	    .formats = formats, .quiet = report == NULL, .report = report, .report_context = context};
	JsonbValue root = json_root(document);
	bool valid;

	evaluation.scratch =
	    AllocSetContextCreate(work, "edurange schema format", ALLOCSET_DEFAULT_SIZES);
	initStringInfo(&evaluation.path);
	valid = evaluate(&evaluation, schema->root, &root, "");
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	return valid;
}
