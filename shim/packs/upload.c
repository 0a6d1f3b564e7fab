/*
 * upload.c
 *	  A challenge pack out of a request body, in each of the forms in which clients send one, on its way to the
 *	  database.
 *
 * Which files are the pack is not known here.  Nothing is parsed and written again: the database keeps what was sent,
 * to the byte.  Every file of a zip is read to its end, wanted or not: an archive that is broken or too large anywhere
 * is refused.  What it says about sizes is not believed, limits count the bytes that come out.
 */
#include "packs/upload.h"

#include <fnmatch.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/param.h>

#include "base/text.h"
#include "base/text_array.h"
#include "packs/form.h"
#include "packs/zip.h"

#define FORM_TYPE "multipart/form-data"
#define ZIP_TYPE "application/zip"
#define ZIP_TYPE_OF_WINDOWS "application/x-zip-compressed"
#define JSON_TYPE "application/json"

#define FIELD_LIMIT 1024 /* bytes */

#define TOTAL_LIMITS 2
#define RATIO_LIMIT 100          /* bytes that come out for each byte that was sent ... */
#define RATIO_FREE (1024 * 1024) /* ... except for so many */

/* What a form is read into. */
typedef struct FormContent
{
	Upload *upload;
	const char *file; /* the zip; NULL: none yet */
	size_t file_length;
} FormContent;

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
	FormContent *form = closure;

	if (part->file_name == NULL || strcmp(part->name, "file") != 0)
		return add_field(form->upload, part, failure);
	if (form->file != NULL)
		failure_set(failure, EDURANGE_INVALID_FORM,
		            "the form in the request body has more than one part \"file\"");
	else if (part->file_name[0] == '\0')
		failure_set(failure, EDURANGE_INVALID_FORM, "No selected file");
	else if (fnmatch("*.zip", part->file_name, FNM_CASEFOLD) != 0)
		failure_set(failure, EDURANGE_INVALID_FORM,
		            "the part \"file\" must be a zip file, with a name that ends in .zip");
	form->file = part->content;
	form->file_length = part->length;
	return failure->info == NULL;
}

/* ---- archives -------------------------------------------------------------------------------- */

/* One run through the files of an archive. */
typedef struct Reading
{
	char *buffer;        /* for the files that are deflated */
	const char *content; /* of the file at hand */
	size_t length;
	size_t total; /* what came out so far */
	size_t file_limit;
	size_t total_limit;
	size_t ratio_limit;
	TextArray parts[PACK_PARTS]; /* those of a zip */
	Failure *failure;
} Reading;

static bool
reading_begin(Reading *reading, size_t size, size_t file_limit, Failure *failure)
{
	*reading = (Reading){.file_limit = file_limit,
	                     .total_limit = file_limit * TOTAL_LIMITS,
	                     .ratio_limit = MAX(size * RATIO_LIMIT, RATIO_FREE),
	                     .failure = failure};
	/* pages that nothing is written to take no memory */
	reading->buffer = malloc(MIN(file_limit, reading->ratio_limit) + 1);
	return reading->buffer != NULL || failure_set(failure, EDURANGE_INTERNAL, "internal error");
}

/* Reads a file to its end, or to the first limit that it meets. */
static bool
read_file(Reading *reading, const ZipFile *file)
{
	size_t left = MIN(reading->total_limit, reading->ratio_limit) - reading->total;
	size_t limit = MIN(reading->file_limit, left);

	if (!zip_read(file, reading->buffer, limit, &reading->content, &reading->length,
	              reading->failure))
		return false;
	reading->total += reading->length;
	if (reading->length > reading->file_limit)
		failure_set(reading->failure, EDURANGE_PAYLOAD_TOO_LARGE,
		            "file \"%s\" in the archive is larger than %zu bytes", file->name,
		            reading->file_limit);
	else if (reading->total > reading->total_limit)
		failure_set(reading->failure, EDURANGE_PAYLOAD_TOO_LARGE,
		            "the files in the archive are larger than %zu bytes in all, at \"%s\"",
		            reading->total_limit, file->name);
	else if (reading->total > reading->ratio_limit)
		failure_set(reading->failure, EDURANGE_PAYLOAD_TOO_LARGE,
		            "the archive inflates to more than %d times its size, at \"%s\"", RATIO_LIMIT,
		            file->name);
	return reading->failure->info == NULL;
}

/* Adds the file at hand. */
static bool
add_file(Reading *reading, const char *name)
{
	const char *sentence = "is larger than a document may be";
	bool is_large = reading->length > DOCUMENT_BYTES;
	EdurangeError fault = is_large ? EDURANGE_PAYLOAD_TOO_LARGE
	                               : text_fault(reading->content, reading->length, &sentence);
	const char *text = fault == EDURANGE_OK ? reading->content : sentence;
	size_t length = fault == EDURANGE_OK ? reading->length : strlen(sentence);
	const char *error = fault == EDURANGE_OK ? "" : errors[fault].name;

	return (text_array_add(&reading->parts[PACK_NAMES], name, strlen(name)) &&
	        text_array_add(&reading->parts[PACK_TEXTS], text, length) &&
	        text_array_add(&reading->parts[PACK_FAULTS], error, strlen(error))) ||
	       failure_set(reading->failure, EDURANGE_INTERNAL, "internal error");
}

/*
 * Reads the files of a zip.  One may inflate to at most file_limit bytes, all of them together to TOTAL_LIMITS times
 * as many.  False when the archive is not to be trusted; then the failure names the file.
 */
static bool
read_archive(Upload *upload, const char *data, size_t size, size_t file_limit, Failure *failure)
{
	Zip zip;
	Reading reading = {0};
	bool fine =
	    zip_open(data, size, &zip, failure) && reading_begin(&reading, size, file_limit, failure);

	for (unsigned i = 0; fine && i < zip.count; i++)
		fine = read_file(&reading, &zip.files[i]) && add_file(&reading, zip.files[i].name);
	for (int i = PACK_NAMES; i < PACK_PARTS; i++)
	{
		if (fine && (upload->parts[i] = text_array_finish(&reading.parts[i])) == NULL)
			fine = failure_set(failure, EDURANGE_INTERNAL, "internal error");
		text_array_free(&reading.parts[i]);
	}
	free(reading.buffer);
	zip_free(&zip);
	return fine;
}

/* ---- uploads --------------------------------------------------------------------------------- */

bool
upload_read(Upload *upload, Buffer *body, size_t file_limit, Failure *failure)
{
	FormContent form = {.upload = upload};
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
		return read_archive(upload, text, body->length, file_limit, failure);
	if (!form_read(upload->content_type, text, body->length, take_part, &form, failure))
		return false;
	if (form.file == NULL)
		return failure_set(failure, EDURANGE_MISSING_PARAMETER, "No file part in the request");
	return read_archive(upload, form.file, form.file_length, file_limit, failure);
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
