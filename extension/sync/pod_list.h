/*
 * pod_list.h
 *	  The Instance Manager's list of pods, cut into the texts of its elements.
 */
#ifndef EDURANGE_POD_LIST_H
#define EDURANGE_POD_LIST_H

#include "postgres.h"

/*
 * How many elements a list may have.  Even those that say nothing cost something each, and a list of 32 MiB has room
 * for 16 million of them, but only for a hundred thousand pods.
 */
#define MAX_ELEMENTS 200000

/* One element as it is written in the list; it does not end in a zero byte. */
typedef struct PodText
{
	const char *text;
	int length;
	int members;      /* of an object, those of the same name counted each */
	int names;        /* those among them that are called name */
	const char *name; /* the value of the last of these, as it is written */
	int name_length;
} PodText;

/* Takes one element.  It may raise an error; the list is then left where it is. */
typedef void (*TakePod)(const PodText *pod, void *context);

/*
 * Hands each element of {"challenge_pods": [...]} to take, in the list's order, and returns how many
 * there are.  What is no such list as a whole is refused, at its end if that is where it goes wrong:
 * whoever takes must be able to throw away what was taken.  No message repeats the list.
 */
extern int pod_list_cut(const char *list, int length, TakePod take, void *context);

#endif
