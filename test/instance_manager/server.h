/*
 * server.h
 *	  The simulator's HTTP side: routes, requests and replies.
 */
#ifndef SIMULATOR_SERVER_H
#define SIMULATOR_SERVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct MHD_Connection;

/* One request, complete. */
typedef struct Request
{
	struct MHD_Connection *connection;
	const char *tail; /* what followed the route's path, for routes that take a name there */
	json_t *body;     /* NULL when there was none or it was not JSON */
	char *data;
	size_t length;
	bool too_large;
} Request;

/*
 * One answer.  Handlers set status and either body or text; the fields below them are for faults:
 * how the bytes travel, or that they never do.
 */
typedef struct Reply
{
	unsigned int status;
	json_t *body;
	char *text;
	const char *content_type;
	char *location;
	bool hang_up;        /* close the connection without an answer */
	bool unknown_length; /* send in chunks instead of announcing a length */
	long delay_ms;       /* before the first byte */
	long pace_ms;        /* before each single byte */
	uint64_t cut_at;     /* break off after so many bytes; 0: never */
	uint64_t pad_to;     /* lengthen the body with spaces */
} Reply;

typedef struct Route
{
	const char *method;
	const char *path;
	const char *name;
	bool takes_tail;
	bool fault_proof; /* control routes must work whatever fault is on */
	void (*handle)(const Request *request, Reply *reply);
	void (*fail)(Reply *reply); /* how this route reports an internal error */
} Route;

typedef struct ServerSettings
{
	const char *host;
	const char *port;
	const char *prefix;
} ServerSettings;

extern const Route api_routes[];
extern const Route control_routes[];

bool server_start(const ServerSettings *settings, unsigned int *port);
void server_stop(void);
int64_t server_now_ms(void);
json_t *server_counters(void);
json_t *server_asked(void);
void server_reset_counters(void);
const char *request_argument(const Request *request, const char *name);

void routes_start(const char *schema_file);

#endif
