/*
 * faults.c
 *	  Rows of the route and statement tables that cannot work.
 *
 * The tables are constants, so they are judged once, when the shim is built, and no shim with a
 * fault in them comes to be.
 */
#include "describe/faults.h"

#include <stdio.h>
#include <string.h>

#include "describe/route_texts.h"
#include "describe/schema.h"

/* The highest $n of a statement. */
static int
count_placeholders(const char *sql)
{
	int highest = 0;

	for (const char *at = strchr(sql, '$'); at != NULL; at = strchr(at + 1, '$'))
	{
		int number = 0;

		sscanf(at, "$%d", &number);
		if (number > highest)
			highest = number;
	}
	return highest;
}

/* What is wrong with a route, or NULL. */
static const char *
fault_of_route(const Route *route)
{
	int bound = (route->for_public ? 1 : 0) + (route->response == RESPOND_FEED ? 1 : 0) +
	            (route->caller ? CALLER_VALUES : 0) + (route->keyed ? 1 : 0);
	int braces = 0;
	int path_params = 0;

	if (route->method == NULL || route->path == NULL ||
	    (route_text(route)->summary == NULL && schema_function(route) == NULL))
		return "method, path or what it is told to do is missing";
	if ((route->open || route->for_public) == (route->tier != TIER_NONE))
		return "it must have a tier or be open or for the public, and not both";
	if (route->response == RESPOND_VALUE && route->statement == STATEMENT_NONE)
		return "it has no statement";
	if (route->response == RESPOND_VALUE && schema_function(route) == NULL)
		return "its statement has not the name of a function";
	if (media_types[route->response] == NULL)
		return "nothing says what media type it answers with";
	for (const char *at = route->path; *at != '\0'; at++)
		braces += *at == '{';
	for (int i = 0; i < MAX_PARAMS && route->params[i].name != NULL; i++)
	{
		const Param *param = &route->params[i];

		bound += !param->ignored;
		path_params += param->source == FROM_PATH;
		if (param->source == FROM_BODY && route->body == BODY_NONE)
			return "a parameter comes from a body that the route does not take";
		if ((param->type == TYPE_DOCUMENT) !=
		    (param->source == FROM_BODY && route->body == BODY_DOCUMENT))
			return "a document and a body of fields do not go together";
		if ((param->type == TYPE_TABLE) !=
		    (param->source == FROM_BODY && route->body == BODY_TABLE))
			return "a table and a body of fields do not go together";
		if (param->source == FROM_UPLOAD && route->body != BODY_PACK)
			return "a parameter comes from a pack that the route does not take";
	}
	if (braces != path_params)
		return "the path and the path parameters differ";
	if (route->statement != STATEMENT_NONE && statements[route->statement].batched)
		bound = 1;
	if (route->statement != STATEMENT_NONE &&
	    count_placeholders(statements[route->statement].sql) != bound)
		return "the statement takes another number of values";
	if (route->statement != STATEMENT_NONE && statements[route->statement].before != NULL &&
	    count_placeholders(statements[route->statement].before) != bound)
		return "the statement for a database of before takes another number of values";
	return NULL;
}

/* Has an error the SQLSTATE of another one?  Only one of them would be told. */
static bool
is_taken(int error)
{
	const char *sqlstate = errors[error].sqlstate;

	if (sqlstate == NULL)
		return false;
	for (int i = 0; i < error; i++)
		if (errors[i].sqlstate != NULL && strcmp(errors[i].sqlstate, sqlstate) == 0)
			return true;
	return false;
}

bool
find_faults(void)
{
	bool found = false;

	for (int i = 0; i < EDURANGE_ERROR_COUNT; i++)
	{
		if (!is_taken(i))
			continue;
		fprintf(stderr, "error %s: another one has its SQLSTATE\n", errors[i].name);
		found = true;
	}

	for (size_t i = 0; i < route_count; i++)
	{
		const char *fault = fault_of_route(&routes[i]);

		if (fault == NULL)
			continue;
		fprintf(stderr, "route %s %s: %s\n", routes[i].method, routes[i].path, fault);
		found = true;
	}
	for (int i = STATEMENT_NONE + 1; i < STATEMENT_COUNT; i++)
	{
		if (statements[i].sql == NULL)
		{
			fprintf(stderr, "statement %d is missing from the table\n", i);
			found = true;
		}
	}
	return found;
}
