/*
 * snippets.h
 *	  The request of a route's example as somebody would type it.
 */
#pragma once

#include "api/routes.h"

/* Both to be freed; NULL: out of memory. */
extern char *snippet_curl(const Route *route);
extern char *snippet_fetch(const Route *route);
