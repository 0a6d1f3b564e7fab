/*
 * snippets.c
 *	  The request of a route's example as somebody would type it: a command of curl, and a call of fetch.
 *
 * Where the service is, and the token, are variables: those that `make run` writes for a shell.
 */
#include "describe/snippets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "describe/examples.h"

#define SHORT_BODY 72 /* a longer one has a line for each member */

/* Writes a value as a part of a path or of a query. */
static void
put_encoded(FILE *out, const json_t *value)
{
	char *number = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);
	const char *text = number != NULL ? number : json_string_value(value);
	static const char plain[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:";

	for (; text != NULL && *text != '\0'; text++)
		fprintf(out, strchr(plain, *text) != NULL ? "%c" : "%%%02X", (unsigned char) *text);
	free(number);
}

/* Writes path and query of a request. */
static void
put_target(FILE *out, const Route *route)
{
	const json_t *example = example_of_route(route);
	const char *separator = "?";
	const char *name;
	json_t *value;

	for (const char *at = route->path; *at != '\0'; at++)
	{
		size_t length = strcspn(at, "}");
		char param[64];

		if (*at != '{')
		{
			fputc(*at, out);
			continue;
		}
		snprintf(param, sizeof(param), "%.*s", (int) length - 1, at + 1);
		put_encoded(out, json_object_get(json_object_get(example, "path"), param));
		at += length;
	}
	json_object_foreach(json_object_get(example, "query"), name, value)
	{
		fprintf(out, "%s%s=", separator, name);
		put_encoded(out, value);
		separator = "&";
	}
}

/* The body as JSON, on a line or on several, which is JavaScript, too; to be freed. */
static char *
body_text(const json_t *body)
{
	size_t flags = JSON_PRESERVE_ORDER | JSON_ENCODE_ANY;
	char *text = json_dumps(body, flags);

	if (text != NULL && strlen(text) > SHORT_BODY)
	{
		free(text);
		text = json_dumps(body, flags | JSON_INDENT(2));
	}
	return text;
}

/* Writes a text between apostrophes, as a shell takes it. */
static void
put_quoted(FILE *out, const char *text)
{
	fputc('\'', out);
	for (; *text != '\0'; text++)
	{
		if (*text == '\'')
			fputs("'\\''", out);
		else
			fputc(*text, out);
	}
	fputc('\'', out);
}

/* The name of a tier in the variable of its token. */
static void
put_token_variable(FILE *out, Tier tier)
{
	fputs("$EDURANGE_", out);
	for (const char *at = tier_name(tier); *at != '\0'; at++)
		fputc(*at & ~0x20, out);
	fputs("_TOKEN", out);
}

char *
snippet_curl(const Route *route)
{
	const json_t *example = example_of_route(route);
	const json_t *body = json_object_get(example, "body");
	const json_t *file = json_object_get(example, "file");
	const char *usual = body != NULL || file != NULL ? "POST" : "GET";
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	const char *name;
	json_t *value;

	if (out == NULL)
		return NULL;
	fputs("curl -s", out);
	if (strcmp(route->method, usual) != 0)
		fprintf(out, " -X %s", route->method);
	fputs(" \"$EDURANGE_URL", out);
	put_target(out, route);
	fputc('"', out);
	if (route->tier != TIER_NONE)
	{
		fputs(" \\\n  -H \"Authorization: Bearer ", out);
		put_token_variable(out, route->tier);
		fputc('"', out);
	}
	json_object_foreach(json_object_get(example, "headers"), name, value)
	{
		fprintf(out, " \\\n  -H '%s: %s'", name, json_string_value(value));
	}
	if (body != NULL)
	{
		bool table = route->body == BODY_TABLE;
		char *json = table ? NULL : body_text(body);

		fprintf(out, " \\\n  -H 'Content-Type: %s' \\\n  %s ", body_kinds[route->body].media,
		        table ? "--data-binary" : "-d");
		put_quoted(out, table ? json_string_value(body) : json != NULL ? json : "");
		free(json);
	}
	if (file != NULL)
		fprintf(out, " \\\n  -F 'file=@%s'", json_string_value(file));
	fclose(out);
	return text;
}

/* Writes the options of a call of fetch. */
static void
put_options(FILE *out, const Route *route, const json_t *body, const json_t *file)
{
	const char *separator = "";
	const char *name;
	json_t *value;

	fputs(", {\n", out);
	if (strcmp(route->method, "GET") != 0)
		fprintf(out, "  method: '%s',\n", route->method);
	fputs("  headers: {", out);
	if (route->tier != TIER_NONE)
	{
		fputs("Authorization: `Bearer ${token}`", out);
		separator = ", ";
	}
	json_object_foreach(json_object_get(example_of_route(route), "headers"), name, value)
	{
		fprintf(out, "%s'%s': '%s'", separator, name, json_string_value(value));
		separator = ", ";
	}
	if (body != NULL)
		fprintf(out, "%s'Content-Type': '%s'", separator, body_kinds[route->body].media);
	fputs("},\n", out);
	if (body != NULL)
	{
		char *json = body_text(body);

		fprintf(out, route->body == BODY_TABLE ? "  body: %s,\n" : "  body: JSON.stringify(%s),\n",
		        json != NULL ? json : "");
		free(json);
	}
	if (file != NULL)
		fputs("  body: form,\n", out);
	fputc('}', out);
}

char *
snippet_fetch(const Route *route)
{
	const json_t *example = example_of_route(route);
	const json_t *body = json_object_get(example, "body");
	const json_t *file = json_object_get(example, "file");
	bool json = strncmp(media_types[route->response], "application/json", 16) == 0;
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (out == NULL)
		return NULL;
	if (file != NULL)
		fputs("const form = new FormData();\nform.append('file', zip); // a File, or a Blob and a "
		      "name that ends in .zip\n",
		      out);
	fputs("const response = await fetch(`${url}", out);
	put_target(out, route);
	fputc('`', out);
	if (route->tier != TIER_NONE || body != NULL || file != NULL)
		put_options(out, route, body, file);
	fprintf(out, ");\nconst answer = await response.%s();", json ? "json" : "text");
	fclose(out);
	return text;
}
