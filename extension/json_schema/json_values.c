/*
 * json_values.c
 *	  Values in jsonb: their kinds, walking over them, equality and sets of them.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "json_schema/json_values.h"

typedef struct HashedValue
{
	uint64 hash;
	JsonbValue value;
} HashedValue;

struct JsonValueSet
{
	int count;
	HashedValue *values; /* sorted by hash */
};

void
json_walk_begin(JsonWalk *walk, const JsonbValue *container)
{
	Assert(container->type == jbvBinary);
	walk->iterator = JsonbIteratorInit(container->val.binary.data);
	(void) JsonbIteratorNext(&walk->iterator, &walk->value, true);
}

bool
json_walk_next(JsonWalk *walk)
{
	JsonbIteratorToken token = JsonbIteratorNext(&walk->iterator, &walk->value, true);

	if (token == WJB_KEY)
	{
		walk->key = walk->value;
		token = JsonbIteratorNext(&walk->iterator, &walk->value, true);
	}
	return token == WJB_ELEM || token == WJB_VALUE;
}

void
json_walk_end(JsonWalk *walk)
{
	if (walk->iterator != NULL)
		pfree(walk->iterator);
}

/* The document's outermost value. */
JsonbValue
json_root(Jsonb *document)
{
	JsonbValue value;

	if (!JsonbExtractScalar(&document->root, &value))
		JsonbToJsonbValue(document, &value);
	return value;
}

int
json_kind(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			return KIND_NULL;
		case jbvBool:
			return KIND_BOOLEAN;
		case jbvNumeric:
			return KIND_NUMBER;
		case jbvString:
			return KIND_STRING;
		default:
			Assert(value->type == jbvBinary);
			return JsonContainerIsArray(value->val.binary.data) ? KIND_ARRAY : KIND_OBJECT;
	}
}

/* How many elements or members there are. */
int
json_count(const JsonbValue *container)
{
	return (int) JsonContainerSize(container->val.binary.data);
}

bool
json_value_member(const JsonbValue *object, const char *key, int length, JsonbValue *member)
{
	if (object->type != jbvBinary || !JsonContainerIsObject(object->val.binary.data))
		return false;
	return getKeyJsonValueFromContainer(object->val.binary.data, key, length, member) != NULL;
}

char *
json_string(const JsonbValue *value)
{
	if (value->type != jbvString)
		return pstrdup("");
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* Has the number no fraction, however it is written? */
bool
json_is_integer(const JsonbValue *number)
{
	Datum value = NumericGetDatum(number->val.numeric);
	Datum whole = DirectFunctionCall2(numeric_trunc, value, Int32GetDatum(0));
	bool is_integer = DatumGetBool(DirectFunctionCall2(numeric_eq, value, whole));

	pfree(DatumGetPointer(whole));
	return is_integer;
}

bool
json_equal(const JsonbValue *a, const JsonbValue *b)
{
	if (json_kind(a) != json_kind(b))
		return false;
	switch (a->type)
	{
		case jbvNull:
			return true;
		case jbvBool:
			return a->val.boolean == b->val.boolean;
		case jbvNumeric:
			return DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(a->val.numeric),
			                                        NumericGetDatum(b->val.numeric)));
		case jbvString:
			return a->val.string.len == b->val.string.len &&
			       memcmp(a->val.string.val, b->val.string.val, a->val.string.len) == 0;
		default:
			CHECK_FOR_INTERRUPTS();
			return compareJsonbContainers(a->val.binary.data, b->val.binary.data) == 0;
	}
}

/* A hash that equal values share. */
static uint64
hash_value(const JsonbValue *value)
{
	uint64 hash = (uint64) json_kind(value);
	JsonWalk walk;

	check_stack_depth();
	if (value->type != jbvBinary)
	{
		JsonbHashScalarValueExtended(value, &hash, 0);
		return hash;
	}
	json_walk_begin(&walk, value);
	while (json_walk_next(&walk))
	{
		if (json_kind(value) == KIND_OBJECT)
			JsonbHashScalarValueExtended(&walk.key, &hash, 0);
		hash = hash_combine64(hash, hash_value(&walk.value));
	}
	return hash;
}

static int
compare_hashes(const void *a, const void *b)
{
	uint64 first = ((const HashedValue *) a)->hash;
	uint64 second = ((const HashedValue *) b)->hash;

	return first < second ? -1 : first > second;
}

/* The elements of an array as a set. */
JsonValueSet *
json_set_make(const JsonbValue *array)
{
	JsonValueSet *set = palloc(sizeof(JsonValueSet));
	JsonWalk walk;

	set->count = 0;
	set->values = MemoryContextAllocHuge(CurrentMemoryContext,
	                                     sizeof(HashedValue) * Max(json_count(array), 1));
	json_walk_begin(&walk, array);
	while (json_walk_next(&walk))
	{
		CHECK_FOR_INTERRUPTS();
		set->values[set->count].hash = hash_value(&walk.value);
		set->values[set->count++].value = walk.value;
	}
	qsort(set->values, set->count, sizeof(HashedValue), compare_hashes);
	return set;
}

/* The value alone as a set. */
JsonValueSet *
json_set_of(const JsonbValue *value)
{
	JsonValueSet *set = palloc(sizeof(JsonValueSet));

	set->count = 1;
	set->values = palloc(sizeof(HashedValue));
	set->values[0].hash = hash_value(value);
	set->values[0].value = *value;
	return set;
}

void
json_set_free(JsonValueSet *set)
{
	pfree(set->values);
	pfree(set);
}

bool
json_set_has(const JsonValueSet *set, const JsonbValue *value)
{
	uint64 hash = hash_value(value);
	int low = 0;
	int high = set->count;

	while (low < high)
	{
		int middle = low + (high - low) / 2;

		if (set->values[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < set->count && set->values[low].hash == hash; low++)
		if (json_equal(&set->values[low].value, value))
			return true;
	return false;
}

/* Are no two of the values equal? */
bool
json_set_is_unique(const JsonValueSet *set)
{
	for (int i = 0; i < set->count; i++)
		for (int j = i + 1; j < set->count && set->values[j].hash == set->values[i].hash; j++)
		{
			CHECK_FOR_INTERRUPTS();
			if (json_equal(&set->values[i].value, &set->values[j].value))
				return false;
		}
	return true;
}
