/*
 * findings.h
 *	  What is broken in the platform's rows, as others left it.
 *
 * The room admin/ is for operators: making and adopting the tables (migrate.c), what is broken in them
 * (here), and whether the server is well (health.c).
 */
#ifndef EDURANGE_FINDINGS_H
#define EDURANGE_FINDINGS_H

#include "postgres.h"

typedef void (*FindingCounted)(const char *name, uint64 count, void *argument);

/*
 * Calls back for each finding of which there is any.  Runs statements, and changes nothing; tables
 * that are missing have no findings.
 */
extern void findings_count(FindingCounted counted, void *argument);

#endif
