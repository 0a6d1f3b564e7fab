/*
 * form.c
 *	  The parts of a multipart/form-data body, where they lie.
 *
 * libmicrohttpd's own reader needs a connection, so only a running server could test it, and copies
 * what it reads.  Here the whole body is in memory already, and a part is a place in it.
 */
#include "packs/form.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define MAX_BOUNDARY 70
#define MAX_PARTS 256
#define MAX_HEADERS 8192 /* bytes of one part */

/* A place in the body. */
typedef struct Cursor
{
	const char *at;
	const char *end;
} Cursor;

static bool
refuse(Failure *failure, const char *reason)
{
	return failure_set(failure, EDURANGE_INVALID_FORM, "the form in the request body %s", reason);
}

static bool
starts_with(Cursor cursor, const char *text, size_t length)
{
	return (size_t) (cursor.end - cursor.at) >= length && memcmp(cursor.at, text, length) == 0;
}

/* ---- headers --------------------------------------------------------------------------------- */

static void
skip_blanks(Cursor *cursor)
{
	while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t'))
		cursor->at++;
}

/*
 * The value in quotation marks that begins here, to be freed; NULL when it does not end.  A quotation
 * mark or backslash within it stands behind a backslash.
 */
static char *
take_quoted(Cursor *cursor)
{
	char *value = malloc((size_t) (cursor->end - cursor->at) + 1);
	char *to = value;

	for (cursor->at++; value != NULL && cursor->at < cursor->end; cursor->at++)
	{
		if (*cursor->at == '"')
		{
			cursor->at++;
			*to = '\0';
			return value;
		}
		if (*cursor->at == '\\' && cursor->end - cursor->at > 1 &&
		    (cursor->at[1] == '"' || cursor->at[1] == '\\'))
			cursor->at++;
		*to++ = *cursor->at;
	}
	free(value);
	return NULL;
}

/* The value that begins here, to be freed. */
static char *
take_value(Cursor *cursor)
{
	const char *begin = cursor->at;

	if (cursor->at < cursor->end && *cursor->at == '"')
		return take_quoted(cursor);
	while (cursor->at < cursor->end && *cursor->at != ';' && *cursor->at != ' ' &&
	       *cursor->at != '\t')
		cursor->at++;
	return strndup(begin, (size_t) (cursor->at - begin));
}

/* The value of a parameter of a header, such as boundary or filename, to be freed; NULL: none. */
static char *
form_parameter(const char *header, size_t length, const char *name)
{
	Cursor cursor = {header, header + length};

	cursor.at = memchr(header, ';', length);
	while (cursor.at != NULL && cursor.at < cursor.end && *cursor.at == ';')
	{
		const char *key;
		size_t key_length;
		char *value;

		cursor.at++;
		skip_blanks(&cursor);
		key = cursor.at;
		while (cursor.at < cursor.end && is_token_character(*cursor.at))
			cursor.at++;
		key_length = (size_t) (cursor.at - key);
		if (cursor.at == cursor.end || *cursor.at != '=')
			return NULL;
		cursor.at++;
		value = take_value(&cursor);
		if (value == NULL)
			return NULL;
		if (key_length == strlen(name) && strncasecmp(key, name, key_length) == 0)
			return value;
		free(value);
		skip_blanks(&cursor);
	}
	return NULL;
}

/*
 * The file name in the form of RFC 5987, without charset and language.  Its escapes stay: only how it
 * ends is ever looked at.
 */
static char *
extended_file_name(const char *header, size_t length)
{
	char *value = form_parameter(header, length, "filename*");
	char *quote = value != NULL ? strchr(value, '\'') : NULL;

	quote = quote != NULL ? strchr(quote + 1, '\'') : NULL;
	if (quote != NULL)
		memmove(value, quote + 1, strlen(quote));
	return value;
}

/*
 * Reads one line of a part's header; false when the part is broken, or is to be decoded first, which
 * no form of today needs.
 */
static bool
read_header(const char *line, size_t length, FormPart *part, Failure *failure)
{
	static const char disposition[] = "Content-Disposition:";
	static const char encoding[] = "Content-Transfer-Encoding:";
	Cursor value = {line, line + length};

	if (memchr(line, '\0', length) != NULL || memchr(line, ':', length) == NULL)
		return refuse(failure, "has a part with a broken header");
	if (length >= strlen(encoding) && strncasecmp(line, encoding, strlen(encoding)) == 0)
	{
		value.at += strlen(encoding);
		skip_blanks(&value);
		if (strncasecmp(value.at, "base64", 6) == 0 || strncasecmp(value.at, "quoted-", 7) == 0)
			return refuse(failure, "has a part with a Content-Transfer-Encoding");
	}
	if (length < strlen(disposition) || strncasecmp(line, disposition, strlen(disposition)) != 0)
		return true;
	value.at += strlen(disposition);
	skip_blanks(&value);
	length = (size_t) (value.end - value.at);
	if (part->name != NULL || length < 9 || strncasecmp(value.at, "form-data", 9) != 0)
		return refuse(failure, "has a part with a Content-Disposition of another kind");
	part->name = form_parameter(value.at, length, "name");
	if (part->name == NULL)
		return refuse(failure, "has a part without a name");
	part->file_name = form_parameter(value.at, length, "filename");
	if (part->file_name == NULL)
		part->file_name = extended_file_name(value.at, length);
	return true;
}

/* Reads the header of a part, up to the empty line. */
static bool
read_headers(Cursor *cursor, FormPart *part, Failure *failure)
{
	const char *limit = cursor->at + MAX_HEADERS;

	while (!starts_with(*cursor, "\r\n", 2))
	{
		const char *end = memmem(cursor->at, (size_t) (cursor->end - cursor->at), "\r\n", 2);

		if (end == NULL || end > limit)
			return refuse(failure, "has a part whose header does not end");
		if (!read_header(cursor->at, (size_t) (end - cursor->at), part, failure))
			return false;
		cursor->at = end + 2;
	}
	cursor->at += 2;
	return part->name != NULL || refuse(failure, "has a part without a name");
}

/* ---- parts ----------------------------------------------------------------------------------- */

/* Makes what stands between two parts, from the boundary in the Content-Type; false: it has none. */
static bool
make_delimiter(const char *content_type, char delimiter[MAX_BOUNDARY + 5], Failure *failure)
{
	char *boundary = form_parameter(content_type, strlen(content_type), "boundary");
	size_t length = boundary != NULL ? strlen(boundary) : 0;

	if (length > 0 && length <= MAX_BOUNDARY)
	{
		memcpy(delimiter, "\r\n--", 4);
		memcpy(delimiter + 4, boundary, length + 1);
	}
	else
		refuse(failure, "has no boundary in its Content-Type, or one that is too long");
	free(boundary);
	return failure->info == NULL;
}

/* Steps over what follows a boundary: 1 before another part, 0 behind the last, -1: neither. */
static int
step_over(Cursor *cursor)
{
	if (starts_with(*cursor, "--", 2))
		return 0;
	skip_blanks(cursor);
	if (!starts_with(*cursor, "\r\n", 2))
		return -1;
	cursor->at += 2;
	return 1;
}

/* Reads one part, up to the delimiter behind it. */
static bool
read_part(Cursor *cursor, const char *delimiter, FormVisit visit, void *closure, Failure *failure)
{
	FormPart part = {0};
	size_t length = strlen(delimiter);
	const char *end = NULL;
	bool fine = read_headers(cursor, &part, failure);

	if (fine)
	{
		/* where a part is empty, the line end of its header is that of the delimiter, too */
		part.content = cursor->at;
		end = memmem(cursor->at, (size_t) (cursor->end - cursor->at), delimiter, length);
		if (starts_with(*cursor, delimiter + 2, length - 2))
			end = cursor->at - 2;
		fine = end != NULL;
		if (!fine)
			(void) refuse(failure, "does not end with its boundary");
	}
	if (fine)
	{
		part.length = end > part.content ? (size_t) (end - part.content) : 0;
		cursor->at = end + length;
		fine = visit(closure, &part, failure);
	}
	free(part.name);
	free(part.file_name);
	return fine;
}

bool
form_read(const char *content_type, const char *body, size_t length, FormVisit visit, void *closure,
          Failure *failure)
{
	Cursor cursor = {body, body + length};
	char delimiter[MAX_BOUNDARY + 5];
	size_t delimiter_length;
	int more;

	if (!make_delimiter(content_type, delimiter, failure))
		return false;
	delimiter_length = strlen(delimiter);
	if (starts_with(cursor, delimiter + 2, delimiter_length - 2))
		cursor.at += delimiter_length - 2;
	else
	{
		cursor.at = memmem(body, length, delimiter, delimiter_length);
		if (cursor.at == NULL)
			return refuse(failure, "does not have the boundary of its Content-Type");
		cursor.at += delimiter_length;
	}
	for (int parts = 0; (more = step_over(&cursor)) == 1; parts++)
	{
		if (parts == MAX_PARTS)
			return refuse(failure, "has too many parts");
		if (!read_part(&cursor, delimiter, visit, closure, failure))
			return false;
	}
	return more == 0 || refuse(failure, "has something else behind a boundary");
}
