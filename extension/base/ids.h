/*
 * ids.h
 *	  New ids, and what cannot be guessed.
 */
#ifndef EDURANGE_IDS_H
#define EDURANGE_IDS_H

#include "postgres.h"

/* Fills memory with random bytes that nobody can guess. */
extern void random_bytes(void *bytes, size_t count);

/* A new UUID of version 7 as text, in the current memory context. */
extern char *new_id(void);

#endif
