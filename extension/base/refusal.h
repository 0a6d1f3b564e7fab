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
 * Around a call whose refusal, alone of all errors, may be caught without undoing anything: the function
 * has written nothing by then.  Where it has, the refusal is an error like others.  The frame is not set while
 * a statement runs, because what that has done so far is not known; a refusal inside of one is an error, too.
 */
typedef struct RefusalFrame
{
	bool wrote;   /* the call has changed a row */
	bool refused; /* the error that is raised now is the call's refusal */
	int open;     /* how many times statements_begin() was called without its end */
} RefusalFrame;

extern RefusalFrame *refusal_frame;

/* The SQLSTATE of an error, as text. */
extern const char *refusal_sqlstate(EdurangeError error);

/* The error's SQLSTATE in PostgreSQL's packed form. */
extern int packed_sqlstate(EdurangeError error);

extern bool
refuse(Refusal *refusal, EdurangeError error, const char *format, ...) pg_attribute_printf(3, 4);
extern _Noreturn void raise_refusal(const Refusal *refusal);
extern _Noreturn void
raise_error(EdurangeError error, const char *format, ...) pg_attribute_printf(2, 3);

#endif
