/*
 * paying.h
 *	  What is paid or taken back when the completions of a user have changed.
 */
#ifndef EDURANGE_PAYING_H
#define EDURANGE_PAYING_H

#include "grades/change.h"

/*
 * Pays what is to be paid after a change, less what was paid before: nothing where that is the same, else one entry,
 * and of changes that are undone out of order as many as cancel what they have left.
 */
extern void
pay_difference(const Caller *caller, Change *change, Grade *grade, int64 after, const char *kind);

#endif
