/*
 * text.c
 *	  Texts that came with a request: can the database store them, can they be parsed at a fair price?
 */
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#include <unistr.h>

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

EdurangeError
text_fault(const char *text, size_t length)
{
	if (memchr(text, '\0', length) != NULL)
		return EDURANGE_INVALID_TEXT;
	return u8_check((const uint8_t *) text, length) == NULL ? EDURANGE_OK
	                                                        : EDURANGE_INVALID_ENCODING;
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
json_document_check(const char *body, size_t length, size_t values, Failure *failure)
{
	EdurangeError fault;

	if (!json_body_check(body, length, values, failure))
		return false;
	fault = text_fault(body, length);
	if (fault != EDURANGE_OK)
		failure_set(failure, fault, "the request body %s",
		            fault == EDURANGE_INVALID_TEXT ? "has a null byte" : "is not valid UTF-8");
	return fault == EDURANGE_OK;
}
