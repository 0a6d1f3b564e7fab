/*
 * upload.h
 *	  A challenge pack out of a request body, in each of the forms in which clients send one.
 */
#ifndef EDURANGE_SHIM_UPLOAD_H
#define EDURANGE_SHIM_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "api/routes.h"
#include "api/target.h"
#include "base/errors.h"
#include "packs/pack.h"

#define UPLOAD_MAX_FIELDS 4

/* Zeroed it holds nothing. */
typedef struct Upload
{
	Pack pack;
	const char *content_type;             /* these two headers belong to the request */
	const char *uploader;                 /* X-Uploader-User-Id */
	QueryField fields[UPLOAD_MAX_FIELDS]; /* parameters that came with it */
	int nfields;
} Upload;

/* Is the media type in this header that one?  What follows a semicolon does not matter. */
extern bool media_type_is(const char *header, const char *type);

/* Can a pack come with this Content-Type? */
extern bool upload_accepts(const char *content_type);

/*
 * Reads the pack in a body: a form with a zip in its part "file", a zip, or a JSON object with
 * manifest and challenges.  Fields of the form, or members of the object, that are query parameters
 * of the route are added to those of the target, which must not outlive the upload.
 */
extern bool
upload_read(const Route *route, const char *content_type, const char *body, size_t length,
            size_t file_limit, Target *target, Upload *upload, Failure *failure);

/* The value of a parameter that comes from an upload, to be freed; once for each. */
extern char *upload_take(Upload *upload, ParamType type);

extern void upload_free(Upload *upload);

#endif
