/*
 * upload.c
 *	  A challenge pack out of a request body, in each of the forms in which clients send one.
 */
#include "packs/upload.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "packs/form.h"

#define FORM_TYPE "multipart/form-data"
#define ZIP_TYPE "application/zip"
#define ZIP_TYPE_OF_WINDOWS "application/x-zip-compressed"
#define JSON_TYPE "application/json"

#define FIELD_LIMIT 1024 /* bytes */

/* What a form is read into. */
typedef struct Reader
{
	Upload *upload;
	const char *file; /* the zip; NULL: none yet */
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

static bool
is_zip_type(const char *content_type)
{
	return media_type_is(content_type, ZIP_TYPE) ||
	       media_type_is(content_type, ZIP_TYPE_OF_WINDOWS);
}

bool
upload_accepts(const char *content_type)
{
	return media_type_is(content_type, FORM_TYPE) || is_zip_type(content_type) ||
	       media_type_is(content_type, JSON_TYPE);
}

/* ---- forms ----------------------------------------------------------------------------------- */

static bool
is_zip_name(const char *name)
{
	size_t length = strlen(name);

	return length >= 4 && strcasecmp(name + length - 4, ".zip") == 0;
}

/* Keeps a field, or another file: which of them mean something is not known here. */
static bool
add_field(Upload *upload, FormPart *part, Failure *failure)
{
	size_t size = sizeof(Field) * (size_t) (upload->nfields + 1);
	Field *fields = realloc(upload->fields, size);
	const char *sentence;
	bool is_short = part->file_name == NULL && part->length <= FIELD_LIMIT &&
	                text_fault(part->content, part->length, &sentence) == EDURANGE_OK;

	if (fields == NULL)
		return failure_set(failure, EDURANGE_INTERNAL, "internal error");
	upload->fields = fields;
	fields[upload->nfields++] =
	    (Field){part->name, is_short ? strndup(part->content, part->length) : NULL};
	part->name = NULL;
	return true;
}

/* Callback: a part of a form. */
static bool
take_part(void *closure, FormPart *part, Failure *failure)
{
	Reader *reader = closure;

	if (part->file_name == NULL || strcmp(part->name, "file") != 0)
		return add_field(reader->upload, part, failure);
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
upload_read(Upload *upload, Buffer *body, size_t file_limit, Failure *failure)
{
	Reader reader = {.upload = upload};
	const char *text = body->length > 0 ? body->bytes : "";

	if (media_type_is(upload->content_type, JSON_TYPE))
	{
		if (json_size(text, body->length).part > DOCUMENT_VALUES)
			return failure_set(failure, EDURANGE_PAYLOAD_TOO_LARGE,
			                   "a document in the request body may have at most %d values",
			                   DOCUMENT_VALUES);
		if (!json_document_check(text, body->length, SIZE_MAX, failure))
			return false;
		upload->parts[PACK_ENVELOPE] = body->bytes;
		*body = (Buffer){0};
		return true;
	}
	if (is_zip_type(upload->content_type))
		return pack_read_archive(upload->parts, text, body->length, file_limit, failure);
	if (!form_read(upload->content_type, text, body->length, take_part, &reader, failure))
		return false;
	if (reader.file != NULL)
		return pack_read_archive(upload->parts, reader.file, reader.file_length, file_limit,
		                         failure);
	return failure_set(failure, EDURANGE_MISSING_PARAMETER, "No file part in the request");
}

void
upload_free(Upload *upload)
{
	for (int i = 0; i < PACK_PARTS; i++)
		free(upload->parts[i]);
	for (int i = 0; i < upload->nfields; i++)
	{
		free(upload->fields[i].name);
		free(upload->fields[i].value);
	}
	free(upload->fields);
}
