/*
 * routes.h
 *	  The route table, which drives everything else.
 *
 * The room api/ is what the interface takes: routes and their targets (here), and parameters, which become the values
 * of a statement (params.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "access/auth.h"
#include "base/errors.h"
#include "base/text.h"
#include "base/tier.h"
#include "database/statements.h"
#include "packs/upload.h"

#define MAX_PARAMS 10
#define MAX_SEGMENTS 8
#define MAX_VALUES                                                                                 \
	(MAX_PARAMS + CALLER_VALUES + 3) /* whether it is public, up to where, an idempotency key */
#define ALLOW_LENGTH 128

typedef enum ParamType
{
	TYPE_TEXT,
	TYPE_INTEGER,
	TYPE_BOOLEAN,
	TYPE_TIMESTAMP,
	TYPE_TEXT_LIST,
	TYPE_ANSWER,   /* text, number or list of texts */
	TYPE_JSON,     /* any JSON, as its text; what comes as a text is JSON written out */
	TYPE_DOCUMENT, /* the request body as it came, JSON */
	TYPE_TABLE,    /* the same, CSV */
	TYPE_PACK      /* a part of the pack in the body */
} ParamType;

typedef enum ParamSource
{
	FROM_QUERY,
	FROM_PATH,
	FROM_BODY,
	FROM_UPLOAD /* the pack in the body, or who sent it */
} ParamSource;

typedef struct Param
{
	const char *name;  /* as the interface documents it */
	const char *alias; /* by which it goes, too; NULL: none */
	ParamType type;
	ParamSource source;
	PackPart part; /* of a pack, which it is */
	bool required;
	bool ignored; /* clients send it, nothing uses it */
	bool slow;    /* with it, the route takes long */
	int bound;    /* which value of the caller stands in when it is not given; 0: none */
} Param;

typedef enum BodyKind
{
	BODY_NONE,
	BODY_OBJECT,
	BODY_DOCUMENT,
	BODY_TABLE, /* as CSV */
	BODY_PACK,
	BODY_KINDS
} BodyKind;

/* What a body may cost: it is refused before more of it is kept, or any of it is parsed. */
typedef struct BodyKindInfo
{
	size_t bytes;
	size_t values;     /* of JSON: objects, lists and what is in them */
	const char *media; /* its Content-Type; NULL: several can be */
} BodyKindInfo;

/* Bytes up to which bodies are taken until all together have twice their budget, and however many there are. */
#define SMALL_BODY 65536
#define SMALL_FACTOR 2
#define TINY_BODY 8192

/* How the value that the statement returned becomes the response. */
typedef enum ResponseKind
{
	RESPOND_VALUE,
	RESPOND_STATUS, /* with how the connections do; 200 also while the database is away */
	RESPOND_LIVE,   /* the route's body for when the database is away, which is not asked */
	RESPOND_OPENAPI,
	RESPOND_DOCS,
	RESPOND_METRICS,
	RESPOND_BOARD,      /* with the board, as it is and as it changes, as Server-Sent Events */
	RESPOND_BOARD_PAGE, /* what shows that in a browser */
	RESPOND_FEED,       /* lines of JSON; waits for some where there are none behind its token */
	RESPOND_READY,      /* 503 where it says that it is not ready */
	RESPOND_HEALTH,     /* with how the connections do; 503 while the database is away */
	RESPOND_FILE, /* a line says what it is: media type, name of the file, a warning, with tabs between */
	RESPOND_COUNT
} ResponseKind;

/* What a route awards when it works. */
typedef enum Award
{
	AWARD_NONE,
	AWARD_QUESTION,
	AWARD_CHALLENGE,
	AWARD_CORRECTION,
	AWARD_COUNT
} Award;

/*
 * The statement's $1, $2, … are the parameters in order, ignored ones left out; then, where for_public is set, "true"
 * if nobody is known to call, else null; for the feed, up to where, or null; where caller is set, the four values of
 * who calls; and last, where keyed is set, the header Idempotency-Key.
 */
typedef struct Route
{
	const char *method;
	const char *path; /* segments in braces are parameters */
	Tier tier;
	bool open;       /* needs no tier at all */
	bool for_public; /* the database is told whether there is a token, and says if it needs one */
	bool read_only;
	bool replica_ok; /* may be answered by a replica, a little late */
	bool slow;       /* may take long: it gets connections of its own */
	bool caller;
	bool keyed;
	bool limited; /* its answers tell how many attempts are left, and so do headers */
	BodyKind body;
	ResponseKind response;
	Award award;
	const char *award_if;     /* the member of its answer that must be true for that; NULL: none */
	const char *award_unless; /* the member that must not be */
	StatementId statement;
	int lock_keys[2]; /* which of its values it locks by, in this order; 0: none */
	Param params[MAX_PARAMS];
	const char *away; /* what it answers while the database is away, as JSON; NULL: an error */
} Route;

#define MAX_QUERY_FIELDS 64

/* A request target taken apart and decoded. */
typedef struct Target
{
	char *segments[MAX_SEGMENTS];
	int nsegments;
	Field fields[MAX_QUERY_FIELDS];
	int nfields;
	bool too_deep; /* more segments than any route has */
	bool asterisk; /* it is no path but the server itself */
} Target;

typedef struct RouteMatch
{
	const Route *route;       /* NULL: the path or the method does not exist */
	bool path_found;          /* some method exists for the path */
	char allow[ALLOW_LENGTH]; /* those methods */
	int values[MAX_SEGMENTS]; /* segment numbers of the path parameters, in order */
} RouteMatch;

extern const Route routes[];
extern const size_t route_count;
extern const BodyKindInfo body_kinds[BODY_KINDS];
extern const char *const media_types[RESPOND_COUNT]; /* where it works; an error is always JSON */

extern void routes_print(void);
extern void routes_match(const char *method, const Target *target, RouteMatch *match);

/* The names of a parameter: 0 is its own, then its alias, then NULL. */
extern const char *param_name(const Param *param, int i);

/* The number of the parameter that goes by this name, and that name; -1: none does. */
extern int route_param(const Route *route, const char *name, size_t length, const char **known);

/* Takes a request target apart, in place: target.c. */
extern bool target_parse(char *uri, Target *target, Failure *failure);
