/*
 * http.h
 *	  The life of a request: what libmicrohttpd calls when something of one has come in.
 */
#ifndef EDURANGE_SHIM_HTTP_H
#define EDURANGE_SHIM_HTTP_H

#include <microhttpd.h>

#include "http/clients.h"

/* Callbacks; cls is the Worker that serves the connection. */
extern void *http_target(void *cls, const char *uri, struct MHD_Connection *connection);
extern enum MHD_Result
http_access(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
            const char *version, const char *data, size_t *size, void **closure);
extern void http_completed(void *cls, struct MHD_Connection *connection, void **closure,
                           enum MHD_RequestTerminationCode how);

/* Callback: a client has taken too long to send its request. */
extern void http_too_slow(Client *client);

#endif
