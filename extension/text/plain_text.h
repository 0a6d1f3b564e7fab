/*
 * plain_text.h
 *	  What a text says: how two texts are compared that may have been typed on different machines.
 */
#ifndef EDURANGE_PLAIN_TEXT_H
#define EDURANGE_PLAIN_TEXT_H

#include "postgres.h"

/*
 * What is longer is compared as it is written: the server's function sorts accents in a time that grows with
 * the square of their number, and nothing can end it.
 */
#define LONGEST_NORMALIZED 5000 /* characters */

/* The text without outer white space, which is what JavaScript's trim() takes; a copy. */
extern char *trimmed(const char *text);

/*
 * The text as it is compared: accents composed (NFC; not in a very long one), without what nobody sees and without outer white
 * space.  Stored is always what was sent.
 */
extern char *comparable(const char *text);

/* The same with its case folded, as Unicode has it for all languages alike (canonical caseless matching). */
extern char *comparable_without_case(const char *text);

/* An access code as it is kept: in upper case, and without what comes along when one is copied. */
extern char *access_code(const char *given);

/* How many characters a text has. */
extern int text_length(const char *text);

#endif
