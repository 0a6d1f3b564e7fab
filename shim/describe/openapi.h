/*
 * openapi.h
 *	  The interface described: as an OpenAPI document and as a page to read.
 */
#ifndef EDURANGE_SHIM_OPENAPI_H
#define EDURANGE_SHIM_OPENAPI_H

#include <stdbool.h>

#include <jansson.h>

/* Makes both; false, and says why in the log, when a route cannot be described. */
extern bool openapi_start(void);

/* The document as JSON text and the page as HTML; neither is to be freed. */
extern const char *openapi_text(void);
extern const char *openapi_page(void);
extern void openapi_stop(void);

/* The page of a document, to be freed. */
extern char *page_of_document(const json_t *document);

#endif
