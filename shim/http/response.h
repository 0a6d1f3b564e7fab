/*
 * response.h
 *	  The response to a request, with its headers, and the line that the log gets.
 */
#ifndef EDURANGE_SHIM_RESPONSE_H
#define EDURANGE_SHIM_RESPONSE_H

#include "http/request.h"

extern enum MHD_Result response_send(Request *request);

/* Refuses a request past libmicrohttpd, which must have sent nothing; the socket is to be shut down. */
extern void response_refuse(Request *request, int fd, EdurangeError error, const char *message);

/* The same where no request has begun: nobody else logs it.  Since when in now_ms(). */
extern void response_turn_away(int fd, int64_t since, EdurangeError error, const char *message);

extern void response_log(const Request *request);

#endif
