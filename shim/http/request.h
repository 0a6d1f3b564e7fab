/*
 * request.h
 *	  A request from its first byte to the end of its response, as the files that serve it share it.
 */
#ifndef EDURANGE_SHIM_REQUEST_H
#define EDURANGE_SHIM_REQUEST_H

#include <time.h>

#include <microhttpd.h>

#include "access/auth.h"
#include "access/tokens.h"
#include "api/fields.h"
#include "api/params.h"
#include "api/routes.h"
#include "api/target.h"
#include "base/errors.h"
#include "base/log.h"
#include "base/offload.h"
#include "config/config.h"
#include "http/clients.h"
#include "http/worker.h"

typedef enum Phase
{
	PHASE_NEW,
	PHASE_RECEIVING,
	PHASE_ANSWERED
} Phase;

typedef struct Request
{
	Worker *worker;
	const Config *config;
	struct MHD_Connection *connection;
	Client *client;
	Phase phase;
	char id[REQUEST_ID_LENGTH];
	char method[16];
	char *uri;
	const char *raw_uri; /* the same in libmicrohttpd's buffer */
	size_t raw_uri_length;
	Target target;
	RouteMatch match;

	char *body; /* always followed by a null byte */
	size_t body_length;
	size_t body_room;
	size_t swallowed;
	Upload upload;
	Fields fields; /* that came with it */
	Work unpacking;

	bool has_token;
	char token_hash[TOKEN_HASH_LENGTH];
	Identity identity;
	Values values;
	TokenWait token_wait;
	DatabaseCall call;

	bool suspended;
	bool close;     /* the connection, after the response */
	bool malformed; /* nobody knows where it ends, so nothing behind its head is read */
	Failure failure;
	char *reply;     /* body of the response */
	json_t *members; /* of that body, where something is to be read in it */
	unsigned status;
	char sqlstate[SQLSTATE_LENGTH];
	int backend; /* process of the server that answered; 0: none */
	struct timespec begun;
} Request;

/* A request that begins; it is counted until it is freed.  NULL: out of memory. */
extern Request *request_new(Worker *worker, struct MHD_Connection *connection, const char *uri);
extern void request_free(Request *request);

/* Looks up a header of the request; NULL where there is none. */
extern const char *request_header(const Request *request, const char *name);

#endif
