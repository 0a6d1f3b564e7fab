/*
 * text.c
 *	  Texts that came with a request: can the database store them, can they be parsed at a fair price?
 */
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#include <unistr.h>

#include "../../extension/text/blank.h"

#define FIRST_ROOM 1024

bool
buffer_reserve(Buffer *buffer, size_t more)
{
	size_t room = buffer->room > 0 ? buffer->room : FIRST_ROOM;
	char *larger;

	while (room < buffer->length + more)
		room *= 2;
	if (room == buffer->room)
		return true;
	larger = realloc(buffer->bytes, room);
	if (larger == NULL)
		return false;
	buffer->bytes = larger;
	buffer->room = room;
	return true;
}

bool
is_token_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

uint64_t
hash_text(uint64_t hash, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char) text[i]) * UINT64_C(0x100000001b3);
	return hash;
}

char *
text_copy(const char *text)
{
	return text != NULL ? strdup(text) : NULL;
}

bool
text_is_blank(const char *text)
{
	static const struct
	{
		ucs4_t first;
		ucs4_t last;
	} ranges[] = {WHITE_SPACE_RANGES, UNSEEN_RANGES};
	const uint8_t *at = (const uint8_t *) text;
	ucs4_t character;

	while ((at = u8_next(&character, at)) != NULL)
	{
		bool is_seen = true;

		for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
			is_seen &= character < ranges[i].first || character > ranges[i].last;
		if (is_seen)
			return false;
	}
	return true;
}

/* Does it begin as UTF-16 does, with a byte order mark or a letter of ASCII? */
static bool
is_utf16(const char *text, size_t length)
{
	return length >= 2 && length % 2 == 0 &&
	       (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0 ||
	        (text[0] == '\0') != (text[1] == '\0'));
}

EdurangeError
text_fault(const char *text, size_t length, const char **sentence)
{
	bool has_null = memchr(text, '\0', length) != NULL;

	if (!has_null && u8_check((const uint8_t *) text, length) == NULL)
		return EDURANGE_OK;
	*sentence = has_null ? "has a null byte" : "is not valid UTF-8";
	if (is_utf16(text, length))
		*sentence = "is UTF-16, and must be UTF-8";
	else if (has_null)
		return EDURANGE_INVALID_TEXT;
	return EDURANGE_INVALID_ENCODING;
}

JsonSize
json_size(const char *text, size_t length)
{
	JsonSize size = {.values = 1};
	bool in_string = false;
	size_t before = 0;
	int depth = 0;

	for (size_t i = 0; i < length; i++)
	{
		char c = text[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (in_string)
			continue;
		else if (c == '{' || c == '[')
		{
			size.values++;
			if (++depth > size.depth)
				size.depth = depth;
		}
		else if (c == '}' || c == ']')
			depth--;
		else if (c == ',')
		{
			size.values++;
			if (depth <= 2)
				before = size.values;
		}
		if (size.values - before > size.part)
			size.part = size.values - before;
	}
	return size;
}

bool
json_body_check(const char *body, size_t length, size_t values, Failure *failure)
{
	JsonSize size = json_size(body, length);

	if (length == 0)
		failure_set(failure, EDURANGE_INVALID_JSON, "the request body is empty");
	else if (size.depth > JSON_MAX_DEPTH)
		failure_set(failure, EDURANGE_TOO_DEEP, "the request body is nested too deeply");
	else if (size.values > values)
		failure_set(failure, EDURANGE_PAYLOAD_TOO_LARGE,
		            "the request body may have at most %zu values", values);
	return failure->info == NULL;
}

bool
text_body_check(const char *body, size_t length, Failure *failure)
{
	const char *sentence;
	EdurangeError fault = text_fault(body, length, &sentence);

	return fault == EDURANGE_OK || failure_set(failure, fault, "the request body %s", sentence);
}

bool
json_document_check(const char *body, size_t length, size_t values, Failure *failure)
{
	return json_body_check(body, length, values, failure) && text_body_check(body, length, failure);
}
