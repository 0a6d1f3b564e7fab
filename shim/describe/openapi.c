/*
 * openapi.c
 *	  The OpenAPI 3.1 document, made from the route table, the error table and the row types of SQL.
 *
 * Nothing in it is written by hand for one route.
 */
#include "describe/openapi.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/routes.h"
#include "base/errors.h"
#include "describe/route_texts.h"
#include "describe/schema.h"

/* Which errors a route can answer with. */
typedef bool ErrorSet[EDURANGE_ERROR_COUNT];

/* Examples of parameters, by name in either spelling; others have one by their type. */
static const struct
{
	const char *name;
	const char *value;
} parameter_examples[] = {
    {"user_id", "sample-ada"},
    {"userId", "sample-ada"},
    {"createdBy", "sample-ines"},
    {"instructorIds", "sample-ines"},
    {"challenge_id", "terminal-tour"},
    {"challengeId", "terminal-tour"},
    {"pack_id", "first-steps"},
    {"code", "SPRING-25"},
    {"name", "Autumn Cup"},
    {"difficulty", "EASY"},
    {"eventType", "USER_UPDATED"},
    {"severity", "INFO"},
    {"status", "TERMINATING"},
    {"answer", "pwd"},
    {"type", "container"},
    {"search", "tour"},
};

static const char *
parameter_text(const char *name)
{
	for (size_t i = 0; i < sizeof(parameter_examples) / sizeof(parameter_examples[0]); i++)
	{
		if (strcmp(parameter_examples[i].name, name) == 0)
			return parameter_examples[i].value;
	}
	return strlen(name) > 2 && strcasecmp(name + strlen(name) - 2, "id") == 0
	           ? "01a20bde-3e86-700f-874a-115e93bd1ca5"
	           : "text";
}

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

static json_t *
parameter_example(const Param *param)
{
	switch (param->type)
	{
		case TYPE_INTEGER:
			return json_integer(10);
		case TYPE_BOOLEAN:
			return json_true();
		case TYPE_TIMESTAMP:
			return json_string("2025-03-01T10:00:00Z");
		case TYPE_TEXT_LIST:
			return json_pack("[s]", parameter_text(param->name));
		case TYPE_DOCUMENT:
		case TYPE_JSON:
			return json_object();
		default:
			return json_string(parameter_text(param->name));
	}
}

/* What there is to say of a parameter beside its type. */
static json_t *
parameter_description(const Param *param)
{
	char text[256];
	size_t used = 0;

	text[0] = '\0';
#define SAY(...) (used += (size_t) snprintf(text + used, sizeof(text) - used, __VA_ARGS__))
	if (param->alias != NULL)
		SAY("Also spelled %s. ", param->alias);
	if (param->bound == CALLER_USER)
		SAY("Without it, the user that the token is bound to. ");
	if (param->bound == CALLER_INSTANCE)
		SAY("Without it, the instance that the token is bound to. ");
	if (param->ignored)
		SAY("Taken for compatibility and not used. ");
#undef SAY
	if (used > 0)
		text[used - 1] = '\0';
	return json_string(text);
}

/* Is the parameter one that a request must have, whatever its token? */
static bool
is_demanded(const Param *param)
{
	return param->required && param->bound == 0;
}

/* The parameters of path, query and headers. */
static json_t *
describe_parameters(const Route *route)
{
	static const char *const place[] = {[FROM_QUERY] = "query", [FROM_PATH] = "path"};
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

		if (param->source != FROM_QUERY && param->source != FROM_PATH)
			continue;
		json_array_append_new(
		    parameters, json_pack("{s:s, s:s, s:b, s:o, s:o, s:o}", "name", param->name, "in",
		                          place[param->source], "required", is_demanded(param),
		                          "description", parameter_description(param), "schema",
		                          parameter_schema(param), "example", parameter_example(param)));
	}
	return parameters;
}

/* The body of a route that takes an object of parameters. */
static json_t *
describe_object(const Route *route, json_t *example)
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
		json_object_set_new(schema, "description", parameter_description(param));
		json_object_set_new(properties, param->name, schema);
		if (is_demanded(param))
			json_array_append_new(required, json_string(param->name));
		if (param->required)
			json_object_set_new(example, param->name, parameter_example(param));
	}
	return json_pack("{s:s, s:o, s:o}", "type", "object", "properties", properties, "required",
	                 required);
}

/* A pack: a form with a zip, the zip alone, or all files in one object. */
static json_t *
describe_pack(void)
{
	json_t *form =
	    json_pack("{s:s, s:[s], s:{s:{s:s, s:s}}}", "type", "object", "required", "file",
	              "properties", "file", "type", "string", "contentMediaType", "application/zip");
	json_t *object =
	    json_pack("{s:s, s:[s,s], s:{s:{s:s}, s:{s:s, s:{s:s}}}}", "type", "object", "required",
	              "manifest", "challenges", "properties", "manifest", "type", "object",
	              "challenges", "type", "array", "items", "type", "object");
	json_t *example =
	    json_pack("{s:{s:s, s:s, s:s, s:[s]}, s:[{s:{}, s:[]}]}", "manifest", "id", "first-steps",
	              "name", "First Steps", "version", "1.0.0", "challenges", "tour.cdf.json",
	              "challenges", "metadata", "components");

	return json_pack(
	    "{s:b, s:o, s:{s:{s:o}, s:{s:{}}, s:{s:o, s:o}}}", "required", 1, "description",
	    json_sprintf("At most %d bytes, and %d values in each document.",
	                 (int) body_kinds[BODY_PACK].bytes, (int) body_kinds[BODY_PACK].values),
	    "content", "multipart/form-data", "schema", form, "application/zip", "schema",
	    "application/json", "schema", object, "example", example);
}

static json_t *
describe_body(const Route *route)
{
	json_t *example = json_object();
	json_t *schema = route->body == BODY_OBJECT ? describe_object(route, example)
	                                            : json_pack("{s:s}", "type", "object");

	return json_pack(
	    "{s:b, s:o, s:{s:{s:o, s:o}}}", "required", 1, "description",
	    json_sprintf("At most %d bytes and %d values.", (int) body_kinds[route->body].bytes,
	                 (int) body_kinds[route->body].values),
	    "content", body_kinds[route->body].media, "schema", schema, "example", example);
}

/* A table, as text. */
static json_t *
describe_table(void)
{
	return json_pack(
	    "{s:b, s:o, s:{s:{s:{s:s}, s:s}}}", "required", 1, "description",
	    json_sprintf("At most %d bytes, in UTF-8.", (int) body_kinds[BODY_TABLE].bytes), "content",
	    body_kinds[BODY_TABLE].media, "schema", "type", "string", "example",
	    "email,name,external_id,login_id,section\n"
	    "ada@example.org,Ada Lovelace,4711,ada,A\n");
}

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
		add_named_errors(set, "invalid_json too_deep");
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
	json_t *example = NULL;
	json_t *schema;
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
			example = json_pack("{s:s, s:s, s:s}", "error", info->meaning, "code", info->name,
			                    "requestId", "1f0c2b3a4d5e6f708192a3b4c5d6e7f8");
	}
	schema = json_pack("{s:[{s:s}, {s:{s:{s:o}}}]}", "allOf", "$ref", "#/components/schemas/Error",
	                   "properties", "code", "enum", codes);
	return json_pack("{s:s, s:o, s:{s:{s:o, s:o}}}", "description", text, "headers",
	                 describe_headers(route, status), "content", "application/json", "schema",
	                 schema, "example", example);
}

/* The response of a route that worked, or NULL where nothing says what it is. */
static json_t *
describe_success(const Route *route, json_t *components)
{
	const char *type = media_types[route->response];
	json_t *schema = strcmp(type, "application/json") == 0 ? schema_of_route(route, components)
	                                                       : json_pack("{s:s}", "type", "string");
	json_t *example;
	json_t *success;

	if (schema == NULL)
		return NULL;
	example = schema_example(schema, "", components);
	success = json_pack("{s:o, s:o, s:{s:{s:o, s:o}}}", "description", schema_summary(route),
	                    "headers", describe_headers(route, 200), "content", type, "schema", schema,
	                    "example", example);
	if (route->response == RESPOND_FILE)
		json_object_set_new(json_object_get(success, "content"), "text/csv",
		                    json_pack("{s:{s:s}}", "schema", "type", "string"));
	return success;
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

/* The first segment of the path: what a route is about. */
static json_t *
tag_of(const Route *route)
{
	return json_stringn(route->path + 1, strcspn(route->path + 1, "/"));
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

/* What a route takes in its body. */
static json_t *
describe_any_body(const Route *route)
{
	return route->body == BODY_PACK    ? describe_pack()
	       : route->body == BODY_TABLE ? describe_table()
	                                   : describe_body(route);
}

static json_t *
describe_route(const Route *route, json_t *components)
{
	const SqlFunction *function = schema_function(route);
	json_t *responses = describe_responses(route, components);
	json_t *operation;

	if (responses == NULL)
		return NULL;
	operation =
	    json_pack("{s:o, s:[o], s:o, s:s, s:s, s:o}", "operationId", operation_id(route), "tags",
	              tag_of(route), "summary", schema_summary(route), "description",
	              function != NULL && route_text(route)->answer == NULL ? function->comment : "",
	              "x-tier", tier_name(route->tier), "parameters", describe_parameters(route));
	if (route->body != BODY_NONE)
		json_object_set_new(operation, "requestBody", describe_any_body(route));
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

json_t *
make_openapi(void)
{
	json_t *schemas = json_object();
	json_t *paths = json_object();

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
	return json_pack(
	    "{s:s, s:{s:s, s:s, s:s}, s:[{s:s}, {s:s}], s:o, s:o}", "openapi", "3.1.0", "info", "title",
	    "EDURange database controller", "version", EDURANGE_VERSION, "description",
	    "Points, competitions, challenges and instances of an EDURange platform. Every "
	    "path also exists below /api.",
	    "servers", "url", "/", "url", "/api", "paths", paths, "components",
	    describe_components(schemas));
}
