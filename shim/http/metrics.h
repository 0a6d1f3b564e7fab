/*
 * metrics.h
 *	  What the shim has done and is doing, in the format of Prometheus.
 */
#pragma once

#include "api/routes.h"
#include "database/call.h"

extern bool metrics_init(void);

/* A request is over; route is NULL where there was none, status 0 where the client went away. */
extern void metrics_request(const Route *route, unsigned status, double seconds);

/* An answer awarded or corrected points. */
extern void metrics_award(Award award);

/* All of it, to be freed; the result is STATEMENT_SYNC_METRICS's. */
extern char *metrics_text(const DatabaseResult *result);
