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

/* Of each value there is its hash and its place: a list of millions has them, and the values stay where they are. */
struct JsonValueSet
{
	int count;
	uint64 *entries;             /* sorted; the hash, with the place in the lower half */
	const JsonbContainer *array; /* NULL: the only value is this one */
	JsonbValue value;
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
hash_parts(const JsonbValue *value)
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
		hash = hash_combine64(hash, hash_parts(&walk.value));
	}
	return hash;
}

static uint32
hash_value(const JsonbValue *value)
{
	uint64 hash = hash_parts(value);

	return (uint32) (hash ^ (hash >> 32));
}

static uint64
make_entry(const JsonbValue *value, uint32 place)
{
	return (uint64) hash_value(value) << 32 | place;
}

static uint32
entry_hash(uint64 entry)
{
	return (uint32) (entry >> 32);
}

static int
compare_entries(const void *a, const void *b)
{
	uint64 first = *(const uint64 *) a;
	uint64 second = *(const uint64 *) b;

	return first < second ? -1 : first > second;
}

/* The elements of an array as a set. */
JsonValueSet *
json_set_make(const JsonbValue *array)
{
	JsonValueSet *set = palloc0(sizeof(JsonValueSet));
	JsonWalk walk;

	set->array = array->val.binary.data;
	set->entries = palloc_extended(sizeof(uint64) * Max(json_count(array), 1), MCXT_ALLOC_HUGE);
	json_walk_begin(&walk, array);
	while (json_walk_next(&walk))
	{
		CHECK_FOR_INTERRUPTS();
		set->entries[set->count] = make_entry(&walk.value, (uint32) set->count);
		set->count++;
	}
	qsort(set->entries, set->count, sizeof(uint64), compare_entries);
	return set;
}

/* The value alone as a set. */
JsonValueSet *
json_set_of(const JsonbValue *value)
{
	JsonValueSet *set = palloc0(sizeof(JsonValueSet));

	set->count = 1;
	set->entries = palloc(sizeof(uint64));
	set->entries[0] = make_entry(value, 0);
	set->value = *value;
	return set;
}

void
json_set_free(JsonValueSet *set)
{
	pfree(set->entries);
	pfree(set);
}

/* Is the value of an entry equal to this one? */
static bool
entry_equals(const JsonValueSet *set, uint64 entry, const JsonbValue *value)
{
	JsonbValue *element;
	bool equal;

	if (set->array == NULL)
		return json_equal(&set->value, value);
	element =
	    getIthJsonbValueFromContainer(unconstify(JsonbContainer *, set->array), (uint32) entry);
	equal = json_equal(element, value);
	pfree(element);
	return equal;
}

bool
json_set_has(const JsonValueSet *set, const JsonbValue *value)
{
	uint32 hash = hash_value(value);
	int low = 0;
	int high = set->count;

	while (low < high)
	{
		int middle = low + (high - low) / 2;

		if (entry_hash(set->entries[middle]) < hash)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < set->count && entry_hash(set->entries[low]) == hash; low++)
	{
		CHECK_FOR_INTERRUPTS();
		if (entry_equals(set, set->entries[low], value))
			return true;
	}
	return false;
}

/* Is the value of the i-th entry equal to none behind it? */
static bool
is_the_last(const JsonValueSet *set, int i)
{
	uint32 hash = entry_hash(set->entries[i]);
	JsonbValue *element;
	bool found = false;

	if (i + 1 == set->count || entry_hash(set->entries[i + 1]) != hash)
		return true;
	element = getIthJsonbValueFromContainer(unconstify(JsonbContainer *, set->array),
	                                        (uint32) set->entries[i]);
	for (int j = i + 1; j < set->count && entry_hash(set->entries[j]) == hash && !found; j++)
	{
		CHECK_FOR_INTERRUPTS();
		found = entry_equals(set, set->entries[j], element);
	}
	pfree(element);
	return !found;
}

/* Are no two of the values equal? */
bool
json_set_is_unique(const JsonValueSet *set)
{
	bool unique = true;

	for (int i = 0; i < set->count && unique; i++)
		unique = is_the_last(set, i);
	return unique;
}
