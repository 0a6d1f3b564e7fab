/*
 * flags.c
 *	  What a flag is.
 */
#include "postgres.h"

#include "base/flags.h"

char *
trimmed(const char *text)
{
	size_t length;

	while (isspace((unsigned char) *text))
		text++;
	length = strlen(text);
	while (length > 0 && isspace((unsigned char) text[length - 1]))
		length--;
	return pnstrdup(text, length);
}

bool
is_flag(const char *text)
{
	char *flag = text != NULL ? trimmed(text) : "";
	size_t length = strlen(flag);

	return length > 0 && pg_strcasecmp(flag, "null") != 0 &&
	       !(length >= 4 && strncmp(flag, "{{", 2) == 0 && strcmp(flag + length - 2, "}}") == 0);
}
