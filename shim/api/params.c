/*
 * params.c
 *	  Typed parameters: decoding, checking, and the text that the database receives.
 *
 * A message names the parameter and the type it must have, never the value that came.
 */
#include "api/params.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "api/literals.h"
#include "api/unknown.h"
#include "base/text.h"
#include "base/text_array.h"

/* One parameter as it came: text of a query or path, or a value in a body of JSON. */
typedef struct Given
{
	const char *name; /* under which of its names it came */
	const char *text;
	const json_t *json;
	const char *body; /* as it was written */
} Given;

/* Always NULL. */
static char *
fail_type(Failure *failure, const Param *param, const char *expected)
{
	failure_set(failure, EDURANGE_INVALID_TYPE, "parameter \"%s\" must be %s", param->name,
	            expected);
	return NULL;
}

/* Is it written as a whole number? */
static bool
is_whole(const char *text)
{
	const char *digits = text + (text[0] == '-');
	size_t count = strspn(digits, "0123456789");

	return count > 0 && digits[count] == '\0';
}

/* A whole number of four bytes. */
static char *
bind_integer(const Param *param, Given given, Failure *failure)
{
	double number = 0;
	bool whole;
	char *text;

	if (given.text != NULL)
	{
		whole = is_whole(given.text);
		number = whole ? strtod(given.text, NULL) : 0;
	}
	else
	{
		/* a body with a whole number that no integer holds was parsed with all of them as real */
		char *written = json_is_real(given.json) ? numeral_of_member(given.body, given.name) : NULL;

		whole = json_is_integer(given.json) || (written != NULL && is_whole(written));
		number = json_number_value(given.json);
		free(written);
	}
	if (number < INT_MIN || number > INT_MAX)
		failure_set(failure, EDURANGE_OUT_OF_RANGE,
		            "parameter \"%s\" must be a whole number from %d to %d", param->name, INT_MIN,
		            INT_MAX);
	else if (!whole)
		fail_type(failure, param, "a whole number");
	else if (asprintf(&text, "%d", (int) number) >= 0)
		return text;
	return NULL;
}

static char *
bind_boolean(const Param *param, Given given, Failure *failure)
{
	if (json_is_true(given.json) || (given.text != NULL && strcmp(given.text, "true") == 0))
		return strdup("true");
	if (json_is_false(given.json) || (given.text != NULL && strcmp(given.text, "false") == 0))
		return strdup("false");
	return fail_type(failure, param, "true or false");
}

static const char *
text_of(Given given)
{
	return given.text != NULL ? given.text : json_string_value(given.json);
}

static char *
bind_text(const Param *param, Given given, Failure *failure)
{
	const char *text = text_of(given);

	return text != NULL ? strdup(text) : fail_type(failure, param, "a text");
}

/*
 * An ISO 8601 time, with an offset or in UTC.  PostgreSQL reads much more than that ("tomorrow"),
 * and would read a time without an offset in the session's zone.
 */
static char *
bind_timestamp(const Param *param, Given given, Failure *failure)
{
	const char *text = text_of(given);
	const char *missing;
	EdurangeError error = text != NULL ? time_check(text, &missing) : EDURANGE_INVALID_TYPE;
	char *bound;

	if (error == EDURANGE_OK)
		return asprintf(&bound, "%s%s", text, missing) >= 0 ? bound : NULL;
	failure_set(failure, error,
	            error == EDURANGE_TIME_OUT_OF_RANGE
	                ? "parameter \"%s\" is a time that does not exist, or beyond the year 9999"
	                : "parameter \"%s\" must be an ISO 8601 time",
	            param->name);
	return NULL;
}

static bool
is_text_list(const json_t *json)
{
	size_t i;
	json_t *element;

	if (!json_is_array(json))
		return false;
	json_array_foreach(json, i, element) if (!json_is_string(element)) return false;
	return true;
}

/* Is nothing chosen, or nothing to see in what is?  As a text the list would not be blank, and would be judged. */
static bool
is_blank_list(const json_t *list)
{
	size_t i;
	json_t *element;

	json_array_foreach(list, i, element)
	{
		if (!text_is_blank(json_string_value(element)))
			return false;
	}
	return true;
}

/* A list of texts, as the text form of a PostgreSQL array. */
static char *
bind_text_list(const Param *param, Given given, Failure *failure)
{
	TextArray array = {0};
	size_t i;
	json_t *element;

	if (!is_text_list(given.json))
		return fail_type(failure, param, "a list of texts");
	json_array_foreach(given.json, i, element)
	{
		if (!text_array_add(&array, json_string_value(element), json_string_length(element)))
		{
			text_array_free(&array);
			return NULL;
		}
	}
	return text_array_finish(&array);
}

/* A number as an answer is the text that the database writes it with. */
static char *
bind_number_as_text(const Param *param, Given given, Failure *failure)
{
	char *written = numeral_of_member(given.body, given.name);
	char text[NUMERAL_SIZE];

	if (written != NULL && numeral_write_out(written, text))
	{
		free(written);
		return strdup(text);
	}
	free(written);
	failure_set(failure, EDURANGE_OUT_OF_RANGE,
	            "parameter \"%s\" is a number of more than %d digits", param->name,
	            EDURANGE_MOST_DIGITS);
	return NULL;
}

/* An answer: a text, a number by its text, or a list of texts as JSON. */
static char *
bind_answer(const Param *param, Given given, Failure *failure)
{
	if (json_is_number(given.json))
		return bind_number_as_text(param, given, failure);
	if (is_text_list(given.json) && is_blank_list(given.json))
	{
		failure_set(failure, EDURANGE_MISSING_PARAMETER, "parameter \"%s\" is blank", param->name);
		return NULL;
	}
	if (is_text_list(given.json))
		return json_dumps(given.json, JSON_COMPACT);
	if (text_of(given) != NULL)
		return bind_text(param, given, failure);
	return fail_type(failure, param, "a text, a number or a list of texts");
}

/* Any JSON as its text.  Clients send it as JSON or as a text that holds JSON. */
static char *
bind_json(const Param *param, Given given, Failure *failure)
{
	const char *text = text_of(given);

	if (json_is_number(given.json))
		return numeral_of_member(given.body, given.name);
	return text != NULL ? strdup(text) : json_dumps(given.json, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* How a value of each type becomes the text for the database, to be freed; NULL: a failure, or out of memory. */
static char *(*const binders[])(const Param *param, Given given, Failure *failure) = {
    [TYPE_TEXT] = bind_text,           [TYPE_INTEGER] = bind_integer,
    [TYPE_BOOLEAN] = bind_boolean,     [TYPE_TIMESTAMP] = bind_timestamp,
    [TYPE_TEXT_LIST] = bind_text_list, [TYPE_ANSWER] = bind_answer,
    [TYPE_JSON] = bind_json,           [TYPE_DOCUMENT] = bind_text,
    [TYPE_TABLE] = bind_text,
};

/* Finds a parameter under any of its names; false and a failure when it is given more than once. */
static bool
find_given(const Param *param, const Target *target, const Upload *upload, const json_t *object,
           Given *given, Failure *failure)
{
	int fields = param->source == FROM_QUERY ? target->nfields + upload->nfields : 0;
	int found = 0;
	const char *name;

	for (int i = 0; (name = param_name(param, i)) != NULL; i++)
	{
		const json_t *value = json_object_get(object, name);

		if (param->source == FROM_BODY && value != NULL && !json_is_null(value) && found++ == 0)
			*given = (Given){.name = name, .json = value, .body = given->body};
		for (int j = 0; j < fields; j++)
		{
			const Field *field =
			    j < target->nfields ? &target->fields[j] : &upload->fields[j - target->nfields];

			if (strcmp(field->name, name) == 0 && found++ == 0)
				*given = (Given){.name = name, .text = field->value};
		}
	}
	if (found > 1)
		failure_set(failure, EDURANGE_INVALID_PARAMETER, "parameter \"%s\" is given more than once",
		            param->name);
	else if (found == 1 && given->text == NULL && given->json == NULL)
		failure_set(failure, EDURANGE_INVALID_PARAMETER, "parameter \"%s\" is not a short text",
		            param->name);
	return failure->info == NULL;
}

/* What the parser may have to say, without repeating any of the body. */
static const struct
{
	enum json_error_code code;
	EdurangeError error;
	const char *message;
} json_faults[] = {
    {json_error_duplicate_key, EDURANGE_INVALID_JSON, "the request body has the same key twice"},
    {json_error_null_character, EDURANGE_INVALID_TEXT,
     "the request body has a null character in a text"},
    {json_error_null_byte_in_key, EDURANGE_INVALID_TEXT,
     "the request body has a null character in a text"},
    {json_error_invalid_utf8, EDURANGE_INVALID_ENCODING, "the request body is not valid UTF-8"},
    {json_error_numeric_overflow, EDURANGE_OUT_OF_RANGE,
     "the request body has a number that is too large"},
};

/* Says what is wrong with a body that the parser refused; it stopped right behind a key that is there twice. */
static void
fail_json(const Route *route, const char *body, const json_error_t *error, Values *values,
          Failure *failure)
{
	enum json_error_code code = json_error_code(error);
	const char *end = body + (code == json_error_duplicate_key ? error->position - 1 : 0);
	const char *key = end;
	const char *name;
	int param;

	failure_set(failure, EDURANGE_INVALID_JSON,
	            "the request body is not valid JSON (line %d, column %d)", error->line,
	            error->column);
	for (size_t i = 0; i < sizeof(json_faults) / sizeof(json_faults[0]); i++)
		if (json_faults[i].code == code)
			failure_set(failure, json_faults[i].error, "%s", json_faults[i].message);
	while (key > body && key[-1] != '"')
		key--;
	param = route_param(route, key, (size_t) (end - key), &name);
	if (param < 0)
		return;
	values->names[param] = name;
	failure_set(failure, EDURANGE_INVALID_JSON, "parameter \"%s\" is given more than once", name);
}

/* Reads a body that must be one JSON object; NULL and a failure when it is not. */
static json_t *
parse_object(const Route *route, const char *body, size_t length, Values *values, Failure *failure)
{
	const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
	json_error_t error;
	json_t *object;

	/* what Windows PowerShell puts in front of what it sends */
	if (strncmp(body, "\xef\xbb\xbf", 3) == 0)
	{
		body += 3;
		length -= 3;
	}
	if (!json_body_check(body, length, body_kinds[route->body].values, failure))
		return NULL;
	object = json_loadb(body, length, flags, &error);
	/* a number that the parser cannot hold may be an answer; or its parameter is to be named */
	if (object == NULL && json_error_code(&error) == json_error_numeric_overflow)
	{
		char *held = numerals_held(body, length);

		if (held != NULL)
			object = json_loadb(held, length, flags | JSON_DECODE_INT_AS_REAL, &error);
		free(held);
	}
	if (object == NULL)
		fail_json(route, body, &error, values, failure);
	else if (!json_is_object(object))
	{
		failure_set(failure, EDURANGE_INVALID_JSON, "the request body must be a JSON object");
		json_decref(object);
		object = NULL;
	}
	return object;
}

/* Did the request give the parameter?  An empty text is as none, but no number, no time, and neither true nor false. */
static bool
is_given(const Param *param, Given given)
{
	const char *text = text_of(given);

	if (param->source == FROM_QUERY && param->type != TYPE_TEXT)
		return given.text != NULL;
	return text != NULL ? text[0] != '\0' : given.json != NULL;
}

/* Binds one parameter. */
static void
bind_param(const Param *param, Given given, Values *values, Failure *failure)
{
	if (!is_given(param, given) && (param->required || given.json == NULL))
	{
		if (param->required)
			failure_set(failure, EDURANGE_MISSING_PARAMETER, "parameter \"%s\" is required",
			            param->name);
		values->values[values->count++] = NULL;
	}
	else
	{
		values->values[values->count] = binders[param->type](param, given, failure);
		if (values->values[values->count++] == NULL && failure->info == NULL)
			failure_set(failure, EDURANGE_INTERNAL, "internal error");
	}
}

/*
 * Makes the values of a route's statement from what came with a request.  The body must be followed
 * by a null byte; what an upload holds moves to the values.  On failure, too, the values are to be freed.
 */
bool
params_bind(const RouteMatch *match, const Target *target, const Identity *identity,
            const char *body, size_t body_length, Upload *upload, Values *values, Failure *failure)
{
	const Route *route = match->route;
	json_t *object = NULL;
	int path_value = 0;

	if (route->body == BODY_OBJECT)
		object = parse_object(route, body, body_length, values, failure);
	else if (route->body == BODY_DOCUMENT)
		(void) json_document_check(body, body_length, body_kinds[route->body].values, failure);
	else if (route->body == BODY_TABLE)
		(void) text_body_check(body, body_length, failure);
	if (failure->info == NULL)
		(void) unknown_check(route, target, upload, object, failure);

	for (int i = 0; failure->info == NULL && i < MAX_PARAMS && route->params[i].name != NULL; i++)
	{
		const Param *param = &route->params[i];
		Given given = {.body = body};

		if (param->ignored)
			continue;
		if (param->type == TYPE_PACK)
		{
			char **part = &upload->parts[param->part];

			values->values[values->count++] = *part;
			*part = NULL;
			continue;
		}
		if (param->source == FROM_UPLOAD)
			given.text = upload->uploader;
		else if (param->type == TYPE_DOCUMENT || param->type == TYPE_TABLE)
			given.text = body;
		else if (param->source == FROM_PATH)
			given.text = target->segments[match->values[path_value++]];
		else
			(void) find_given(param, target, upload, object, &given, failure);
		values->names[i] = given.name;
		if (failure->info != NULL)
			break;
		if (param->bound != 0 && !is_given(param, given))
			given = (Given){.text = identity->values[param->bound]};
		bind_param(param, given, values, failure);
		values->slow |= param->slow && values->values[values->count - 1] != NULL;
	}
	json_decref(object);
	return failure->info == NULL;
}

/* How the request spells a parameter that goes by this name, or documents it; NULL: it has none. */
static const char *
spelling_of(const Route *route, const Values *values, const char *name, size_t length)
{
	static const char *const headers[][2] = {{"idempotency_key", "Idempotency-Key"},
	                                         {"installed_by", "X-Uploader-User-Id"}};
	const char *known;
	int i = route_param(route, name, length, &known);

	if (i >= 0)
		return values->names[i] != NULL ? values->names[i] : route->params[i].name;
	for (i = 0; i < 2; i++)
		if (strlen(headers[i][0]) == length && memcmp(headers[i][0], name, length) == 0)
			return headers[i][1];
	return NULL;
}

/* Where the next name of a parameter begins: behind that word, or in a list behind the name that ends at this text. */
static const char *
next_name(const char *text, bool ends_name)
{
	static const char *const words[] = {"parameter \"", "parameters \""};
	static const char *const separators[] = {"\", \"", "\" and \"", "\" or \""};
	const char *next = NULL;

	for (size_t i = 0; ends_name && i < sizeof(separators) / sizeof(separators[0]); i++)
		if (strncmp(text, separators[i], strlen(separators[i])) == 0)
			return text + strlen(separators[i]);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		const char *found = strstr(text, words[i]);

		if (found != NULL && (next == NULL || found + strlen(words[i]) < next))
			next = found + strlen(words[i]);
	}
	return next;
}

void
params_rename(const Route *route, const Values *values, Failure *failure)
{
	size_t done = 0;
	const char *name;

	while (failure->message != NULL &&
	       (name = next_name(failure->message + done, done > 0)) != NULL)
	{
		size_t length = strcspn(name, "\"");
		const char *spelling = spelling_of(route, values, name, length);
		char *message;

		done = (size_t) (name - failure->message) + length;
		if (spelling == NULL || asprintf(&message, "%.*s%s%s", (int) (name - failure->message),
		                                 failure->message, spelling, name + length) < 0)
			continue;
		done += strlen(spelling) - length;
		free(failure->message);
		failure->message = message;
	}
}

/* Frees the values. */
void
values_free(Values *values)
{
	for (int i = 0; i < values->count; i++)
		free(values->values[i]);
	values->count = 0;
}
