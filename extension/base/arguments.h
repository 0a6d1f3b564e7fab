/*
 * arguments.h
 *	  The arguments of SQL functions, of which what is missing is refused by its name, and those of statements.
 */
#ifndef EDURANGE_ARGUMENTS_H
#define EDURANGE_ARGUMENTS_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

/* Null counts as missing, and of a text the empty one, too. */
extern void require_argument(FunctionCallInfo fcinfo, int argument, const char *name);
extern char *required_text(FunctionCallInfo fcinfo, int argument, const char *name);
extern int32 required_int(FunctionCallInfo fcinfo, int argument, const char *name);
extern Jsonb *required_jsonb(FunctionCallInfo fcinfo, int argument, const char *name);

/* A required integer, which must lie in a range. */
extern int32
int_between(FunctionCallInfo fcinfo, int argument, const char *name, int32 lowest, int32 highest);

/*
 * A time, or null.  It must be finite and in a year of four digits: ISO 8601 has no other, nor has a client.
 */
extern NullableDatum optional_time(FunctionCallInfo fcinfo, int argument, const char *name);

/* The text, or NULL. */
extern char *optional_text(FunctionCallInfo fcinfo, int argument);

/* The same of parameter "reason": a sentence or two, for it is kept and listed with all that it explains. */
#define LONGEST_REASON 1000 /* characters */
extern char *optional_reason(FunctionCallInfo fcinfo, int argument);

/* What identifies or names something: it stands in indexes, and in lists of many. */
#define SHORT_TEXT 255 /* characters */
extern bool is_short(const char *text);

/* The text of a parameter, which may be NULL; raises invalid_parameter where it is not short. */
extern char *short_text(char *text, const char *name);

/* Null counts as false. */
extern bool optional_flag(FunctionCallInfo fcinfo, int argument);

/* What is given to a statement; NULL is null. */
extern NullableDatum value_text(const char *text);
extern NullableDatum value_texts(char **texts, int count); /* an array, with nulls */
extern NullableDatum value_int(int32 number);
extern NullableDatum value_long(int64 number);
extern NullableDatum value_bool(bool truth);
extern NullableDatum value_jsonb(Jsonb *json);
extern NullableDatum value_time(TimestampTz time);
extern NullableDatum value_span(int64 milliseconds);
extern NullableDatum value_null(void);

#endif
