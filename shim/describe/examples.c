/*
 * examples.c
 *	  Requests to the routes and what the server answered, as a test recorded them.
 */
#include "describe/examples.h"

#include <stdio.h>

static json_t *examples; /* never released: the program ends with it */

bool
examples_read(const char *path)
{
	json_error_t error;

	examples = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (examples == NULL)
		fprintf(stderr, "%s:%d: %s\n", path, error.line, error.text);
	return examples != NULL;
}

const json_t *
example_of_route(const Route *route)
{
	char name[128];

	snprintf(name, sizeof(name), "%s %s", route->method, route->path);
	return json_object_get(json_object_get(examples, "routes"), name);
}

const json_t *
example_answer(const Route *route)
{
	return json_object_get(example_of_route(route), "answer");
}

const json_t *
example_files(const Route *route)
{
	return json_object_get(example_of_route(route), "files");
}

const json_t *
example_of_param(const Route *route, const Param *param)
{
	static const char *const part[] = {[FROM_QUERY] = "query",
	                                   [FROM_PATH] = "path",
	                                   [FROM_BODY] = "body",
	                                   [FROM_UPLOAD] = "headers"};

	return json_object_get(json_object_get(example_of_route(route), part[param->source]),
	                       param->name);
}

const json_t *
example_of_error(const char *code)
{
	return json_object_get(json_object_get(examples, "errors"), code);
}
