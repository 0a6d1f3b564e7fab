/*
 * wire.h
 *	  Values as JSON, the way they go over the wire.
 */
#ifndef EDURANGE_WIRE_H
#define EDURANGE_WIRE_H

#include "postgres.h"

#include "lib/stringinfo.h"

/* Writes a value that is not null. */
extern void wire_value(StringInfo out, Datum value, Oid type);

#endif
