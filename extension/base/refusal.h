/*
 * refusal.h
 *	  An expected refusal as a value: what a core function answers with when it does not do as asked.
 *
 * Core functions decide, return false and fill a Refusal; they raise nothing.  The SQL surface turns
 * it into an error.  So calls that share a transaction cannot hurt each other.
 */
#ifndef EDURANGE_REFUSAL_H
#define EDURANGE_REFUSAL_H

#include "postgres.h"

#include "fmgr.h"

#include "base/errors.h"

typedef struct Refusal
{
	EdurangeError error; /* EDURANGE_OK: nothing is refused */
	char *message;       /* in PostgreSQL's style: lower case, no full stop */
	char *detail;        /* a sentence, or JSON for document_invalid; may be NULL */
	char *hint;          /* a sentence; may be NULL */
} Refusal;

/*
 * Where refusals become values: raise_refusal() hands them to the frame that is set, if any, instead
 * of raising an error.  It is set for the time of one call by a function that writes nothing itself,
 * and not while a statement runs: what is refused inside of one is an error.
 */
typedef struct RefusalFrame
{
	MemoryContext context; /* of the refusal's texts */
	Refusal refusal;
	int open; /* how many times statements_begin() was called without its end */
} RefusalFrame;

extern RefusalFrame *refusal_frame;

extern bool
refuse(Refusal *refusal, EdurangeError error, const char *format, ...) pg_attribute_printf(3, 4);
extern _Noreturn void raise_refusal(const Refusal *refusal);
extern const char *refusal_sqlstate(const Refusal *refusal);
extern _Noreturn void
raise_error(EdurangeError error, const char *format, ...) pg_attribute_printf(2, 3);

/* Arguments of SQL functions: the required ones raise missing_parameter with their name. */
extern char *required_text(FunctionCallInfo fcinfo, int argument, const char *name);
extern int32 required_int(FunctionCallInfo fcinfo, int argument, const char *name);
extern char *optional_text(FunctionCallInfo fcinfo, int argument);
extern int32
int_between(FunctionCallInfo fcinfo, int argument, const char *name, int32 lowest, int32 highest);

#endif
