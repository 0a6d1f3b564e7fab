/*
 * responses.h
 *	  What became of an HTTP request: where a response sends it on to, and plain words where none came.
 */
#ifndef EDURANGE_RESPONSES_H
#define EDURANGE_RESPONSES_H

#include <curl/curl.h>

/*
 * Where the response to a request for this URL sends it on to, to be freed; NULL: it is to be taken as it is.  A
 * redirect to another host, or one too many, is an error.
 */
extern CURLcode
response_redirect(CURL *easy, const char *url, bool posted, int *redirects, char **target);

/* The words for why there is no response. */
extern const char *response_failure(CURLcode code);

#endif
