/*
 * ecma_regex.h
 *	  Regular expressions as JavaScript (ECMA 262) writes them, run by PostgreSQL's engine.
 */
#ifndef EDURANGE_ECMA_REGEX_H
#define EDURANGE_ECMA_REGEX_H

#include "postgres.h"

#include "regex/regex.h"

/*
 * Compiles a pattern into *regex, which pg_regfree() frees.  Returns NULL, or why the pattern is none
 * or is none that PostgreSQL can run, and then there is nothing to free.
 */
extern char *ecma_regex_compile(const char *pattern, size_t length, regex_t *regex);

/*
 * The same of a pattern that a whole text must match and that costs little, whatever the text is: without
 * references to groups the engine never goes back, so that its steps are at most the pattern's atoms times the
 * text's characters, and times these once more where it looks ahead or behind.
 */
extern char *ecma_regex_compile_small(const char *pattern, size_t length, regex_t *regex);

/* How much memory a compiled pattern takes. */
extern Size ecma_regex_size(const regex_t *regex);

/* Does the pattern match in the text, anywhere unless it was compiled for the whole? */
extern bool ecma_regex_matches(regex_t *regex, const char *text, size_t length);

#endif
