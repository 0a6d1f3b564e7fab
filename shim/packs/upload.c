/*
 * upload.c
 *	  A challenge pack out of a request body, in each of the forms in which clients send one.
 */
#include "packs/upload.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "packs/form.h"

#define FORM_TYPE "multipart/form-data"
#define ZIP_TYPE "application/zip"
#define JSON_TYPE "application/json"

/* What is found in a form. */
typedef struct Reader
{
	UploadField field;
	void *closure;    /* of the callback */
	const char *file; /* the zip in a form; NULL: none yet */
	size_t file_length;
} Reader;

bool
media_type_is(const char *header, const char *type)
{
	size_t length = strlen(type);

	if (header == NULL)
		return false;
	header += strspn(header, " \t");
	return strcspn(header, "; \t") == length && strncasecmp(header, type, length) == 0;
}

bool
upload_accepts(const char *content_type)
{
	return media_type_is(content_type, FORM_TYPE) || media_type_is(content_type, ZIP_TYPE) ||
	       media_type_is(content_type, JSON_TYPE);
}

/* ---- forms ----------------------------------------------------------------------------------- */

static bool
is_zip_name(const char *name)
{
	size_t length = strlen(name);

	return length >= 4 && strcasecmp(name + length - 4, ".zip") == 0;
}

/* Callback: a part of a form. */
static bool
take_part(void *closure, FormPart *part, Failure *failure)
{
	Reader *reader = closure;

	if (part->file_name == NULL)
		return reader->field(reader->closure, part->name, part->content, part->length, failure);
	if (strcmp(part->name, "file") != 0)
		return true;
	if (reader->file != NULL)
		failure_set(failure, EDURANGE_INVALID_FORM,
		            "the form in the request body has more than one part \"file\"");
	else if (part->file_name[0] == '\0')
		failure_set(failure, EDURANGE_INVALID_FORM, "No selected file");
	else if (!is_zip_name(part->file_name))
		failure_set(failure, EDURANGE_INVALID_FORM,
		            "the part \"file\" must be a zip file, with a name that ends in .zip");
	reader->file = part->content;
	reader->file_length = part->length;
	return failure->info == NULL;
}

/* ---- uploads --------------------------------------------------------------------------------- */

bool
upload_read(Upload *upload, char **body, size_t length, size_t file_limit, UploadField field,
            void *closure, Failure *failure)
{
	Reader reader = {.field = field, .closure = closure};

	if (media_type_is(upload->content_type, JSON_TYPE))
	{
		if (!json_document_check(*body, length, failure))
			return false;
		upload->pack.parts[PACK_ENVELOPE] = *body;
		*body = NULL;
		return true;
	}
	if (media_type_is(upload->content_type, ZIP_TYPE))
		return pack_read_archive(&upload->pack, *body, length, file_limit, failure);
	if (!form_read(upload->content_type, *body, length, take_part, &reader, failure))
		return false;
	if (reader.file != NULL)
		return pack_read_archive(&upload->pack, reader.file, reader.file_length, file_limit,
		                         failure);
	failure_set(failure, EDURANGE_MISSING_PARAMETER, "No file part in the request");
	return false;
}
