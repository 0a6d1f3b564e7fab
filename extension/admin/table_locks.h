/*
 * table_locks.h
 *	  Holding the tables that migrate() is about to alter.
 */
#ifndef EDURANGE_TABLE_LOCKS_H
#define EDURANGE_TABLE_LOCKS_H

/*
 * Holds all tables that are there, if anything has to be made that locks one of them, or raises what holds
 * one when lock_timeout is over.  To be called before anything else is locked; within statements.
 */
extern void hold_tables(void);

#endif
