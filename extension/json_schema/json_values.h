/*
 * json_values.h
 *	  Values in jsonb: their kinds, walking over them, equality and sets of them.
 */
#ifndef EDURANGE_JSON_VALUES_H
#define EDURANGE_JSON_VALUES_H

#include "postgres.h"

#include "utils/jsonb.h"

/* Kinds of values, as bits; every integer is a number, too. */
#define KIND_NULL 0x01
#define KIND_BOOLEAN 0x02
#define KIND_NUMBER 0x04
#define KIND_STRING 0x08
#define KIND_ARRAY 0x10
#define KIND_OBJECT 0x20
#define KIND_INTEGER 0x40
#define KIND_ANY 0x3F

/* Goes over the elements of an array or the members of an object. */
typedef struct JsonWalk
{
	JsonbIterator *iterator;
	JsonbValue key; /* of an object's member */
	JsonbValue value;
} JsonWalk;

extern void json_walk_begin(JsonWalk *walk, const JsonbValue *container);
extern bool json_walk_next(JsonWalk *walk);
extern void json_walk_end(JsonWalk *walk); /* only when it is left before its end */

extern JsonbValue json_root(Jsonb *document);
extern int json_kind(const JsonbValue *value);
extern int json_count(const JsonbValue *container);
/* The member of an object; false: there is none. */
extern bool
json_value_member(const JsonbValue *object, const char *key, int length, JsonbValue *member);
/* The value as text with its string, or "" where it is none. */
extern char *json_string(const JsonbValue *value);
extern bool json_is_integer(const JsonbValue *number);

/* Equality as JSON Schema has it: 1 and 1.0 are equal, the order of members does not matter. */
extern bool json_equal(const JsonbValue *a, const JsonbValue *b);

/* A set of values that finds its members by hash; they stay where they are, and must stay there as long as it. */
#define JSON_SET_ENTRY sizeof(uint64)
typedef struct JsonValueSet JsonValueSet;
extern JsonValueSet *json_set_make(const JsonbValue *array);
extern JsonValueSet *json_set_of(const JsonbValue *value);
extern void json_set_free(JsonValueSet *set);
extern bool json_set_has(const JsonValueSet *set, const JsonbValue *value);
extern bool json_set_is_unique(const JsonValueSet *set);

#endif
