/*
 * flags.h
 *	  What a flag is.
 */
#ifndef EDURANGE_FLAGS_H
#define EDURANGE_FLAGS_H

#include "postgres.h"

/*
 * Could the text be a flag?  Nothing, blanks, the Instance Manager's "null" and placeholders such as
 * {{FLAG}} are none, whoever names them.
 */
extern bool is_flag(const char *text);

/* The same in SQL: whether what a text says, which is COMPARABLE or null, is no flag. */
#define SAYS_NO_FLAG(said)                                                                         \
	"(coalesce(" said ", '') = '' OR lower(" said ") = 'null' OR " said " LIKE '{{%}}')"

#endif
