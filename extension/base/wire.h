/*
 * wire.h
 *	  Values as JSON, the way they go over the wire.
 */
#ifndef EDURANGE_WIRE_H
#define EDURANGE_WIRE_H

#include "postgres.h"

#include "lib/stringinfo.h"

/* What one statement writes of rows, at most, and one call of a batch: whoever sends it holds all of it at once. */
#define ANSWER_BYTES (16 * 1024 * 1024)
#define ANSWER_TOO_LARGE "the answer would have more than %d MiB", ANSWER_BYTES >> 20

/* Writes a value that is not null. */
extern void wire_value(StringInfo out, Datum value, Oid type);

#endif
