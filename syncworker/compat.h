/*
 * compat.h
 *	  What differs between PostgreSQL 15, 16, 17 and 18, named after the newer interface.
 *
 * The only place of the worker with conditions on PG_VERSION_NUM.
 */
#ifndef EDURANGE_WORKER_COMPAT_H
#define EDURANGE_WORKER_COMPAT_H

#include "postgres.h"
#include "utils/wait_event.h"

/* Before 16 PGDLLEXPORT is empty, which exports nothing under -fvisibility=hidden. */
#if PG_VERSION_NUM < 160000
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

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
