/*
 * compat.h
 *	  What differs between PostgreSQL 15, 16, 17 and 18, named after the newer interface.
 *
 * The only place with conditions on PG_VERSION_NUM.
 */
#ifndef EDURANGE_COMPAT_H
#define EDURANGE_COMPAT_H

#include "postgres.h"

#include "catalog/pg_proc.h"
#include "common/jsonapi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/backend_status.h"

/*
 * Opens the definition of a function that SQL can call from anywhere: a trigger's, or one that reads and
 * writes no table.
 */
#define SQL_FUNCTION_ANYWHERE(name)                                                                \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS);                                               \
	PG_FUNCTION_INFO_V1(name);                                                                     \
	Datum name(PG_FUNCTION_ARGS)

/*
 * Opens the definition of a function that SQL can call, but for what runs in somebody else's name: index
 * expressions, materialized views and the like are evaluated as their owner by whoever maintains them,
 * and the session's role, which decides the tier, is not the one that wrote them.
 */
#define SQL_FUNCTION(name)                                                                         \
	static Datum name##_in_own_name(PG_FUNCTION_ARGS);                                             \
	SQL_FUNCTION_ANYWHERE(name)                                                                    \
	{                                                                                              \
		if (InSecurityRestrictedOperation())                                                       \
			ereport(ERROR,                                                                         \
			        (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),                                      \
			         errmsg("functions of edurange cannot be called by an index, a view's refresh" \
			                " or other maintenance")));                                            \
		return name##_in_own_name(fcinfo);                                                         \
	}                                                                                              \
	static Datum name##_in_own_name(PG_FUNCTION_ARGS)

/* May the role execute the function? */
static inline AclResult
compat_function_aclcheck(Oid function, Oid role)
{
#if PG_VERSION_NUM < 160000
	return pg_proc_aclcheck(function, role, ACL_EXECUTE);
#else
	return object_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE);
#endif
}

/* A lexer over JSON text; with escapes it reads what they stand for, and so checks that, too. */
static inline JsonLexContext *
compat_json_lexer(char *json, int length, bool escapes)
{
#if PG_VERSION_NUM < 170000
	return makeJsonLexContextCstringLen(json, length, PG_UTF8, escapes);
#else
	return makeJsonLexContextCstringLen(NULL, json, length, PG_UTF8, escapes);
#endif
}

/* Opens the definition of an action of a JSON parser, and ends it. */
#if PG_VERSION_NUM < 160000
#define JSON_ACTION static void
#define JSON_ACTION_DONE return
#else
#define JSON_ACTION static JsonParseErrorType
#define JSON_ACTION_DONE return JSON_SUCCESS
#endif

/* What the statistics hold of a backend, counted from 1. */
static inline PgBackendStatus *
compat_backend_status(int number)
{
	LocalPgBackendStatus *entry;

#if PG_VERSION_NUM < 160000
	entry = pgstat_fetch_stat_local_beentry(number);
#else
	entry = pgstat_get_local_beentry_by_index(number);
#endif
	return entry == NULL ? NULL : &entry->backendStatus;
}

#endif
