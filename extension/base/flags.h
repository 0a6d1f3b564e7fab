/*
 * flags.h
 *	  What a flag is, and the white space around it that does not count.
 */
#ifndef EDURANGE_FLAGS_H
#define EDURANGE_FLAGS_H

#include "postgres.h"

/* The text without outer white space, as a copy. */
extern char *trimmed(const char *text);

/*
 * Could the text be a flag?  Nothing, blanks, the Instance Manager's "null" and placeholders such as
 * {{FLAG}} are none, whoever names them.
 */
extern bool is_flag(const char *text);

#endif
