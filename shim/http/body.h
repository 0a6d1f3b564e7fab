/*
 * body.h
 *	  The body of a request: refused by its headers, or taken in piece by piece.
 */
#ifndef EDURANGE_SHIM_BODY_H
#define EDURANGE_SHIM_BODY_H

#include "http/request.h"

extern void body_check_headers(Request *request);
extern bool body_receive(Request *request, const char *data, size_t size);

#endif
