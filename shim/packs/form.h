/*
 * form.h
 *	  The parts of a multipart/form-data body, where they lie.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/errors.h"

/* One part.  Its content is in the body; name and file name are the part's own until the next. */
typedef struct FormPart
{
	char *name;
	char *file_name; /* NULL: it is a field, not a file */
	const char *content;
	size_t length;
} FormPart;

/* Callback: a part, which may keep name or file name by setting it to NULL; false breaks off. */
typedef bool (*FormVisit)(void *closure, FormPart *part, Failure *failure);

/*
 * Takes apart a body that came with this Content-Type.  A body is refused as a whole when it does not
 * end as it should, or one of its parts does not begin as it should.
 */
extern bool form_read(const char *content_type, const char *body, size_t length, FormVisit visit,
                      void *closure, Failure *failure);
