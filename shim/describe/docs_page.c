/*
 * docs_page.c
 *	  The OpenAPI document as one page of HTML.
 *
 * It has no script and loads nothing, from here or elsewhere, so its Content-Security-Policy allows
 * nothing but its own style.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "describe/openapi.h"

static const char style[] =
    "body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem;"
    "color:#222;background:#fff}"
    "code,pre{font:13px/1.45 ui-monospace,monospace;background:#f4f4f4}"
    "pre{padding:.6rem;overflow:auto}code{padding:0 .2em}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0}"
    "td,th{border:1px solid #ddd;padding:.25rem .5rem;text-align:left;vertical-align:top}"
    ".says{white-space:pre-line}h2{border-bottom:1px solid "
    "#ddd;margin-top:2.5rem}summary{cursor:pointer;padding:.2rem 0}"
    ".tier{font-size:12px;border:1px solid #999;border-radius:3px;padding:0 .4em}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}"
    "code,pre{background:#262626}td,th,h2{border-color:#444}a{color:#8bf}}";

/* Writes text so that a browser shows it as it is. */
static void
put_text(FILE *page, const char *text)
{
	for (; *text != '\0'; text++)
	{
		switch (*text)
		{
			case '&':
				fputs("&amp;", page);
				break;
			case '<':
				fputs("&lt;", page);
				break;
			case '>':
				fputs("&gt;", page);
				break;
			case '"':
				fputs("&quot;", page);
				break;
			default:
				fputc(*text, page);
		}
	}
}

static void
put_member(FILE *page, const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	if (text != NULL)
		put_text(page, text);
}

/* Writes a block of JSON. */
static void
put_json(FILE *page, const json_t *json)
{
	char *text = json_dumps(json, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_ENCODE_ANY);

	fputs("<pre>", page);
	if (text != NULL)
		put_text(page, text);
	fputs("</pre>\n", page);
	free(text);
}

/* The type of a schema in a word. */
static const char *
type_word(const json_t *schema)
{
	const json_t *type = json_object_get(schema, "type");

	if (json_object_get(schema, "format") != NULL)
		return "time";
	if (json_object_get(schema, "anyOf") != NULL)
		return "text, number or list";
	return json_is_string(type) ? json_string_value(type) : "any JSON";
}

static void
put_row(FILE *page, const char *name, const char *in, bool required, const json_t *schema,
        const json_t *described)
{
	fputs("<tr><td><code>", page);
	put_text(page, name);
	fprintf(page, "</code></td><td>%s</td><td>%s</td><td>%s</td><td>", in, type_word(schema),
	        required ? "required" : "");
	put_member(page, described, "description");
	fputs("</td></tr>\n", page);
}

/* Is the name in a list of required ones? */
static bool
is_required(const json_t *list, const char *name)
{
	size_t i;
	const json_t *entry;

	json_array_foreach(list, i, entry)
	{
		if (strcmp(json_string_value(entry), name) == 0)
			return true;
	}
	return false;
}

/* What a request carries: parameters of path, query and body in one table. */
static void
put_parameters(FILE *page, const json_t *operation)
{
	const json_t *content = json_object_get(
	    json_object_get(json_object_get(operation, "requestBody"), "content"), "application/json");
	const json_t *body = json_object_get(content, "schema");
	const json_t *required = json_object_get(body, "required");
	size_t i;
	json_t *parameter;
	const char *name;

	fputs("<table><tr><th>parameter</th><th>in</th><th>type</th><th></th><th></th></tr>\n", page);
	json_array_foreach(json_object_get(operation, "parameters"), i, parameter)
	{
		if (json_object_get(parameter, "name") != NULL)
			put_row(page, json_string_value(json_object_get(parameter, "name")),
			        json_string_value(json_object_get(parameter, "in")),
			        json_is_true(json_object_get(parameter, "required")),
			        json_object_get(parameter, "schema"), parameter);
	}
	json_object_foreach(json_object_get(body, "properties"), name, parameter)
	{
		put_row(page, name, "body", is_required(required, name), parameter, parameter);
	}
	fputs("</table>\n", page);
	if (json_object_size(json_object_get(content, "example")) > 0)
	{
		fputs("<p>Body:</p>", page);
		put_json(page, json_object_get(content, "example"));
	}
}

/* What it answers: an example of success, and the errors. */
static void
put_responses(FILE *page, const json_t *operation)
{
	const char *status;
	json_t *response;

	json_object_foreach(json_object_get(operation, "responses"), status, response)
	{
		const json_t *json =
		    json_object_get(json_object_get(response, "content"), "application/json");

		if (strcmp(status, "200") == 0)
		{
			if (json != NULL)
			{
				fputs("<p>Answer:</p>", page);
				put_json(page, json_object_get(json, "example"));
			}
			fputs("<details><summary>Errors</summary><table>\n", page);
			continue;
		}
		fprintf(page, "<tr><td>%s</td><td class=\"says\">", status);
		put_member(page, response, "description");
		fputs("</td></tr>\n", page);
	}
	fputs("</table></details>\n", page);
}

static void
put_operation(FILE *page, const char *path, const char *method, const json_t *operation)
{
	const char *tier = json_string_value(json_object_get(operation, "x-tier"));

	fputs("<h2 id=\"", page);
	put_member(page, operation, "operationId");
	fputs("\"><code>", page);
	for (const char *at = method; *at != '\0'; at++)
		fputc(*at & ~0x20, page);
	fputc(' ', page);
	put_text(page, path);
	fprintf(page, "</code> <span class=\"tier\">%s</span></h2>\n<p>",
	        strcmp(tier, "none") == 0 ? "open" : tier);
	put_member(page, operation, "summary");
	fputc(' ', page);
	put_member(page, operation, "description");
	fputs("</p>\n", page);
	put_parameters(page, operation);
	put_responses(page, operation);
}

/* The list of all operations, with links. */
static void
put_contents(FILE *page, const json_t *paths)
{
	const char *path;
	json_t *methods;

	fputs("<ul>\n", page);
	json_object_foreach((json_t *) paths, path, methods)
	{
		const char *method;
		json_t *operation;

		json_object_foreach(methods, method, operation)
		{
			fputs("<li><a href=\"#", page);
			put_member(page, operation, "operationId");
			fprintf(page, "\"><code>%s ", method);
			put_text(page, path);
			fputs("</code></a> ", page);
			put_member(page, operation, "summary");
			fputs("</li>\n", page);
		}
	}
	fputs("</ul>\n", page);
}

char *
page_of_document(const json_t *document)
{
	const json_t *info = json_object_get(document, "info");
	json_t *paths = json_object_get(document, "paths");
	char *text = NULL;
	size_t length = 0;
	FILE *page = open_memstream(&text, &length);
	const char *path;
	json_t *methods;

	if (page == NULL)
		return NULL;
	fputs("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	      "<meta name=\"viewport\" content=\"width=device-width\"><title>",
	      page);
	put_member(page, info, "title");
	fprintf(page, "</title><style>%s</style></head><body>\n<h1>", style);
	put_member(page, info, "title");
	fputc(' ', page);
	put_member(page, info, "version");
	fputs("</h1>\n<p>", page);
	put_member(page, info, "description");
	fputs(" For programs: <a href=\"openapi.json\">openapi.json</a>. A route that is not open "
	      "needs a "
	      "token: <code>Authorization: Bearer edr_…</code>.</p>\n",
	      page);
	put_contents(page, paths);
	json_object_foreach(paths, path, methods)
	{
		const char *method;
		json_t *operation;

		json_object_foreach(methods, method, operation)
		{
			put_operation(page, path, method, operation);
		}
	}
	fputs("</body></html>\n", page);
	fclose(page);
	return text;
}
