/*
 * openapi.h
 *	  The OpenAPI document, and a page of HTML that shows one.
 */
#pragma once

#include <jansson.h>

/* The document; NULL, and says which on the standard error output, when a route cannot be described. */
extern json_t *make_openapi(void);

/* The page of a document, to be freed; what is the same for all of them comes from a file. */
extern char *page_of_document(const json_t *document, const char *path);
