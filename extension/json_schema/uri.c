/*
 * uri.c
 *	  URI references, resolved as RFC 3986 says.
 */
#include "postgres.h"

#include <ctype.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "json_schema/uri.h"

/* The parts of a URI reference; NULL: the part is absent, which is not the same as empty. */
typedef struct UriParts
{
	char *scheme;
	char *authority;
	char *path;
	char *query;
	char *fragment;
} UriParts;

/* The length of the scheme at the start of the text, 0 when there is none. */
static size_t
scheme_length(const char *text)
{
	size_t length = 0;

	if (!isalpha((unsigned char) text[0]))
		return 0;
	while (isalnum((unsigned char) text[length]) ||
	       (text[length] != '\0' && strchr("+-.", text[length]) != NULL))
		length++;
	return text[length] == ':' ? length : 0;
}

/* Takes the text apart. */
static UriParts
split_uri(const char *text)
{
	UriParts parts = {0};
	size_t length = scheme_length(text);

	if (length > 0)
	{
		parts.scheme = pnstrdup(text, length);
		text += length + 1;
	}
	if (strncmp(text, "//", 2) == 0)
	{
		text += 2;
		length = strcspn(text, "/?#");
		parts.authority = pnstrdup(text, length);
		text += length;
	}
	length = strcspn(text, "?#");
	parts.path = pnstrdup(text, length);
	text += length;
	if (*text == '?')
	{
		length = strcspn(++text, "#");
		parts.query = pnstrdup(text, length);
		text += length;
	}
	if (*text == '#')
		parts.fragment = pstrdup(text + 1);
	return parts;
}

/* Puts the parts together. */
static char *
join_uri(const UriParts *parts)
{
	StringInfoData uri;

	initStringInfo(&uri);
	if (parts->scheme != NULL)
		appendStringInfo(&uri, "%s:", parts->scheme);
	if (parts->authority != NULL)
		appendStringInfo(&uri, "//%s", parts->authority);
	appendStringInfoString(&uri, parts->path);
	if (parts->query != NULL)
		appendStringInfo(&uri, "?%s", parts->query);
	if (parts->fragment != NULL)
		appendStringInfo(&uri, "#%s", parts->fragment);
	return uri.data;
}

/* Takes the last segment and the slash before it off a path that is being built. */
static void
drop_last_segment(StringInfo path)
{
	while (path->len > 0 && path->data[path->len - 1] != '/')
		path->len--;
	if (path->len > 0)
		path->len--;
	path->data[path->len] = '\0';
}

/* The path without its segments "." and "..".  A relative one stays relative. */
static char *
remove_dot_segments(const char *path)
{
	bool absolute = *path == '/';
	StringInfoData result;

	initStringInfo(&result);
	while (*path != '\0')
	{
		const char *segment = path + (*path == '/');
		size_t length = strcspn(segment, "/");
		bool last = segment[length] == '\0';
		bool relative = *path != '/';

		if (length == 1 && segment[0] == '.')
		{
			if (last && *path == '/')
				appendStringInfoChar(&result, '/');
		}
		else if (length == 2 && strncmp(segment, "..", 2) == 0)
		{
			drop_last_segment(&result);
			if (last && *path == '/')
				appendStringInfoChar(&result, '/');
		}
		else
		{
			appendBinaryStringInfo(&result, path, (int) (segment - path + length));
			relative = false;
		}
		path = segment + length;
		if (relative && *path == '/')
			path++;
	}
	if (!absolute && result.data[0] == '/')
		return result.data + 1;
	return result.data;
}

/* A relative path in the place of the last segment of the base's path. */
static char *
merge_paths(const UriParts *base, const char *path)
{
	const char *slash = strrchr(base->path, '/');

	if (base->authority != NULL && base->path[0] == '\0')
		return psprintf("/%s", path);
	if (slash == NULL)
		return pstrdup(path);
	return psprintf("%.*s%s", (int) (slash - base->path + 1), base->path, path);
}

char *
uri_resolve(const char *base_uri, const char *reference)
{
	UriParts base = split_uri(base_uri);
	UriParts target = split_uri(reference);

	if (target.scheme != NULL)
	{
		target.path = remove_dot_segments(target.path);
		return join_uri(&target);
	}
	target.scheme = base.scheme;
	if (target.authority != NULL)
	{
		target.path = remove_dot_segments(target.path);
		return join_uri(&target);
	}
	target.authority = base.authority;
	if (target.path[0] == '\0')
	{
		target.path = base.path;
		if (target.query == NULL)
			target.query = base.query;
	}
	else if (target.path[0] == '/')
		target.path = remove_dot_segments(target.path);
	else
		target.path = remove_dot_segments(merge_paths(&base, target.path));
	return join_uri(&target);
}

char *
uri_split(const char *uri, char **fragment)
{
	size_t length = strcspn(uri, "#");

	*fragment = uri[length] == '#' ? pstrdup(uri + length + 1) : NULL;
	return pnstrdup(uri, length);
}

/* The value of a hexadecimal digit, or -1. */
static int
hex_value(char digit)
{
	const char *digits = "0123456789abcdef";
	const char *at = digit == '\0' ? NULL : strchr(digits, tolower((unsigned char) digit));

	return at == NULL ? -1 : (int) (at - digits);
}

char *
uri_decode(const char *text)
{
	StringInfoData result;

	initStringInfo(&result);
	for (; *text != '\0'; text++)
	{
		if (*text == '%' && hex_value(text[1]) >= 0 && hex_value(text[2]) >= 0)
		{
			appendStringInfoChar(&result, (char) (hex_value(text[1]) * 16 + hex_value(text[2])));
			text += 2;
		}
		else
			appendStringInfoChar(&result, *text);
	}
	if (!pg_verify_mbstr(PG_UTF8, result.data, result.len, true))
		return NULL;
	return result.data;
}
