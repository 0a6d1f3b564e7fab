/*
 * surface.h
 *	  The SQL surface: how a function of ours is entered and left, and in whose name it runs.
 *
 * Functions are SECURITY INVOKER.  On entry the user that calls is noted, because it and the session's
 * user together decide the tier, and the function goes on as edurange_owner, with a search_path and
 * row_security of its own.  A statement that names a table of the platform runs as edurange_game
 * instead: whatever somebody hangs on those tables, a trigger, a policy, a cast, runs with rights that are
 * worth nothing.
 *
 * Nothing has to be undone after an error: the abort of the (sub)transaction puts user, security context
 * and settings back.  Only who catches an error without a subtransaction must, with surface_restore().
 */
#ifndef EDURANGE_SURFACE_H
#define EDURANGE_SURFACE_H

#include "postgres.h"

#include "fmgr.h"

/* What to go back to. */
typedef struct Surface
{
	Oid user;
	int context;
	int level;         /* of settings; 0: nothing was changed */
	Oid outer_calling; /* who called the function around this one */
} Surface;

/*
 * How many bytes one argument may have: what a function costs is bounded by what it is given, and nobody has longer
 * names, reasons or answers.  What takes documents, schemas, packs or lists takes more.
 */
#define ARGUMENT_BYTES (64 * 1024)
#define DOCUMENT_BYTES (1024 * 1024)
#define JSONB_BYTES (8 * 1024 * 1024) /* of a document that was parsed already */
#define PACK_BYTES (64 * 1024 * 1024)

/* Raises payload_too_large where an argument has more bytes. */
extern void surface_bound(FunctionCallInfo fcinfo, Size most);

extern void surface_enter(FunctionCallInfo fcinfo, Surface *saved);
extern void surface_enter_anyway(FunctionCallInfo fcinfo, Surface *saved);
extern void surface_enter_trigger(Surface *saved);
extern void surface_leave(const Surface *saved);

/* The user who called the function under way, as it was before any change of identity of ours. */
extern Oid surface_caller(void);

/* May both of them, who called and the session's user, execute the function? */
extern bool surface_may_execute(Oid function);

/* Makes what is made in the name of edurange_game be refused; once, when the module is loaded. */
extern void surface_register(void);

/* Is the role there that the functions run as? */
extern bool surface_has_owner(void);
/* Goes on as it, once it was made, in a function that was entered anyway. */
extern void surface_become_owner(void);

/* From begin to end what others hang on the tables of the platform may run, in a name worth nothing. */
extern void surface_lend(Surface *saved);
/* The same in the name of who called: for a superuser's statements that make tables and the like. */
extern void surface_as_caller(Surface *saved);
extern void surface_take_back(const Surface *saved);

/*
 * Whether the next function that is entered is one of a batch: its caller was checked, and the batch has changed
 * identity already.  Whoever says so takes it back when the call is over, however it ended.
 */
extern void surface_share(bool shares);

/* For who catches an error without a subtransaction: notes where we are, and goes back there from anywhere. */
extern void surface_note(Surface *saved);
extern void surface_restore(const Surface *saved);

/* Opens the definition of a function that reads and writes no table, and may be called from anywhere. */
#define SQL_FUNCTION_ANYWHERE(name)                                                                \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS);                                               \
	PG_FUNCTION_INFO_V1(name);                                                                     \
	Datum name(PG_FUNCTION_ARGS)

#define SQL_FUNCTION_ENTERED(name, enter)                                                          \
	static Datum name##_entered(PG_FUNCTION_ARGS);                                                 \
	SQL_FUNCTION_ANYWHERE(name)                                                                    \
	{                                                                                              \
		Surface saved;                                                                             \
		Datum result;                                                                              \
		enter;                                                                                     \
		result = name##_entered(fcinfo);                                                           \
		surface_leave(&saved);                                                                     \
		return result;                                                                             \
	}                                                                                              \
	static Datum name##_entered(PG_FUNCTION_ARGS)

/* Opens the definition of a function that SQL can call. */
#define SQL_FUNCTION(name) SQL_FUNCTION_OF(name, ARGUMENT_BYTES)

/* The same of one that takes larger arguments. */
#define SQL_FUNCTION_OF(name, bytes)                                                               \
	SQL_FUNCTION_ENTERED(name, (surface_bound(fcinfo, (bytes)), surface_enter(fcinfo, &saved)))

/* The same of one that says what is missing, were it the role that it runs as: then it goes on as who called. */
#define SQL_FUNCTION_ANYWAY(name) SQL_FUNCTION_ENTERED(name, surface_enter_anyway(fcinfo, &saved))

/*
 * The same of one that may be called in a batch, too, as it is refused before it writes anything: a refused call
 * is not undone there.  The mark is a symbol that outcomes() looks for.
 */
#define SQL_FUNCTION_BATCHABLE(name)                                                               \
	extern PGDLLEXPORT const bool name##_batchable;                                                \
	const bool name##_batchable = true;                                                            \
	SQL_FUNCTION(name)

/* Opens the definition of a trigger's function: it decides no tier and always records. */
#define SQL_TRIGGER(name) SQL_FUNCTION_ENTERED(name, surface_enter_trigger(&saved))

#endif
