/*
 * utf8.h
 *	  Text as the database demands it.
 */
#ifndef EDURANGE_SHIM_UTF8_H
#define EDURANGE_SHIM_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Is it text that the database can store?  A null byte in it is for the caller to look for. */
extern bool is_utf8(const char *text, size_t length);

#endif
