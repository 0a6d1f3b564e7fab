/*
 * sql_types.h
 *	  Row types and functions of the SQL interface, as make_sql_types.pl found them.
 */
#pragma once

#include <stdbool.h>

typedef struct SqlAttribute
{
	const char *name;
	const char *type; /* as SQL writes it, without the schema */
	bool nullable;
} SqlAttribute;

typedef struct SqlType
{
	const char *name;
	const SqlAttribute *attributes; /* ended by one without a name */
} SqlType;

typedef struct SqlFunction
{
	const char *name;
	const char *returns; /* a type of SQL or of sql_types */
	const char *errors;  /* names, separated by spaces */
	const char *comment;
} SqlFunction;

/* Both ended by a row without a name. */
extern const SqlType sql_types[];
extern const SqlFunction sql_functions[];
