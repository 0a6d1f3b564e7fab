/*
 * docs_page.c
 *	  The OpenAPI document as one page of HTML.
 *
 * What is the same whatever the routes are, its style, its script and what it says in general, is docs_page.html;
 * here stands what becomes of the names between {{ and }} in that.  It loads nothing, from here or elsewhere.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "describe/openapi.h"
#include "describe/pages.h"

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

/* Writes JSON, indented. */
static void
put_json(FILE *page, const json_t *json)
{
	char *text = json_dumps(json, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_ENCODE_ANY |
	                                  JSON_REAL_PRECISION(15));

	if (text != NULL)
		put_text(page, text);
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

/* Writes a parameter: what it is called, where it stands, what it is, and what it is for. */
static void
put_parameter(FILE *page, const char *name, const char *in, bool required, const json_t *schema,
              const json_t *described)
{
	const json_t *example = json_object_get(described, "example");
	char *shown = example != NULL ? json_dumps(example, JSON_ENCODE_ANY) : NULL;

	fputs("<li><code>", page);
	put_text(page, name);
	fprintf(page, "</code> <small>%s, %s%s</small> <span>", in, type_word(schema),
	        required ? ", <b>required</b>" : "");
	put_member(page, described, "description");
	if (shown != NULL && strcmp(in, "path") != 0)
	{
		fputs(" <small class=\"eg\">For example <code>", page);
		put_text(page, shown);
		fputs("</code></small>", page);
	}
	fputs("</span></li>\n", page);
	free(shown);
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

/* The parameters in a body of one media type; body says which, where there are several. */
static void
put_body(FILE *page, const json_t *operation, const char *media, const char *body)
{
	const json_t *content = json_object_get(json_object_get(operation, "requestBody"), "content");
	const json_t *schema = json_object_get(json_object_get(content, media), "schema");
	const json_t *required = json_object_get(schema, "required");
	const char *name;
	json_t *property;

	json_object_foreach(json_object_get(schema, "properties"), name, property)
	{
		put_parameter(page, name, body, is_required(required, name), property, property);
	}
}

/* What a request carries: parameters of path, query, headers and body in one list. */
static void
put_parameters(FILE *page, const json_t *operation)
{
	const json_t *body = json_object_get(operation, "requestBody");
	bool form = json_object_get(json_object_get(body, "content"), "multipart/form-data") != NULL;
	size_t i;
	json_t *parameter;

	fputs("<ul class=\"params\">\n", page);
	json_array_foreach(json_object_get(operation, "parameters"), i, parameter)
	{
		if (json_object_get(parameter, "name") != NULL)
			put_parameter(page, json_string_value(json_object_get(parameter, "name")),
			              json_string_value(json_object_get(parameter, "in")),
			              json_is_true(json_object_get(parameter, "required")),
			              json_object_get(parameter, "schema"), parameter);
	}
	put_body(page, operation, "multipart/form-data", "multipart form");
	put_body(page, operation, "application/json", form ? "or JSON body" : "body");
	fputs("</ul>\n", page);
	if (body != NULL)
	{
		fputs("<p><small>The body: ", page);
		put_member(page, body, "description");
		fputs("</small></p>\n", page);
	}
}

/* The request as somebody would type it. */
static void
put_snippets(FILE *page, const json_t *operation)
{
	size_t i;
	json_t *sample;

	json_array_foreach(json_object_get(operation, "x-codeSamples"), i, sample)
	{
		fputs("<pre tabindex=\"0\" class=\"snippet ", page);
		put_member(page, sample, "label");
		fputs("\" aria-label=\"", page);
		put_member(page, sample, "label");
		fputs("\">", page);
		put_member(page, sample, "source");
		fputs("</pre>\n", page);
	}
}

/* An answer that was recorded, of this format where there are several; text goes as it is. */
static void
put_answer(FILE *page, const json_t *operation, const char *format, const json_t *answer)
{
	if (answer == NULL)
		return;
	fprintf(page, "<p>Answer%s%s%s:</p>\n<pre tabindex=\"0\" aria-label=\"answer\">",
	        format != NULL ? " in the format " : "", format != NULL ? format : "",
	        json_is_true(json_object_get(operation, "x-shortened")) ? ", shortened" : "");
	if (json_is_string(answer))
		put_text(page, json_string_value(answer));
	else
		put_json(page, answer);
	fputs("</pre>\n", page);
}

/* What it answers: an example of success, and the errors. */
static void
put_responses(FILE *page, const json_t *operation)
{
	const char *status;
	json_t *response;

	json_object_foreach(json_object_get(operation, "responses"), status, response)
	{
		const char *type;
		const char *format;
		json_t *media;
		json_t *named;

		if (strcmp(status, "200") == 0)
		{
			json_object_foreach(json_object_get(response, "content"), type, media)
			{
				put_answer(page, operation, NULL, json_object_get(media, "example"));
				json_object_foreach(json_object_get(media, "examples"), format, named)
				{
					put_answer(page, operation, format, json_object_get(named, "value"));
				}
			}
			fputs("<details><summary>Errors</summary><dl>\n", page);
			continue;
		}
		fprintf(page, "<dt>%s</dt><dd class=\"says\">", status);
		put_member(page, response, "description");
		fputs("</dd>\n", page);
	}
	fputs("</dl></details>\n", page);
}

/* Writes `METHOD path`. */
static void
put_route(FILE *page, const char *path, const char *method)
{
	fputs("<code>", page);
	for (const char *at = method; *at != '\0'; at++)
		fputc(*at & ~0x20, page);
	fputc(' ', page);
	put_text(page, path);
	fputs("</code>", page);
}

static void
put_operation(FILE *page, const char *path, const char *method, const json_t *operation)
{
	const char *tier = json_string_value(json_object_get(operation, "x-tier"));

	fputs("<article id=\"", page);
	put_member(page, operation, "operationId");
	fputs("\"><h3><a href=\"#", page);
	put_member(page, operation, "operationId");
	fputs("\">", page);
	put_route(page, path, method);
	tier = strcmp(tier, "none") == 0 ? "open" : tier;
	fprintf(page, "</a> <span class=\"tier %s\">%s</span></h3>\n<p>", tier, tier);
	put_member(page, operation, "summary");
	fputc(' ', page);
	put_member(page, operation, "description");
	fputs("</p>\n", page);
	put_parameters(page, operation);
	put_snippets(page, operation);
	put_responses(page, operation);
	fputs("</article>\n", page);
}

/* A link to an operation. */
static void
put_link(FILE *page, const char *path, const char *method, const json_t *operation)
{
	fputs("<li><a href=\"#", page);
	put_member(page, operation, "operationId");
	fputs("\">", page);
	put_route(page, path, method);
	fputs(" <span>", page);
	put_member(page, operation, "summary");
	fputs("</span></a></li>\n", page);
}

/* Writes each operation of a group, in the order of the paths. */
static void
put_group(FILE *page, const json_t *paths, const char *group,
          void (*put)(FILE *, const char *, const char *, const json_t *))
{
	const char *path;
	json_t *methods;

	json_object_foreach((json_t *) paths, path, methods)
	{
		const char *method;
		json_t *operation;

		json_object_foreach(methods, method, operation)
		{
			const json_t *tag = json_array_get(json_object_get(operation, "tags"), 0);

			if (strcmp(json_string_value(tag), group) == 0)
				put(page, path, method, operation);
		}
	}
}

/* Writes all groups: as lists of links, or with all that there is to say. */
static void
put_groups(FILE *page, const json_t *document, bool links)
{
	const json_t *paths = json_object_get(document, "paths");
	size_t i;
	json_t *group;

	json_array_foreach(json_object_get(document, "tags"), i, group)
	{
		fputs(links ? "<section><h2>" : "<section class=\"group\"><h2>", page);
		put_member(page, group, "name");
		fputs("</h2>\n", page);
		if (!links)
		{
			fputs("<p>", page);
			put_member(page, group, "description");
			fputs("</p>\n", page);
		}
		fputs(links ? "<ul>\n" : "", page);
		put_group(page, paths, json_string_value(json_object_get(group, "name")),
		          links ? put_link : put_operation);
		fputs(links ? "</ul></section>\n" : "</section>\n", page);
	}
}

/* Writes what a name between {{ and }} stands for; false: nothing has the name. */
static bool
put_place(FILE *page, const json_t *document, const char *name, size_t length)
{
	const json_t *info = json_object_get(document, "info");

	if (strncmp(name, "contents", length) == 0)
		put_groups(page, document, true);
	else if (strncmp(name, "operations", length) == 0)
		put_groups(page, document, false);
	else if (strncmp(name, "title", length) == 0 || strncmp(name, "version", length) == 0 ||
	         strncmp(name, "description", length) == 0)
	{
		char member[16];

		snprintf(member, sizeof(member), "%.*s", (int) length, name);
		put_member(page, info, member);
	}
	else
		return false;
	return true;
}

char *
page_of_document(const json_t *document, const char *path)
{
	char *frame = page_read(path);
	char *text = NULL;
	size_t length = 0;
	FILE *page = frame != NULL ? open_memstream(&text, &length) : NULL;
	const char *at = frame;

	if (page == NULL)
		return NULL;
	for (const char *place; (place = strstr(at, "{{")) != NULL; at = strstr(place, "}}") + 2)
	{
		fprintf(page, "%.*s", (int) (place - at), at);
		if (!put_place(page, document, place + 2, strcspn(place + 2, "}")))
		{
			fprintf(stderr, "%s: nothing is called %.20s\n", path, place);
			exit(EXIT_FAILURE);
		}
	}
	fputs(at, page);
	fclose(page);
	free(frame);
	return text;
}
