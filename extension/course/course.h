/*
 * course.h
 *	  Running a class: who is in it, what it plays, what was done, and taking it back.
 *
 * The room course/ is what instructors do, each act in one transaction: users and rosters (users.c, roster.c),
 * competitions and whoever runs them (course.c, people.c), access codes (codes.c), what is played
 * (placements.c, reset.c), lists of what was done (records.c) and the evidence that outlives a deletion (archive.c).
 * The rules of the game are game/'s.
 */
#ifndef EDURANGE_COURSE_H
#define EDURANGE_COURSE_H

#include "postgres.h"

#include "fmgr.h"

#include "base/refusal.h"
#include "base/statements.h"
#include "calls/caller.h"

/* How many rows a page may have, and how many it has where nobody says; lists have the parameters "limit" and cursor. */
#define PAGE_LIMIT 500
#define PAGE_USUAL 100

/*
 * A page p of rows, in order n from 1 and one more than was asked for, as an array of a row type and the cursor
 * of the next page, which is null behind the last.  $limit is a placeholder.
 */
#define PAGE_OF(row, cursor, limit)                                                                \
	"coalesce(array_agg(" row " ORDER BY n) FILTER (WHERE n <= " limit "), '{}'),"                 \
	" CASE WHEN max(n) > " limit " THEN (array_agg(" cursor                                        \
	" ORDER BY n DESC) FILTER (WHERE n <= " limit "))[1] END"

/*
 * The n of a row of a page, in that order, where rows can be large: behind so many bytes of them it is beyond any limit,
 * so that the page ends there.  The first row is always on it.  What the bytes are of is never null.
 */
#define PAGE_BYTES "2097152"
#define PAGE_PLACE(bytes, order)                                                                   \
	"CASE WHEN sum(" bytes ") OVER (ORDER BY " order ") - (" bytes ") < " PAGE_BYTES               \
	" THEN row_number() OVER (ORDER BY " order ") ELSE 1000000 END AS n"

/* How many bytes a text that may be null has. */
#define TEXT_BYTES(text) "coalesce(octet_length(" text "), 0)"

/* Where a row stands in a list by time: microseconds and id.  A time of the platform's is in UTC. */
#define TIME_CURSOR(at, id) "(extract(epoch FROM " at ") * 1000000)::bigint || '-' || " id

/*
 * Behind a time that is never null: so a list of all is found by an index of those that are not null.  From PostgreSQL 17
 * on IS NOT NULL does not do it: that is taken away, as true, before indexes are looked for.
 */
#define AT_ANY_TIME " >= '-infinity'"

typedef struct TimeCursor
{
	NullableDatum at; /* timestamptz; null: the list begins at its beginning */
	NullableDatum id;
} TimeCursor;

/* Where a row stands in a list by text, any text: how many bytes that has, the text and the id. */
#define TEXT_CURSOR(text, id) "octet_length(" text ") || '-' || " text " || " id

typedef struct TextCursor
{
	NullableDatum text; /* empty: the list begins at its beginning */
	NullableDatum id;
} TextCursor;

/* The parameter "limit", or the usual one. */
extern int32 page_limit(FunctionCallInfo fcinfo, int argument);

/* Read what TIME_CURSOR and TEXT_CURSOR wrote; raise invalid_parameter where it is nothing such. */
extern TimeCursor read_time_cursor(FunctionCallInfo fcinfo, int argument);
extern TextCursor read_text_cursor(FunctionCallInfo fcinfo, int argument);

/*
 * The user whom an entry of the log about a competition names: who acts, else whom the caller is bound to, else the
 * system's account.  That is made where there is none, so this is called when nothing is refused any more, and with
 * the competition's row locked.
 */
extern char *course_subject(const Caller *caller);

/* Is there such a competition, and may the caller name it?  Runs statements. */
extern bool course_find(const Caller *caller, const char *group_id, Refusal *refusal);

/*
 * What functions that only read a competition return, after all checks: with the arguments group_id and caller, the
 * statement's row of $1; with group_id, limit, cursor and caller, its page of $1, $2 how many, $3 behind which, or null;
 * or, of a list by time, $3 $4 behind which.
 */
extern Datum course_row(FunctionCallInfo fcinfo, Statement *row_of);
extern Datum course_page(FunctionCallInfo fcinfo, Statement *page);
extern Datum course_page_by_time(FunctionCallInfo fcinfo, Statement *page);

#endif
