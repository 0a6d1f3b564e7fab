/*
 * cdf_export.h
 *	  The document of a challenge.
 */
#ifndef EDURANGE_CDF_EXPORT_H
#define EDURANGE_CDF_EXPORT_H

#include "postgres.h"

/*
 * The document as it was imported, byte for byte, while the rows are what it says; else one made
 * from the rows.  NULL: there is no such challenge.  Runs statements; lives until statements_end().
 */
extern char *document_of_challenge(const char *challenge_id);

#endif
