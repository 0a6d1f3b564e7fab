/*
 * semver.h
 *	  Semantic versions (2.0.0) and ranges of them as npm writes them.
 */
#ifndef EDURANGE_SEMVER_H
#define EDURANGE_SEMVER_H

#include "postgres.h"

typedef struct Version
{
	int64 numbers[3];       /* major, minor, patch */
	const char *prerelease; /* of the text that was read; not terminated */
	int prerelease_length;  /* 0: none */
} Version;

/* Reads MAJOR.MINOR.PATCH[-PRERELEASE][+BUILD]; false when the text is something else. */
extern bool version_read(const char *text, Version *version);

/* Less than, equal to or greater than 0, by precedence: the build does not count. */
extern int version_compare(const Version *left, const Version *right);

/*
 * Is the version in the range?  A range is alternatives joined by ||, each of them comparators that
 * all must hold (=, <, <=, >, >=, ~, ^, with parts left out or written x or *), or FROM - TO.  A
 * prerelease is only in a range that names a prerelease of the same three numbers.  is_valid tells
 * whether the range can be read at all.
 */
extern bool version_in_range(const Version *version, const char *range, bool *is_valid);

#endif
