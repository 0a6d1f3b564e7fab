/*
 * database.h
 *	  The worker's side of the database: what a round found out goes in, what to ask next comes back.
 */
#ifndef EDURANGE_WORKER_DATABASE_H
#define EDURANGE_WORKER_DATABASE_H

#include "postgres.h"

#include "utils/timestamp.h"

/* What the worker finds in its database. */
typedef enum Installation
{
	READY,
	NO_EXTENSION,
	NO_FUNCTION,
	NO_RIGHT,
	NO_ROLE, /* the one that the worker connected as, as it was then */
	NOT_HERE /* a copy of the server that the worker was confirmed on */
} Installation;

/* How the worker calls itself meanwhile. */
extern const char *const installation_text[];

/* What a round has for the database. */
typedef enum ApplyKind
{
	APPLY_LIST,    /* the Instance Manager's list of pods, as it came */
	APPLY_PROBLEM, /* the reason why there is none */
	APPLY_EVIDENCE /* answers to what was wanted */
} ApplyKind;

typedef struct ApplyInput
{
	const char *text;
	size_t length;
	int encoding;            /* of the text; 0: ASCII */
	TimestampTz observed_at; /* before the Instance Manager was asked, never after */
	double duration_ms;
} ApplyInput;

/* What the database made of it. */
typedef struct ApplyResult
{
	Installation installation; /* found when it was applied */
	int held;
	char *wanted; /* JSON, in the caller's memory context; NULL: nothing was applied */
	bool refused; /* for what the text says: trying it again is no use */
	char problem[200];
} ApplyResult;

extern void database_connect(const char *database, const char *application);
extern bool database_look(Installation *installation, char *problem, size_t size);
extern bool database_apply(ApplyKind kind, const ApplyInput *input, ApplyResult *result);
extern bool database_set_schema(const char *text, size_t length, const char *source, bool *changed,
                                char *problem, size_t size);

#endif
