/*
 * cdf_rows.h
 *	  Writing a document into the rows of its challenge.
 */
#ifndef EDURANGE_CDF_ROWS_H
#define EDURANGE_CDF_ROWS_H

#include "postgres.h"

#include "cdf/document.h"

/* How many rows of one kind an import touched.  A retired question counts as removed. */
typedef struct RowCounts
{
	int32 added;
	int32 changed;
	int32 removed;
} RowCounts;

typedef struct DocumentWrite
{
	/* as asked */
	const Document *document;
	const char *pack_id;     /* the pack that it belongs to; NULL: as it is */
	const char *acting_user; /* who has it done, or NULL */
	bool changes_any_pack;   /* also a challenge of another pack than pack_id */
	/* as found and done */
	bool created;
	bool changed;
	RowCounts questions;
	RowCounts apps;
} DocumentWrite;

/*
 * Makes the challenge or brings it in line with the document, within statements.  What the document
 * says already is not written.  Raises what stands against it, so that nothing is written.
 */
extern void document_write(DocumentWrite *write);

#endif
