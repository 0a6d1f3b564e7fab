/*
 * uri.h
 *	  URI references, resolved as RFC 3986 says.
 */
#ifndef EDURANGE_URI_H
#define EDURANGE_URI_H

#include "postgres.h"

/* The reference seen from the base, which may itself be relative; a new text. */
extern char *uri_resolve(const char *base, const char *reference);

/* Splits a URI at its first "#": returns what stands before it, *fragment is what follows or NULL. */
extern char *uri_split(const char *uri, char **fragment);

/* The text with %XX replaced by the bytes they stand for, or NULL where that is no UTF-8. */
extern char *uri_decode(const char *text);

#endif
