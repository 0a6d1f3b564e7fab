/*
 * compat.h
 *	  What differs between PostgreSQL 15, 16, 17 and 18, named after the newer interface.
 *
 * The only place of the worker with conditions on PG_VERSION_NUM.
 */
#ifndef EDURANGE_WORKER_COMPAT_H
#define EDURANGE_WORKER_COMPAT_H

#include "postgres.h"

#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/acl.h"
#include "utils/wait_event.h"

/* Before 16 PGDLLEXPORT is empty, which exports nothing under -fvisibility=hidden. */
#if PG_VERSION_NUM < 160000
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

/* How the worker connects: its role cannot log in, where that is possible. */
#if PG_VERSION_NUM < 170000
#define COMPAT_CONNECT_FLAGS 0
#else
#define COMPAT_CONNECT_FLAGS BGWORKER_BYPASS_ROLELOGINCHECK
#endif

/* May the session's user see into a schema? */
static inline bool
compat_may_use_schema(Oid schema)
{
#if PG_VERSION_NUM < 160000
	return pg_namespace_aclcheck(schema, GetUserId(), ACL_USAGE) == ACLCHECK_OK;
#else
	return object_aclcheck(NamespaceRelationId, schema, GetUserId(), ACL_USAGE) == ACLCHECK_OK;
#endif
}

/* May the session's user execute a function? */
static inline bool
compat_may_execute(Oid function)
{
#if PG_VERSION_NUM < 160000
	return pg_proc_aclcheck(function, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK;
#else
	return object_aclcheck(ProcedureRelationId, function, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK;
#endif
}

/* A wait event of our own where the server has such; call it once per name. */
static inline uint32
compat_wait_event(const char *name)
{
#if PG_VERSION_NUM < 170000
	(void) name;
	return PG_WAIT_EXTENSION;
#else
	return WaitEventExtensionNew(name);
#endif
}

#endif
