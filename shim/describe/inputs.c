/*
 * inputs.c
 *	  What the OpenAPI document says of the parameters and the body of a route.
 */
#include "describe/inputs.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "api/unknown.h"
#include "describe/examples.h"
#include "describe/param_texts.h"

/* The schema of a parameter's value. */
static json_t *
parameter_schema(const Param *param)
{
	switch (param->type)
	{
		case TYPE_INTEGER:
			return json_pack("{s:s, s:i, s:i}", "type", "integer", "minimum", INT_MIN, "maximum",
			                 INT_MAX);
		case TYPE_BOOLEAN:
			return json_pack("{s:s}", "type", "boolean");
		case TYPE_TIMESTAMP:
			return json_pack("{s:s, s:s}", "type", "string", "format", "date-time");
		case TYPE_TEXT_LIST:
			return json_pack("{s:s, s:{s:s}}", "type", "array", "items", "type", "string");
		case TYPE_ANSWER:
			return json_pack("{s:[{s:s},{s:s},{s:s,s:{s:s}}]}", "anyOf", "type", "string", "type",
			                 "number", "type", "array", "items", "type", "string");
		case TYPE_DOCUMENT:
			return json_pack("{s:s}", "type", "object");
		case TYPE_JSON:
			return json_object();
		case TYPE_TABLE:
			return json_pack("{s:s}", "type", "string");
		default:
			return json_pack("{s:s, s:i}", "type", "string", "minLength", param->required ? 1 : 0);
	}
}

/* What there is to say of a parameter beside its type. */
static json_t *
parameter_description(const Route *route, const Param *param)
{
	char text[512];
	size_t used = 0;

#define SAY(...) (used += (size_t) snprintf(text + used, sizeof(text) - used, __VA_ARGS__))
	SAY("%s", param_text(route, param));
	if (param->alias != NULL)
		SAY(" Also spelled %s.", param->alias);
	if (param->bound == CALLER_USER)
		SAY(" Without it, the user that the token is bound to.");
	if (param->bound == CALLER_INSTANCE)
		SAY(" Without it, the instance that the token is bound to.");
	if (param->ignored)
		SAY(" Taken for compatibility and not used.");
#undef SAY
	return json_string(text + (text[0] == ' '));
}

/* Is the parameter one that a request must have, whatever its token? */
static bool
is_demanded(const Param *param)
{
	return param->required && param->bound == 0;
}

/* A parameter of path, query or headers. */
static json_t *
describe_parameter(const Route *route, const Param *param)
{
	static const char *const place[] = {
	    [FROM_QUERY] = "query", [FROM_PATH] = "path", [FROM_UPLOAD] = "header"};
	const json_t *example = example_of_param(route, param);
	json_t *described =
	    json_pack("{s:s, s:s, s:b, s:o, s:o}", "name", param->name, "in", place[param->source],
	              "required", is_demanded(param), "description",
	              parameter_description(route, param), "schema", parameter_schema(param));

	if (example != NULL)
		json_object_set(described, "example", (json_t *) example);
	return described;
}

json_t *
describe_parameters(const Route *route)
{
	json_t *parameters = json_pack("[{s:s}]", "$ref", "#/components/parameters/requestId");

	if (route->keyed)
		json_array_append_new(parameters,
		                      json_pack("{s:s}", "$ref", "#/components/parameters/idempotencyKey"));
	if (route->caller)
		json_array_append_new(parameters,
		                      json_pack("{s:s}", "$ref", "#/components/parameters/actingUser"));
	for (int i = 0; i < MAX_PARAMS && route->params[i].name != NULL; i++)
	{
		const Param *param = &route->params[i];

		if (param->source != FROM_BODY && param->type != TYPE_PACK && param->type != TYPE_TABLE)
			json_array_append_new(parameters, describe_parameter(route, param));
	}
	return parameters;
}

/* The body of a route that takes an object of parameters. */
static json_t *
describe_object(const Route *route)
{
	json_t *properties = json_object();
	json_t *required = json_array();

	for (int i = 0; i < MAX_PARAMS && route->params[i].name != NULL; i++)
	{
		const Param *param = &route->params[i];
		json_t *schema;

		if (param->source != FROM_BODY)
			continue;
		schema = parameter_schema(param);
		json_object_set_new(schema, "description", parameter_description(route, param));
		json_object_set_new(properties, param->name, schema);
		if (is_demanded(param))
			json_array_append_new(required, json_string(param->name));
	}
	return json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties", properties, "required",
	                 required, "additionalProperties", !unknown_is_refused(route));
}

/* A pack: a form with a zip, the zip alone, or all files in one object. */
static json_t *
describe_pack(void)
{
	json_t *form = json_pack(
	    "{s:s, s:[s], s:{s:{s:s, s:s, s:s}}}", "type", "object", "required", "file", "properties",
	    "file", "type", "string", "contentMediaType", "application/zip", "description",
	    "A zip with pack.json and the files that it names; its name ends in .zip.");
	json_t *object = json_pack(
	    "{s:s, s:[s,s], s:{s:{s:s, s:s}, s:{s:s, s:s, s:{s:s}}}}", "type", "object", "required",
	    "manifest", "challenges", "properties", "manifest", "type", "object", "description",
	    "What pack.json holds.", "challenges", "type", "array", "description",
	    "The challenge definitions, in the order of the manifest.", "items", "type", "object");

	return json_pack("{s:b, s:o, s:{s:{s:o}, s:{s:{}}, s:{s:o}}}", "required", 1, "description",
	                 json_sprintf("At most %d bytes, and %d values in each document.",
	                              (int) body_kinds[BODY_PACK].bytes,
	                              (int) body_kinds[BODY_PACK].values),
	                 "content", "multipart/form-data", "schema", form, "application/zip", "schema",
	                 "application/json", "schema", object);
}

json_t *
describe_body(const Route *route)
{
	const json_t *example = json_object_get(example_of_route(route), "body");
	json_t *schema;
	json_t *media;

	if (route->body == BODY_PACK)
		return describe_pack();
	schema = route->body == BODY_OBJECT
	             ? describe_object(route)
	             : json_pack("{s:s}", "type", route->body == BODY_TABLE ? "string" : "object");
	media = json_pack("{s:o}", "schema", schema);
	if (example != NULL)
		json_object_set(media, "example", (json_t *) example);
	return json_pack(
	    "{s:b, s:o, s:{s:o}}", "required", 1, "description",
	    route->body == BODY_TABLE
	        ? json_sprintf("At most %d bytes, in UTF-8.", (int) body_kinds[route->body].bytes)
	        : json_sprintf("At most %d bytes and %d values.", (int) body_kinds[route->body].bytes,
	                       (int) body_kinds[route->body].values),
	    "content", body_kinds[route->body].media, media);
}
