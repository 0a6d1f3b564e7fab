/*
 * schema.c
 *	  JSON Schemas of what the routes answer, from the row types of the SQL interface.
 */
#include "describe/schema.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "describe/route_texts.h"

#define REFERENCE "#/components/schemas/"
#define NAME_LENGTH 128

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

		if (attribute->nullable)
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
add_shape(const char *name, json_t *components)
{
	for (const Shape *shape = shapes; shape->name != NULL; shape++)
	{
		if (strcmp(shape->name, name) != 0)
			continue;
		if (json_object_get(components, name) == NULL)
			json_object_set_new(components, name, schema_of_shape(shape->members, components));
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
	else if (!add_shape(name, components))
	{
		fprintf(stderr, "nothing says what the type %s is\n", name);
		exit(EXIT_FAILURE);
	}
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
	const char *name = statements[route->statement].name;

	for (const SqlFunction *function = sql_functions; function->name != NULL; function++)
	{
		if (name != NULL && strcmp(function->name, name) == 0)
			return function;
	}
	return NULL;
}

json_t *
schema_of_route(const Route *route, json_t *components)
{
	const SqlFunction *function = schema_function(route);
	json_t *schema;

	if (route_text(route)->answer != NULL)
		return schema_of_shape(route_text(route)->answer, components);
	if (function == NULL)
		return NULL;
	schema = schema_of_shape(function->returns, components);
	return statements[route->statement].list
	           ? json_pack("{s:s, s:o}", "type", "array", "items", schema)
	           : schema;
}
