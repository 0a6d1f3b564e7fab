/*
 * cors.h
 *	  Which pages of other origins may read the answers (CORS).
 */
#ifndef EDURANGE_SHIM_CORS_H
#define EDURANGE_SHIM_CORS_H

#include "http/request.h"

/* Adds the headers that let the page read the response, if its origin may. */
extern void cors_add_headers(const Request *request, struct MHD_Response *response);

#endif
