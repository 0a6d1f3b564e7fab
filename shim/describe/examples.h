/*
 * examples.h
 *	  Requests to the routes and what the server answered, as a test recorded them: examples.json.
 *
 * Of each route, by method and path: `path`, `query`, `headers` and `body`, what the request carried; `file`, the zip
 * that its form carried; `answer`, shortened where `shortened` is true.  Of each error, by its code, an answer.
 */
#pragma once

#include <stdbool.h>

#include <jansson.h>

#include "api/routes.h"

/* Reads them; false, and says why on the standard error output, when that is not possible. */
extern bool examples_read(const char *path);

/* The example of a route, or NULL: none was recorded. */
extern const json_t *example_of_route(const Route *route);

/* The answer of a route in its example, or NULL. */
extern const json_t *example_answer(const Route *route);

/* Its answers in other formats, as files by the name of the format, or NULL. */
extern const json_t *example_files(const Route *route);

/* What a parameter was in the example, or NULL: it was not given. */
extern const json_t *example_of_param(const Route *route, const Param *param);

/* An answer with an error, or NULL. */
extern const json_t *example_of_error(const char *code);
