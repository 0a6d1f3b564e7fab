/*
 * http.h
 *	  Many HTTP requests at the same time, without ever blocking the process.
 *
 * http_begin() returns at once; requests go on in http_wait(), the one place where the worker sleeps, and
 * each is done by its own deadline.
 */
#ifndef EDURANGE_HTTP_H
#define EDURANGE_HTTP_H

#include "postgres.h"

/* A request, and what came of it.  Its memory is malloc's; it must stay where it is until it is done. */
typedef struct HttpRequest
{
	char *url;
	char *content;  /* JSON to POST; NULL: GET */
	char *user;     /* who asks; NULL: nobody is named */
	char *password; /* or NULL */
	size_t most;    /* bytes that the body may have */
	bool once; /* not sent again by itself, as where a connection that was kept is found dead */
	char problem[160]; /* why there is no response; set before it is begun: it must not be */

	int64 begun_at; /* of clock.h */
	bool done;
	bool sent;     /* to somebody who took the connection */
	long status;   /* of a response that came whole; 0: none did */
	char *body;    /* ends in a zero byte; NULL when there is none */
	size_t length; /* of the body */
} HttpRequest;

#define HTTP_WAIT_FOR_EVER (-1)

extern void http_start(void);
extern void http_begin(HttpRequest *request, long timeout_ms);
extern void http_cancel(HttpRequest *request);
extern void http_give_up(HttpRequest *request);
extern void http_wait(long ms);
extern void http_free(HttpRequest *request);

#endif
