/*
 * upload.h
 *	  A challenge pack out of a request body, in each of the forms in which clients send one.
 *
 * The room packs/ takes uploads apart: forms (form.h) and archives (zip.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/errors.h"
#include "base/text.h"

/* What the statements take of a pack, in this order. */
typedef enum PackPart
{
	PACK_ENVELOPE, /* one JSON object with all of it, which the database takes apart */
	PACK_NAMES,    /* or these three, of a zip: of each file its name, */
	PACK_TEXTS,    /* what is in it, or what is wrong with that, */
	PACK_FAULTS,   /* and the name of the error that this is; empty: none */
	PACK_PARTS
} PackPart;

/* Zeroed it holds nothing. */
typedef struct Upload
{
	char *parts[PACK_PARTS]; /* of the pack, as SQL has them; who takes one out sets it to NULL */
	Field *fields;           /* that came beside it in a form */
	int nfields;
	const char *content_type; /* these two headers belong to the request */
	const char *uploader;     /* X-Uploader-User-Id */
} Upload;

/* Is the media type in this header that one?  What follows a semicolon does not matter. */
extern bool media_type_is(const char *header, const char *type);

/* Can a pack come with this Content-Type? */
extern bool upload_accepts(const char *content_type);

/*
 * Reads the pack in a body of the upload's Content-Type: a form with a zip in its part "file", a zip,
 * or a JSON object with manifest and challenges, which is taken over as it is and leaves an empty body.  A file of a
 * zip may inflate to at most so many bytes.
 */
extern bool upload_read(Upload *upload, Buffer *body, size_t file_limit, Failure *failure);

extern void upload_free(Upload *upload);
