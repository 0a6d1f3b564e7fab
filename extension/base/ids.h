/*
 * ids.h
 *	  New ids.
 */
#ifndef EDURANGE_IDS_H
#define EDURANGE_IDS_H

/* A new UUID of version 7 as text, in the current memory context. */
extern char *new_id(void);

#endif
