/*
 * framing.h
 *	  Where a request ends: refused when two servers could see its end in different places.
 */
#ifndef EDURANGE_SHIM_FRAMING_H
#define EDURANGE_SHIM_FRAMING_H

#include <stdbool.h>

#include "http/request.h"

/*
 * Looks at the head of a request as it came, given method and version as libmicrohttpd hands them
 * over.  False, and a failure in the request, when it is not well-formed or too large: the connection
 * is to be closed with the response, for what follows on it may be no request at all.
 */
extern bool framing_check(Request *request, const char *method, const char *version);

#endif
