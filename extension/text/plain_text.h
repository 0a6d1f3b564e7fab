/*
 * plain_text.h
 *	  What a text says: how two texts are compared that may have been typed on different machines.
 */
#ifndef EDURANGE_PLAIN_TEXT_H
#define EDURANGE_PLAIN_TEXT_H

#include "postgres.h"

#include "text/blank.h"

/*
 * What is longer is compared as it is written: the server's function sorts accents in a time that grows with
 * the square of their number, and nothing can end it.  A text of so many accents takes it some milliseconds.
 */
#define LONGEST_NORMALIZED 1000 /* characters */

/* The text without outer white space, which is what JavaScript's trim() takes; a copy. */
extern char *trimmed(const char *text);

/* The text with its accents composed (NFC; not in a very long one); a copy. */
extern char *composed(const char *text);

/*
 * The text as it is compared: accents composed (NFC; not in a very long one), without what nobody sees and without outer white
 * space.  Stored is always what was sent.
 */
extern char *comparable(const char *text);

/*
 * The same in SQL: of a column, which is named often, and of any text, which is computed once.  Most texts are of
 * ASCII, where only outer white space can go.
 */
#define IS_ASCII(text) "octet_length(" text ") = length(" text ")"
#define COMPARABLE_COLUMN(column)                                                                  \
	"(CASE WHEN " IS_ASCII(                                                                        \
	    column) " THEN btrim(" column ", " ASCII_SPACE_SQL ")"                                     \
	            " ELSE (SELECT btrim(CASE WHEN " IS_ASCII("t") " OR length(t) > " CppAsString2(    \
	                LONGEST_NORMALIZED) " OR t IS NFC NORMALIZED THEN t ELSE normalize(t) END"     \
	                                    ", " WHITE_SPACE_SQL                                       \
	                                    ") FROM (SELECT regexp_replace(" column ", '" UNSEEN_CLASS \
	                                    "', '', 'g') OFFSET 0) AS seen (t)) END)"
#define COMPARABLE(text)                                                                           \
	"(SELECT " COMPARABLE_COLUMN("c.written") " FROM (SELECT " text " OFFSET 0) AS c (written))"

/* The same with its case folded, as Unicode has it for all languages alike (canonical caseless matching). */
extern char *comparable_without_case(const char *text);

/* An access code as it is kept: in upper case, and without what comes along when one is copied. */
extern char *access_code(const char *given);

/* How many characters a text has. */
extern int text_length(const char *text);

#endif
