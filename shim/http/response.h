/*
 * response.h
 *	  The response to a request, with its headers, and the line that the log gets.
 */
#ifndef EDURANGE_SHIM_RESPONSE_H
#define EDURANGE_SHIM_RESPONSE_H

#include "http/request.h"

extern enum MHD_Result response_send(Request *request);
extern void response_log(const Request *request);

#endif
