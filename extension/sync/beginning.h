/*
 * beginning.h
 *	  How the work of the sync worker begins: on the right server, and with all periods before it.
 */
#ifndef EDURANGE_BEGINNING_H
#define EDURANGE_BEGINNING_H

/* Lets every period begin anew, with statements open: stored times are another clock's, or of a clock that was set. */
extern void begin_anew(void);

#endif
