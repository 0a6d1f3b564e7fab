/*
 * body.h
 *	  The body of a request: refused by its headers, or taken in piece by piece.
 */
#ifndef EDURANGE_SHIM_BODY_H
#define EDURANGE_SHIM_BODY_H

#include "http/request.h"

/* Refuses a body of JSON that is nested too deeply, before anything takes it apart. */
extern bool body_check_depth(Request *request);

extern void body_check_headers(Request *request);
extern bool body_receive(Request *request, const char *data, size_t size);

#endif
