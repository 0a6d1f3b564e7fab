/*
 * openapi.c
 *	  The OpenAPI 3.1 document, made from the route table, the error table and the row types of SQL.
 *
 * Its examples are what a test recorded, and its words those of the functions and of route_texts.c.
 */
#include "describe/openapi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/routes.h"
#include "base/errors.h"
#include "describe/descriptions.h"
#include "describe/examples.h"
#include "describe/inputs.h"
#include "describe/route_texts.h"
#include "describe/schema.h"
#include "describe/snippets.h"

/* Which errors a route can answer with. */
typedef bool ErrorSet[EDURANGE_ERROR_COUNT];

/* Adds the errors that a text names, separated by spaces. */
static void
add_named_errors(ErrorSet set, const char *names)
{
	for (int i = EDURANGE_OK + 1; i < EDURANGE_ERROR_COUNT; i++)
	{
		const char *name = errors[i].name;
		size_t length = strlen(name);

		for (const char *at = names; (at = strstr(at, name)) != NULL; at += length)
		{
			if ((at == names || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
				set[i] = true;
		}
	}
}

/* Adds the errors that come of the parameters of a route. */
static void
add_parameter_errors(ErrorSet set, const Route *route)
{
	for (int i = 0; i < MAX_PARAMS && route->params[i].name != NULL; i++)
	{
		const Param *param = &route->params[i];

		set[EDURANGE_INVALID_PARAMETER] = true;
		set[EDURANGE_INVALID_TYPE] = true;
		set[EDURANGE_MISSING_PARAMETER] |= param->required;
		set[EDURANGE_OUT_OF_RANGE] |= param->type == TYPE_INTEGER;
		set[EDURANGE_INVALID_TIME] |= param->type == TYPE_TIMESTAMP;
		set[EDURANGE_TIME_OUT_OF_RANGE] |= param->type == TYPE_TIMESTAMP;
	}
}

/* Finds the errors that a route can answer with: by its shape, and by what its function names. */
static void
find_errors(ErrorSet set, const Route *route)
{
	static const char always[] = "invalid_encoding invalid_parameter uri_too_long internal "
	                             "malformed_request headers_too_large request_timeout "
	                             "too_many_connections";
	const SqlFunction *function = schema_function(route);

	add_named_errors(set, always);
	if (function != NULL)
		add_named_errors(set, function->errors);
	add_parameter_errors(set, route);
	if (!route->open)
		add_named_errors(set, "unauthenticated forbidden");
	if (!route->open && route->statement != STATEMENT_NONE)
		add_named_errors(set, "unavailable not_installed schema_changed try_again timeout");
	if (!route->open && route->read_only)
		add_named_errors(set, "response_too_large too_busy");
	if (route->statement != STATEMENT_NONE && !route->read_only)
		add_named_errors(set, "read_only conflict");
	if (route->caller)
		add_named_errors(set, "not_an_instructor");
	if (route->keyed)
		add_named_errors(set, "in_progress idempotency_mismatch invalid_parameter");
	if (route->body == BODY_PACK)
		add_named_errors(set, "invalid_form archive_invalid missing_parameter invalid_type");
	if (route->body != BODY_NONE)
		add_named_errors(set, "invalid_text payload_too_large too_busy unsupported_media_type");
	if (route->body != BODY_NONE && route->body != BODY_TABLE)
		add_named_errors(set, "invalid_json too_deep out_of_range");
}

/* The headers that a response of a route has, or may have, beside those that say what its body is. */
static json_t *
describe_headers(const Route *route, unsigned status)
{
	static const struct
	{
		const char *name;
		const char *component;
	} limits[] = {
	    {"X-RateLimit-Limit", "rateLimit"},
	    {"X-RateLimit-Remaining", "rateRemaining"},
	    {"X-RateLimit-Reset", "rateReset"},
	};
	json_t *headers =
	    json_pack("{s:{s:s}}", "X-Request-Id", "$ref", "#/components/headers/requestId");

	if (status == 503 || (status == 429 && route->limited))
		json_object_set_new(headers, "Retry-After",
		                    json_pack("{s:s}", "$ref", "#/components/headers/retryAfter"));
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (route->limited && (status == 200 || status == 429))
			json_object_set_new(
			    headers, limits[i].name,
			    json_pack("{s:o}", "$ref",
			              json_sprintf("#/components/headers/%s", limits[i].component)));
	if (route->response == RESPOND_FILE && status == 200)
	{
		json_object_set_new(headers, "Content-Disposition",
		                    json_pack("{s:s}", "$ref", "#/components/headers/fileName"));
		json_object_set_new(headers, "X-Warning",
		                    json_pack("{s:s}", "$ref", "#/components/headers/warning"));
	}
	return headers;
}

/* The response of all errors of a route that have a status. */
static json_t *
describe_error(const Route *route, const ErrorSet set, unsigned status)
{
	json_t *codes = json_array();
	const json_t *example = NULL;
	json_t *media;
	char text[2048];
	size_t used = 0;

	for (int i = EDURANGE_OK + 1; i < EDURANGE_ERROR_COUNT; i++)
	{
		const ErrorInfo *info = &errors[i];

		if (!set[i] || info->status != status)
			continue;
		json_array_append_new(codes, json_string(info->name));
		if (used < sizeof(text))
			used += (size_t) snprintf(text + used, sizeof(text) - used, "%s`%s`: %s",
			                          used > 0 ? "\n" : "", info->name, info->meaning);
		if (example == NULL)
			example = example_of_error(info->name);
	}
	media = json_pack("{s:{s:[{s:s}, {s:{s:{s:o}}}]}}", "schema", "allOf", "$ref",
	                  "#/components/schemas/Error", "properties", "code", "enum", codes);
	if (example != NULL)
		json_object_set(media, "example", (json_t *) example);
	return json_pack("{s:s, s:o, s:{s:o}}", "description", text, "headers",
	                 describe_headers(route, status), "content", "application/json", media);
}

/* The files with which a route answers in other formats than JSON. */
static json_t *
describe_files(const Route *route)
{
	json_t *examples = json_object();
	const char *format;
	json_t *file;

	json_object_foreach((json_t *) example_files(route), format, file)
	{
		json_object_set_new(examples, format, json_pack("{s:O}", "value", file));
	}
	return json_pack("{s:{s:s}, s:o}", "schema", "type", "string", "examples", examples);
}

/* The response of a route that worked, or NULL where nothing says what it is. */
static json_t *
describe_success(const Route *route, json_t *components)
{
	const char *type = media_types[route->response];
	json_t *schema = strcmp(type, "application/json") == 0 ? schema_of_route(route, components)
	                                                       : json_pack("{s:s}", "type", "string");
	const json_t *example = example_answer(route);
	json_t *content;
	json_t *media;

	if (schema == NULL)
		return NULL;
	media = json_pack("{s:o}", "schema", schema);
	if (example != NULL)
		json_object_set(media, "example", (json_t *) example);
	content = json_pack("{s:o}", type, media);
	if (route->response == RESPOND_FILE)
		json_object_set_new(content, "text/csv", describe_files(route));
	return json_pack("{s:o, s:o, s:o}", "description", describe_summary(route), "headers",
	                 describe_headers(route, 200), "content", content);
}

/* Adds to the errors of 503 what a route answers that is none: its own report of what is wrong. */
static void
describe_report(const Route *route, json_t *responses, json_t *components)
{
	const char *shape = unready_shape(route->response);
	json_t *response = json_object_get(responses, "503");
	json_t *media = json_object_get(json_object_get(response, "content"), "application/json");

	if (shape == NULL)
		return;
	json_object_set_new(response, "description",
	                    json_sprintf("It is not, and the body says why. %s",
	                                 json_string_value(json_object_get(response, "description"))));
	json_object_set_new(media, "schema",
	                    json_pack("{s:[o, O]}", "anyOf", schema_of_shape(shape, components),
	                              json_object_get(media, "schema")));
}

static json_t *
describe_responses(const Route *route, json_t *components)
{
	json_t *responses = json_object();
	json_t *success = describe_success(route, components);
	ErrorSet set = {false};

	if (success == NULL)
	{
		json_decref(responses);
		return NULL;
	}
	json_object_set_new(responses, "200", success);
	find_errors(set, route);
	for (int i = EDURANGE_OK + 1; i < EDURANGE_ERROR_COUNT; i++)
	{
		unsigned status = errors[i].status;
		char key[8];

		snprintf(key, sizeof(key), "%u", status);
		if (set[i] && json_object_get(responses, key) == NULL)
			json_object_set_new(responses, key, describe_error(route, set, status));
	}
	describe_report(route, responses, components);
	return responses;
}

/* A name for the operation: the method and the path's letters. */
static json_t *
operation_id(const Route *route)
{
	char id[128];
	size_t used = 0;

	snprintf(id, sizeof(id), "%s%s", route->method, route->path);
	for (const char *at = id; *at != '\0'; at++)
	{
		if (strchr("{}", *at) == NULL)
			id[used++] = strchr("/-", *at) != NULL ? '_' : *at;
	}
	return json_stringn(id, used);
}

/* The request of the example as somebody would type it, as tools that show such documents want it. */
static json_t *
describe_snippets(const Route *route)
{
	char *curl = snippet_curl(route);
	char *fetch = snippet_fetch(route);
	json_t *samples =
	    json_pack("[{s:s, s:s, s:s}, {s:s, s:s, s:s}]", "lang", "Shell", "label", "curl", "source",
	              curl, "lang", "JavaScript", "label", "fetch", "source", fetch);

	free(curl);
	free(fetch);
	return samples;
}

static json_t *
describe_route(const Route *route, json_t *components)
{
	json_t *responses = describe_responses(route, components);
	json_t *operation;

	if (responses == NULL)
		return NULL;
	operation = json_pack("{s:o, s:[s], s:o, s:o, s:s, s:o}", "operationId", operation_id(route),
	                      "tags", route_group(route)->name, "summary", describe_summary(route),
	                      "description", describe_rest(route), "x-tier", tier_name(route->tier),
	                      "parameters", describe_parameters(route));
	if (route->body != BODY_NONE)
		json_object_set_new(operation, "requestBody", describe_body(route));
	if (example_of_route(route) != NULL)
		json_object_set_new(operation, "x-codeSamples", describe_snippets(route));
	if (json_is_true(json_object_get(example_of_route(route), "shortened")))
		json_object_set_new(operation, "x-shortened", json_true());
	json_object_set_new(operation, "security",
	                    route->open         ? json_array()
	                    : route->for_public ? json_pack("[{}, {s:[]}]", "token")
	                                        : json_pack("[{s:[]}]", "token"));
	json_object_set_new(operation, "responses", responses);
	return operation;
}

/* What all routes share. */
static json_t *
describe_components(json_t *schemas)
{
	json_t *components;
	json_t *headers;
	json_t *violation =
	    json_pack("{s:s, s:{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}}, s:[s,s]}", "type", "object",
	              "properties", "path", "type", "string", "keyword", "type", "string", "message",
	              "type", "string", "file", "type", "string", "required", "path", "message");

	json_object_set_new(
	    schemas, "Error",
	    json_pack("{s:s, s:{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s, s:o}}, s:[s,s,s]}",
	              "type", "object", "properties", "error", "type", "string", "code", "type",
	              "string", "detail", "type", "string", "hint", "type", "string", "requestId",
	              "type", "string", "validation_errors", "type", "array", "items", violation,
	              "required", "error", "code", "requestId"));
	components = json_pack(
	    "{s:o, s:{s:{s:s, s:s, s:s}}, s:{s:{s:s, s:{s:s}}, s:{s:s, s:{s:s}}, s:{s:s, s:{s:s}},"
	    " s:{s:s, s:{s:s}}, s:{s:s, s:{s:s, s:s}}}, s:{s:{s:s,s:s,s:s,s:{s:s,s:s}},"
	    " s:{s:s,s:s,s:s,s:{s:s,s:i,s:i}},"
	    " s:{s:s,s:s,s:s,s:{s:s,s:i}}}}",
	    "schemas", schemas, "securitySchemes", "token", "type", "http", "scheme", "bearer",
	    "description", "A token of ours begins with edr_; x-tier says which one a route needs.",
	    "headers", "requestId", "description",
	    "The id of the request, as the log and the body of an error have it.", "schema", "type",
	    "string", "retryAfter", "description", "Seconds after which to try again.", "schema",
	    "type", "integer", "rateLimit", "description",
	    "Attempts at the question that are allowed at once.", "schema", "type", "integer",
	    "rateRemaining", "description", "Attempts that are left.", "schema", "type", "integer",
	    "rateReset", "description", "When the next attempt is allowed, where none is left.",
	    "schema", "type", "string", "format", "date-time", "parameters", "requestId", "name",
	    "X-Request-Id", "in", "header", "description",
	    "An id of the caller's for the request; one that is not well formed is replaced.", "schema",
	    "type", "string", "pattern", "^[A-Za-z0-9._-]{1,64}$", "idempotencyKey", "name",
	    "Idempotency-Key", "in", "header", "description",
	    "The same request with the same key has its effect once.", "schema", "type", "string",
	    "minLength", 1, "maxLength", 255, "actingUser", "name", "X-Acting-User", "in", "header",
	    "description",
	    "The id of the user on whose behalf an unbound token of tier service or admin has this done.",
	    "schema", "type", "string", "minLength", 1);
	headers = json_object_get(components, "headers");
	json_object_set_new(headers, "fileName",
	                    json_pack("{s:s, s:{s:s}}", "description",
	                              "The name of the file, where it is one.", "schema", "type",
	                              "string"));
	json_object_set_new(headers, "warning",
	                    json_pack("{s:s, s:{s:s}}", "description",
	                              "Who is not found by an id where the file is read.", "schema",
	                              "type", "string"));
	return components;
}

/* Gives the headers that tell of limits the values of the members that they repeat. */
static void
add_header_examples(json_t *components)
{
	static const char *const members[][2] = {{"rateLimit", "attemptLimit"},
	                                         {"rateRemaining", "attemptsRemaining"},
	                                         {"rateReset", "resetTime"},
	                                         {"retryAfter", "retryAfter"}};
	json_t *headers = json_object_get(components, "headers");
	const json_t *refused = example_of_error("too_many_attempts");

	for (size_t i = 0; i < route_count; i++)
	{
		for (size_t j = 0; routes[i].limited && j < sizeof(members) / sizeof(members[0]); j++)
		{
			const json_t *value = json_object_get(example_answer(&routes[i]), members[j][1]);

			if (value == NULL)
				value = json_object_get(refused, members[j][1]);
			if (value != NULL)
				json_object_set(json_object_get(headers, members[j][0]), "example",
				                (json_t *) value);
		}
	}
}

/* What the tags of operations mean, in the order in which to show them. */
static json_t *
describe_groups(void)
{
	json_t *groups = json_array();

	for (const RouteGroup *group = route_groups; group->name != NULL; group++)
		json_array_append_new(
		    groups, json_pack("{s:s, s:s}", "name", group->name, "description", group->text));
	return groups;
}

json_t *
make_openapi(void)
{
	json_t *schemas = json_object();
	json_t *paths = json_object();
	json_t *components;

	for (size_t i = 0; i < route_count; i++)
	{
		const Route *route = &routes[i];
		json_t *operation = describe_route(route, schemas);
		json_t *path = json_object_get(paths, route->path);
		char method[16];

		if (operation == NULL)
		{
			fprintf(stderr, "route %s %s: nothing says what it answers\n", route->method,
			        route->path);
			json_decref(schemas);
			json_decref(paths);
			return NULL;
		}
		if (path == NULL)
		{
			path = json_object();
			json_object_set_new(paths, route->path, path);
		}
		snprintf(method, sizeof(method), "%s", route->method);
		for (char *at = method; *at != '\0'; at++)
			*at = (char) (*at | 0x20);
		json_object_set_new(path, method, operation);
	}
	components = describe_components(schemas);
	add_header_examples(components);
	return json_pack(
	    "{s:s, s:{s:s, s:s, s:s}, s:[{s:s}, {s:s}], s:o, s:o, s:o}", "openapi", "3.1.0", "info",
	    "title", "EDURange database controller", "version", EDURANGE_VERSION, "description",
	    "Points, competitions, challenges and instances of an EDURange platform. Every "
	    "path also exists below /api.",
	    "servers", "url", "/", "url", "/api", "tags", describe_groups(), "paths", paths,
	    "components", components);
}
