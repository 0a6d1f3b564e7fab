/*
 * http.h
 *	  Many HTTP requests at the same time, without ever blocking the process.
 */
#ifndef EDURANGE_HTTP_H
#define EDURANGE_HTTP_H

#include <stdbool.h>
#include <stddef.h>

/* A request, and what came of it.  All memory is malloc's. */
typedef struct HttpRequest
{
	char *url;
	char *content; /* JSON to POST; NULL: GET */

	bool begun;
	long status;       /* of a response that came whole; 0: none did */
	bool reached;      /* somebody took the connection */
	char *body;        /* ends in a zero byte; NULL when there is none */
	size_t length;     /* of the body */
	char problem[160]; /* why there is no response */
} HttpRequest;

/* How requests are made. */
typedef struct HttpLimits
{
	int concurrency;
	long timeout_ms; /* for each request, redirects included */
	long budget_ms;  /* after which no further request is begun */
} HttpLimits;

extern void http_start(void);
extern void http_run(HttpRequest *requests, size_t count, const HttpLimits *limits);
extern void http_free(HttpRequest *request);

#endif
