/*
 * cdf_schema.h
 *	  The schema that challenge definitions are held against.
 */
#ifndef EDURANGE_CDF_SCHEMA_H
#define EDURANGE_CDF_SCHEMA_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * The active schema, with the challenge types that operators added.  Between statements_begin() and
 * statements_end().
 */
extern Jsonb *active_cdf_schema(void);

#endif
