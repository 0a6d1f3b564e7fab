/*
 * schema.c
 *	  JSON Schemas of what the routes answer, from the row types of the SQL interface.
 */
#include "describe/schema.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFERENCE "#/components/schemas/"
#define NAME_LENGTH 128

/* Attributes that can be null, of every row type or of one; SQL's row types do not say. */
static const char *const nullable[] = {
    "description",
    "endDate",
    "expiresAt",
    "maxUses",
    "sourceId",
    "actor",
    "reason",
    "answer",
    "title",
    "format",
    "hint",
    "cdf_question_id",
    "cdf_payload",
    "additional_config",
    "pack_id",
    "pack_name",
    "pack_version",
    "author",
    "license",
    "website",
    "pack_challenge_id",
    "cdf_version",
    "nextCursor",
    "flag",
    "flagSecretName",
    "groupChallengeId",
    "email",
    "pack_challenge.difficulty",
    "pack_change.path",
    "pack_change.questions",
    "pack_change.app_configs",
    "leaderboard_entry.name",
    "leaderboard_entry.reachedAt",
    "instance_user.name",
    "attempt_result.completion",
    "attempt_result.points",
    "attempt_result.attemptLimit",
    "attempt_result.attemptsRemaining",
    "attempt_result.resetTime",
    "completion_result.points",
    "health_performance.query_latency_ms",
    "health_performance.transaction_latency_ms",
    "sync_report.lastAttempt",
    "sync_report.lastSuccess",
    "sync_report.lagSeconds",
    "sync_report.lastError",
    "sync_report.podsSeen",
    "health_report.sync",
};

/* Not of every row type, although another has a nullable one of this name. */
static const char *const never_null[] = {
    "question_completion.groupChallengeId",
    "challenge_completion.groupChallengeId",
    "challenge_progress.groupChallengeId",
    "app_config.title",
};

/* Types of SQL as JSON Schema has them. */
static const struct
{
	const char *sql;
	const char *schema;
} base_types[] = {
    {"text", "{\"type\":\"string\"}"},
    {"integer", "{\"type\":\"integer\",\"minimum\":-2147483648,\"maximum\":2147483647}"},
    {"bigint", "{\"type\":\"integer\"}"},
    {"numeric", "{\"type\":\"number\"}"},
    {"double precision", "{\"type\":\"number\"}"},
    {"boolean", "{\"type\":\"boolean\"}"},
    {"timestamptz", "{\"type\":\"string\",\"format\":\"date-time\",\"pattern\":"
                    "\"^[0-9]{4,}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\\\.[0-9]{3}Z$\"}"},
    {"jsonb", "{}"},
    {"json", "{}"},
};

/* Objects that the shim itself makes. */
static const struct
{
	const char *name;
	const char *shape;
} shim_types[] = {
    {"connection_info", "last_connected:timestamptz? reconnect_attempts:integer last_error:text?"},
};

/* What an example says where the name says more than the type. */
static const struct
{
	const char *name;
	const char *value;
} example_values[] = {
    {"userId", "sample-ada"},
    {"createdBy", "sample-ines"},
    {"challengeId", "terminal-tour"},
    {"challenge_id", "terminal-tour"},
    {"pack_id", "first-steps"},
    {"difficulty", "EASY"},
    {"version", "1.0.0"},
    {"role", "STUDENT"},
    {"status", "ACTIVE"},
    {"code", "SPRING-25"},
};

static const SqlType *
find_type(const char *name)
{
	for (const SqlType *type = sql_types; type->name != NULL; type++)
	{
		if (strcmp(type->name, name) == 0)
			return type;
	}
	return NULL;
}

static bool
is_listed(const char *const *list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
	{
		if (strcmp(list[i], name) == 0)
			return true;
	}
	return false;
}

/* Can this attribute of a row type be null? */
static bool
is_nullable(const char *type, const char *attribute)
{
	char full[NAME_LENGTH];

	snprintf(full, sizeof(full), "%s.%s", type, attribute);
	if (is_listed(never_null, sizeof(never_null) / sizeof(never_null[0]), full))
		return false;
	return is_listed(nullable, sizeof(nullable) / sizeof(nullable[0]), full) ||
	       is_listed(nullable, sizeof(nullable) / sizeof(nullable[0]), attribute);
}

/* The same schema, with null. */
static json_t *
or_null(json_t *schema)
{
	json_t *type = json_object_get(schema, "type");

	if (json_is_string(type))
	{
		json_object_set_new(schema, "type", json_pack("[s,s]", json_string_value(type), "null"));
		return schema;
	}
	if (json_object_size(schema) == 0) /* anything at all */
		return schema;
	return json_pack("{s:[o,{s:s}]}", "anyOf", schema, "type", "null");
}

static json_t *schema_of_type(const char *name, json_t *components);

/* An object without members. */
static json_t *
empty_object(void)
{
	return json_pack("{s:s, s:{}, s:[], s:b}", "type", "object", "properties", "required",
	                 "additionalProperties", 0);
}

/* Adds all attributes of a row type to the schema of an object. */
static void
add_attributes(const SqlType *type, json_t *schema, json_t *components)
{
	for (const SqlAttribute *attribute = type->attributes; attribute->name != NULL; attribute++)
	{
		json_t *value = schema_of_type(attribute->type, components);

		if (is_nullable(type->name, attribute->name))
			value = or_null(value);
		json_object_set_new(json_object_get(schema, "properties"), attribute->name, value);
		json_array_append_new(json_object_get(schema, "required"), json_string(attribute->name));
	}
}

/* Adds the schema of a row type to the components, unless it is there. */
static void
add_component(const SqlType *type, json_t *components)
{
	json_t *schema;

	if (json_object_get(components, type->name) != NULL)
		return;
	schema = empty_object();
	json_object_set_new(components, type->name, schema);
	add_attributes(type, schema, components);
}

/* Adds the schema of one of the shim's own objects to the components, unless it is there. */
static bool
add_shim_type(const char *name, json_t *components)
{
	for (size_t i = 0; i < sizeof(shim_types) / sizeof(shim_types[0]); i++)
	{
		if (strcmp(shim_types[i].name, name) != 0)
			continue;
		if (json_object_get(components, name) == NULL)
			json_object_set_new(components, name, schema_of_shape(shim_types[i].shape, components));
		return true;
	}
	return false;
}

/* The schema of a type of SQL, a row type, or a list. */
static json_t *
schema_of_type(const char *name, json_t *components)
{
	size_t length = strlen(name);
	char inner[NAME_LENGTH];
	const SqlType *type;

	if (length > 2 && strcmp(name + length - 2, "[]") == 0)
	{
		snprintf(inner, sizeof(inner), "%.*s", (int) length - 2, name);
		return json_pack("{s:s, s:o}", "type", "array", "items", schema_of_type(inner, components));
	}
	for (size_t i = 0; i < sizeof(base_types) / sizeof(base_types[0]); i++)
	{
		if (strcmp(base_types[i].sql, name) == 0)
			return json_loads(base_types[i].schema, 0, NULL);
	}
	type = find_type(name);
	if (type != NULL)
		add_component(type, components);
	else if (!add_shim_type(name, components))
		return NULL;
	snprintf(inner, sizeof(inner), REFERENCE "%s", name);
	return json_pack("{s:s}", "$ref", inner);
}

/* Adds one member of a shape: `name:type`, `name?:type`, `name:type?`, or all of a type: `+type`. */
static void
add_member(const char *member, size_t length, json_t *schema, json_t *components)
{
	const char *colon = memchr(member, ':', length);
	size_t name_length = colon != NULL ? (size_t) (colon - member) : 0;
	size_t type_length = length - name_length - 1;
	bool optional = name_length > 0 && member[name_length - 1] == '?';
	bool null = colon != NULL && colon[type_length] == '?';
	char name[NAME_LENGTH];
	char type[NAME_LENGTH];
	json_t *value;

	if (colon == NULL)
	{
		const SqlType *all;

		snprintf(type, sizeof(type), "%.*s", (int) length - 1, member + 1);
		all = find_type(type);
		if (all != NULL)
			add_attributes(all, schema, components);
		return;
	}
	snprintf(name, sizeof(name), "%.*s", (int) (name_length - optional), member);
	snprintf(type, sizeof(type), "%.*s", (int) (type_length - null), colon + 1);
	value = schema_of_type(type, components);
	json_object_set_new(json_object_get(schema, "properties"), name, null ? or_null(value) : value);
	if (!optional)
		json_array_append_new(json_object_get(schema, "required"), json_string(name));
}

json_t *
schema_of_shape(const char *shape, json_t *components)
{
	json_t *schema;

	if (strchr(shape, ':') == NULL)
		return schema_of_type(shape, components);
	schema = empty_object();
	for (const char *at = shape; *at != '\0'; at += strspn(at, " "))
	{
		size_t length = strcspn(at, " ");

		add_member(at, length, schema, components);
		at += length;
	}
	return schema;
}

const SqlFunction *
schema_function(const Route *route)
{
	static const char schema[] = "edurange.";
	static const char outcomes[] = "outcomes('"; /* names the function that it calls */
	const char *sql = statements[route->statement].sql;
	const char *at = sql;

	while (at != NULL && (at = strstr(at, schema)) != NULL)
	{
		size_t length;

		at += strlen(schema);
		if (strncmp(at, outcomes, strlen(outcomes)) == 0)
			at += strlen(outcomes);
		length = strcspn(at, "(:') ");
		for (const SqlFunction *function = sql_functions; function->name != NULL; function++)
		{
			if (strlen(function->name) == length && strncmp(function->name, at, length) == 0 &&
			    strcmp(function->name, "wire") != 0)
				return function;
		}
	}
	return NULL;
}

json_t *
schema_of_route(const Route *route, json_t *components)
{
	const SqlFunction *function = schema_function(route);
	const char *sql = statements[route->statement].sql;
	char shape[NAME_LENGTH];

	if (route->answer != NULL)
		return schema_of_shape(route->answer, components);
	if (function == NULL)
		return NULL;
	snprintf(shape, sizeof(shape), "%s%s", function->returns,
	         strstr(sql, "json_agg(") != NULL ? "[]" : "");
	return schema_of_shape(shape, components);
}

/* An example of an object: of each property one. */
static json_t *
example_object(const json_t *schema, const json_t *components)
{
	json_t *example = json_object();
	const char *name;
	json_t *property;

	json_object_foreach(json_object_get(schema, "properties"), name, property)
	{
		json_object_set_new(example, name, schema_example(property, name, components));
	}
	return example;
}

static json_t *
example_text(const json_t *schema, const char *name)
{
	size_t length = strlen(name);

	if (json_object_get(schema, "format") != NULL)
		return json_string("2025-03-01T10:00:00.123Z");
	for (size_t i = 0; i < sizeof(example_values) / sizeof(example_values[0]); i++)
	{
		if (strcmp(example_values[i].name, name) == 0)
			return json_string(example_values[i].value);
	}
	if (strcmp(name, "id") == 0 || (length > 2 && strcmp(name + length - 2, "Id") == 0) ||
	    (length > 3 && strcmp(name + length - 3, "_id") == 0))
		return json_string("01a20bde-3e86-700f-874a-115e93bd1ca5");
	return json_string("text");
}

json_t *
schema_example(const json_t *schema, const char *name, const json_t *components)
{
	const char *reference = json_string_value(json_object_get(schema, "$ref"));
	const json_t *any = json_object_get(schema, "anyOf");
	const json_t *types = json_object_get(schema, "type");
	const char *type = json_string_value(json_is_array(types) ? json_array_get(types, 0) : types);

	if (reference != NULL)
		return schema_example(json_object_get(components, reference + strlen(REFERENCE)), name,
		                      components);
	if (any != NULL)
		return schema_example(json_array_get(any, 0), name, components);
	if (type == NULL || strcmp(type, "object") == 0)
		return example_object(schema, components);
	if (strcmp(type, "array") == 0)
		return json_pack("[o]", schema_example(json_object_get(schema, "items"), name, components));
	if (strcmp(type, "string") == 0)
		return example_text(schema, name);
	if (strcmp(type, "boolean") == 0)
		return json_true();
	return json_integer(10);
}
