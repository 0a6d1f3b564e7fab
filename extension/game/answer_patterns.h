/*
 * answer_patterns.h
 *	  Patterns that answers are held against.
 */
#ifndef EDURANGE_ANSWER_PATTERNS_H
#define EDURANGE_ANSWER_PATTERNS_H

#include "postgres.h"

#include "base/refusal.h"

#define MOST_PATTERNS 20    /* of a question */
#define LONGEST_PATTERN 200 /* characters */
#define LONGEST_ANSWER 1000 /* that is held against a pattern */

/*
 * Holds an answer, which is not too long, against a pattern, which must match all of it.  Returns NULL, or why
 * the pattern is none that answers can be held against.
 */
extern char *answer_pattern_match(const char *pattern, const char *answer, bool *matches);

#endif
