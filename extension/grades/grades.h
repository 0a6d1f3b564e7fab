/*
 * grades.h
 *	  What a class needs after the game.
 *
 * The room grades/ is how members take part (participants.c), what they are given for it: the book of grades and the
 * files that other systems read (gradebook.c, gradebook_file.c), changes of it afterwards, each of which can be undone
 * (changes.h), and what instructors look at (statistics.c, integrity.c).  The rules of the game are game/'s.
 */
#ifndef EDURANGE_GRADES_H
#define EDURANGE_GRADES_H

#include "postgres.h"

#endif
