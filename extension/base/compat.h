/*
 * compat.h
 *	  What differs between PostgreSQL 15, 16, 17 and 18, named after the newer interface.
 *
 * The only place with conditions on PG_VERSION_NUM.
 */
#ifndef EDURANGE_COMPAT_H
#define EDURANGE_COMPAT_H

#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_proc.h"
#include "common/jsonapi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "nodes/parsenodes.h"
#include "parser/parse_relation.h"
#include "utils/acl.h"
#include "utils/backend_status.h"

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

/* The columns of a table that a query reads or writes. */
static inline Bitmapset *
compat_named_columns(const Query *query, RangeTblEntry *entry)
{
#if PG_VERSION_NUM < 160000
	return bms_union(bms_union(entry->selectedCols, entry->insertedCols), entry->updatedCols);
#else
	RTEPermissionInfo *named;

	if (entry->perminfoindex == 0)
		return NULL;
	named = getRTEPermissionInfo(query->rteperminfos, entry);
	return bms_union(bms_union(named->selectedCols, named->insertedCols), named->updatedCols);
#endif
}

/*
 * May a row have a null in the column?  From 18 on NOT NULL may be NOT VALID: it holds for what is written, and says
 * nothing of the rows that are there.
 */
static inline bool
compat_may_be_null(Oid table, const FormData_pg_attribute *attribute)
{
#if PG_VERSION_NUM >= 180000
	HeapTuple constraint =
	    attribute->attnotnull ? findNotNullConstraintAttnum(table, attribute->attnum) : NULL;

	if (HeapTupleIsValid(constraint))
		return !((Form_pg_constraint) GETSTRUCT(constraint))->convalidated;
#endif
	return !attribute->attnotnull;
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

/* Whether a background worker gets in only as a role that can log in. */
#if PG_VERSION_NUM < 170000
#define COMPAT_WORKER_NEEDS_LOGIN true
#else
#define COMPAT_WORKER_NEEDS_LOGIN false
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
