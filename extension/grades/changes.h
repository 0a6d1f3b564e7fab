/*
 * changes.h
 *	  Changes of what a question of a competition paid, after it was paid.
 *
 * A change finds its question and holds it, reads what is so of the users that it may concern, says for each what is to
 * be, and has that written: completions of the question, then those of the challenge, which follow, and one entry in
 * the ledger for what is to be paid now less what was paid.  What was before is kept, so that it can be undone.
 */
#ifndef EDURANGE_CHANGES_H
#define EDURANGE_CHANGES_H

#include "grades/change.h"

/* These run statements.  Finds the question in the competition and holds it; refuses with what is wrong. */
extern bool change_find(const Caller *caller, Change *change, Refusal *refusal);

/* Refuses a question that is no part of its challenge any more. */
extern bool change_is_live(const Change *change, Refusal *refusal);

/* Holds users, and those who are members as scoring does; the members, texts, by id.  Who is none is noted. */
extern Datum change_hold_users(Change *change, Datum users);

/* What is so of the users; so many. */
extern Grade *change_read_grades(const Change *change, Datum users, int *count);

/* Writes what is to be.  Raises what cannot be. */
extern void
change_apply(const Caller *caller, Change *change, Grade *grades, int count, const char *kind);

/* Notes the change itself, unless it has changed nothing; and logs it. */
extern void change_record(const Caller *caller, Change *change);
extern void change_log(const Caller *caller, const Change *change, const char *kind);

/* Notes a user for whom something was not undone. */
extern void change_not_undone(Change *change, const char *user_id);

/* The answer of all of them; behind statements_end(). */
extern Datum change_result(FunctionCallInfo fcinfo, const Change *change, bool already_done);

#endif
