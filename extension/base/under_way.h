/*
 * under_way.h
 *	  Which transactions may still write, for who reads what is certain.
 */
#ifndef EDURANGE_UNDER_WAY_H
#define EDURANGE_UNDER_WAY_H

#include "postgres.h"

#include "utils/snapshot.h"

/* Whatever has a smaller number and writes in this database had ended when the snapshot was taken. */
extern int64 first_under_way(Snapshot snapshot);

#endif
