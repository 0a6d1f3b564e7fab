/*
 * descriptions.c
 *	  What a route does, in the words of who calls it over HTTP.
 *
 * The comments of the functions say it, for who calls them in SQL: other functions become the routes that call
 * them, and parameters are spelled as the route spells them.
 */
#include "describe/descriptions.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "describe/route_texts.h"
#include "describe/schema.h"

/* The first route that calls a function, or NULL. */
static const Route *
route_of_function(const char *name, size_t length)
{
	for (size_t i = 0; i < route_count; i++)
	{
		const SqlFunction *function = schema_function(&routes[i]);

		if (function != NULL && strlen(function->name) == length &&
		    strncmp(function->name, name, length) == 0)
			return &routes[i];
	}
	return NULL;
}

/* How a route spells a parameter that has this name, too, or NULL. */
static const char *
spelling_of(const Route *route, const char *name, size_t length)
{
	for (int i = 0; i < MAX_PARAMS && route->params[i].name != NULL; i++)
	{
		const char *alias = route->params[i].alias;

		if (alias != NULL && strlen(alias) == length && strncmp(alias, name, length) == 0)
			return route->params[i].name;
	}
	return NULL;
}

/* Writes a word of a comment: a name of SQL as HTTP has it.  Returns how much of the comment that was. */
static size_t
put_word(FILE *out, const Route *route, const char *word, size_t length)
{
	bool called = strncmp(word + length, "()", 2) == 0;
	bool is_name = called || memchr(word, '_', length) != NULL;
	const char *spelling = is_name ? spelling_of(route, word, length) : NULL;
	const Route *other = is_name ? route_of_function(word, length) : NULL;

	if (spelling != NULL)
		fputs(spelling, out);
	else if (other != NULL)
		fprintf(out, "%s %s", other->method, other->path);
	else
		fprintf(out, "%.*s%s", (int) length, word, called ? "()" : "");
	return length + (called ? 2 : 0);
}

/* A part of a comment in the words of HTTP. */
static json_t *
in_words_of_http(const Route *route, const char *comment, size_t length)
{
	const char *end = comment + length;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	json_t *words;

	while (out != NULL && comment < end)
	{
		size_t word = 0;

		while (isalnum((unsigned char) comment[word]) || comment[word] == '_')
			word++;
		if (word > 0)
			comment += put_word(out, route, comment, word);
		else
			fputc(*comment++, out);
	}
	if (out != NULL)
		fclose(out);
	words = json_string(text != NULL ? text : "");
	free(text);
	return words;
}

/* What is said of a route, and where its first sentence ends. */
static const char *
comment_of(const Route *route, size_t *first)
{
	const RouteText *text = route_text(route);
	const char *comment = text->summary != NULL ? text->summary : schema_function(route)->comment;
	const char *end = strstr(comment, ". ");

	*first = end != NULL ? (size_t) (end + 1 - comment) : strlen(comment);
	return comment;
}

json_t *
describe_summary(const Route *route)
{
	size_t first;
	const char *comment = comment_of(route, &first);

	return in_words_of_http(route, comment, first);
}

json_t *
describe_rest(const Route *route)
{
	size_t first;
	const char *comment = comment_of(route, &first);

	comment += first + strspn(comment + first, " ");
	return in_words_of_http(route, comment, strlen(comment));
}
