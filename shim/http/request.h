/*
 * request.h
 *	  A request from its first byte to the end of its response, as the files that serve it share it.
 *
 * The room http/ is the life of a request, from the connection that it comes on (server.h, clients.h) to its answer;
 * each section below is a file's.
 */
#pragma once

#include <time.h>

#include <microhttpd.h>

#include "access/auth.h"
#include "access/tokens.h"
#include "api/params.h"
#include "api/routes.h"
#include "base/errors.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/text.h"
#include "config/config.h"
#include "database/database.h"
#include "http/clients.h"
#include "http/spool.h"
#include "live/boards.h"
#include "live/feeds.h"
#include "live/reader.h"

/* One event loop as a request sees it. */
typedef struct Worker
{
	const Config *config;
	Loop *loop;
	Database *database;
	Tokens *tokens;
	bool resumed;    /* a connection was resumed: its response is to be sent in this turn */
	int64_t tell_at; /* when the next listeners that have news are told; 0: all were */
	LIST_HEAD(RequestList, Request) waiting; /* requests whose connections are to be left alone */
	TAILQ_HEAD(ListenerList, Listener) listeners; /* requests whose answers go on */
	ReaderClient reader;
} Worker;

typedef enum Phase
{
	PHASE_NEW,
	PHASE_RECEIVING,
	PHASE_WAITING, /* it has come in whole, and somebody else has it */
	PHASE_ANSWERED
} Phase;

typedef struct Request
{
	Worker *worker;
	const Config *config;
	struct MHD_Connection *connection;
	Client *client;
	LIST_ENTRY(Request) others; /* of those that begin to wait */
	Phase phase;
	char id[REQUEST_ID_LENGTH];
	char method[16];
	char *uri;
	const char *raw_uri; /* the same in libmicrohttpd's buffer */
	size_t raw_uri_length;
	Target target;
	RouteMatch match;

	bool expects; /* its client holds the body back until it is asked for it */
	Buffer body;  /* followed by a null byte where there is one */
	size_t swallowed;
	size_t held; /* bytes, counted among those of all requests */
	Upload upload;
	Work aside; /* where a large body is read */

	bool has_token;
	bool identified; /* whose request it is, or that nobody knows */
	char token_hash[TOKEN_HASH_LENGTH];
	Identity identity;
	Values values;
	TokenWait token_wait;
	DatabaseCall call;

	struct Listener *listener;   /* where its answer goes on, ... */
	struct MHD_Response *stream; /* ... and is that of a listener */
	bool suspended;
	bool close;     /* the connection, after the response */
	bool malformed; /* nobody knows where it ends, so nothing behind its head is read */
	bool silent;    /* its connection may be, until the response has gone out */
	bool told;      /* of its failure, past libmicrohttpd: what still comes is dropped */
	Failure failure;
	char *reply;     /* body of the response */
	char *file;      /* what that is, where it may be a file: three texts, see reply_take_file() */
	Spool spool;     /* its body, where that comes in pieces */
	json_t *members; /* of that body, where something is to be read in it */
	unsigned status;
	char sqlstate[SQLSTATE_LENGTH];
	int backend; /* process of the server that answered; 0: none */
	struct timespec begun;
	int64_t first_us; /* from then until it listened or waited for news; 0: it does neither */
} Request;

/*
 * Callback, the first of a request, with its target as it was sent: the head may not be there yet.  Returns the
 * request, which is counted until it is freed.  NULL: out of memory, or none begins any more; its connection is closed.
 */
extern void *request_begin(void *cls, const char *uri, struct MHD_Connection *connection);
extern void request_free(Request *request);

/* From now on none begins.  Any thread, once. */
extern void request_end_all(void);

/* Microseconds since it began. */
extern int64_t request_age_us(const Request *request);

/*
 * Counts so many bytes as held for the request, in the place of those that were.  A request that holds more than a
 * little fails when all together hold more than they may, and one that holds little when they hold twice that.  False: it has failed, now or before.
 */
extern bool request_hold(Request *request, size_t bytes);

/* Gives the connection back to libmicrohttpd; nothing of the request may be touched after this. */
extern void request_resume(Request *request);

/* The answer is there, or a failure; nothing of the request may be touched after this. */
extern void request_finish(Request *request);

/* Looks up a header of the request; NULL where there is none. */
extern const char *request_header(const Request *request, const char *name);

/*
 * Where a request ends (framing.c): looks at its head as it came, given method and version as
 * libmicrohttpd hands them over.  False, and a failure in the request, when it is not well-formed or
 * too large: the connection is to be closed with the response, for what follows on it may be no request
 * at all.
 */
extern bool framing_check(Request *request, const char *method, const char *version);

/* Its body (body.c): refused by the headers, ... */
extern void body_check_headers(Request *request);

/* ... has it come whole in its first piece, which libmicrohttpd's buffer holds anyhow? ... */
extern bool body_is_whole(const Request *request, size_t size);

/* ... taken in piece by piece, or dropped where it is not wanted; false: enough is enough. */
extern bool body_receive(Request *request, const char *data, size_t size);

/* ---- its response, and the line that the log gets: response.c ------------------------------------ */

extern enum MHD_Result response_send(Request *request);

/* Sends the failure past libmicrohttpd, which must have sent nothing; the connection is to be ended. */
extern void response_tell(Request *request, int fd);

extern void response_log(const Request *request);

/* From now on connections are closed after their next response.  Any thread, once. */
extern void response_close_connections(void);
extern bool response_is_closing(void);

/* ---- answers that go on: listen.c ---------------------------------------------------------------- */

/* May one more request go on? */
extern bool listen_has_room(const Request *request);
extern void listen_refuse(Request *request);

/* It has a response without end, of what the database lets it see of the board; or a failure. */
extern void listen_to_board(Request *request, const DatabaseResult *result);

/* Is this request for the feed to wait first, because its client was told everything a moment ago? */
extern bool listen_holds_back(Request *request);

/* Does the request wait for more of the feed, as there is nothing new?  It keeps the answer for the end of that. */
extern bool listen_for_feed(Request *request, DatabaseResult *result);

/* Looks after those of a loop that may have something to be told. */
extern void listen_tend(Worker *worker);

/* The same, once those have no place any more who have closed their connection. */
extern void listen_sweep(Worker *worker);

/* How long the loop may wait until it has to: as given, or less. */
extern int listen_timeout(const Worker *worker, int timeout);
extern void listen_end(Request *request);

/* ---- what libmicrohttpd and the loop call: http.c ----------------------------------------------- */

/* Callbacks; cls is the Worker that serves the connection. */
extern enum MHD_Result
http_access(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
            const char *version, const char *data, size_t *size, void **closure);
extern void http_completed(void *cls, struct MHD_Connection *connection, void **closure,
                           enum MHD_RequestTerminationCode how);

/* Leaves connections alone whose requests wait; to be called when libmicrohttpd has nothing more to do. */
extern void http_park(Worker *worker);

/* Callback: a client has taken too long to send its request, or its connection is one too many. */
extern void http_too_slow(Client *client);

/* ---- what the database answered, as body and headers of a response: replies.c ------------------ */

/* The body, to be freed, and its status; NULL and a failure where there is none. */
extern char *
reply_body(const Route *route, DatabaseResult *result, unsigned *status, Failure *failure);

/* The body of a route that asks no database, to be freed. */
extern char *reply_without_database(const Route *route);

/*
 * Takes the line that says what it is from the first piece of a file, and moves behind it: media type, name and
 * warning, one text behind the other; NULL: out of memory.
 */
extern char *reply_take_file(const char **bytes, size_t *length);

/* Headers that say what file it is. */
extern void reply_add_file(struct MHD_Response *response, const char *file);

/* Headers about attempts that are left, from the members of a body that tells of them. */
extern void reply_add_limits(struct MHD_Response *response, const json_t *members);

/* Did this answer of a route that awards something award it, now and not before? */
extern bool reply_awards(const Route *route, const json_t *members);
