/*
 * flags.c
 *	  What a flag is.
 */
#include "postgres.h"

#include "text/flags.h"
#include "text/plain_text.h"

bool
is_flag(const char *text)
{
	char *flag = text != NULL ? comparable(text) : "";
	size_t length = strlen(flag);

	return length > 0 && pg_strcasecmp(flag, "null") != 0 &&
	       !(length >= 4 && strncmp(flag, "{{", 2) == 0 && strcmp(flag + length - 2, "}}") == 0);
}
