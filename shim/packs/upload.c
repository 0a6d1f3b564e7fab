/*
 * upload.c
 *	  A challenge pack out of a request body, in each of the forms in which clients send one.
 */
#include "packs/upload.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json_scan.h"
#include "packs/form.h"
#include "packs/pack_archive.h"

#define FORM_TYPE "multipart/form-data"
#define ZIP_TYPE "application/zip"
#define JSON_TYPE "application/json"

/* What a body is read into, and for whom. */
typedef struct Reader
{
	Pack *pack;
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

/* ---- JSON ------------------------------------------------------------------------------------ */

static bool
refuse_json(Failure *failure)
{
	failure_set(failure, EDURANGE_INVALID_JSON,
	            "the request body is not valid JSON, or nested too deeply");
	return false;
}

/* Keeps the value of a member that may be there once. */
static bool
take_once(JsonPiece *kept, JsonPiece value, const char *name, Failure *failure)
{
	if (kept->at != NULL)
		failure_set(failure, EDURANGE_INVALID_JSON, "parameter \"%s\" is given more than once",
		            name);
	*kept = value;
	return failure->info == NULL;
}

/* Takes in a member of the object that is neither manifest nor challenges. */
static bool
take_member(Reader *reader, JsonPiece key, JsonPiece value, Failure *failure)
{
	char *name = json_scan_text(key);
	bool fine = name == NULL || (value.length == 4 && memcmp(value.at, "null", 4) == 0) ||
	            reader->field(reader->closure, name, value.at, value.length, failure);

	free(name);
	return fine;
}

/* Finds manifest and challenges in the object that the body must be. */
static bool
read_envelope(Reader *reader, const char *body, size_t length, JsonPiece *manifest,
              JsonPiece *challenges, Failure *failure)
{
	JsonPiece whole;
	JsonPiece key;
	JsonPiece value;
	JsonCursor members = {0};

	if (length == 0)
		failure_set(failure, EDURANGE_INVALID_JSON, "the request body is empty");
	else if (!json_scan_whole(body, length, &whole))
		return refuse_json(failure);
	else if (!json_scan_open(whole, '{', &members))
		failure_set(failure, EDURANGE_INVALID_JSON, "the request body must be a JSON object");
	while (failure->info == NULL && json_scan_next(&members, &key, &value))
	{
		if (json_scan_is(key, "manifest"))
			take_once(manifest, value, "manifest", failure);
		else if (json_scan_is(key, "challenges"))
			take_once(challenges, value, "challenges", failure);
		else
			take_member(reader, key, value, failure);
	}
	if (failure->info == NULL && members.broken)
		return refuse_json(failure);
	return failure->info == NULL;
}

/* The path and document of {path, document}; false when the element is the document itself. */
static bool
open_element(JsonPiece element, char **path, JsonPiece *document)
{
	JsonPiece key;
	JsonPiece value;
	JsonCursor members = {0};
	bool found = false;

	*path = NULL;
	if (!json_scan_open(element, '{', &members))
		return false;
	while (json_scan_next(&members, &key, &value))
	{
		if (json_scan_is(key, "path") && *path == NULL)
			*path = json_scan_text(value);
		else if (json_scan_is(key, "document"))
		{
			*document = value;
			found = true;
		}
	}
	if (*path != NULL && found)
		return true;
	free(*path);
	*path = NULL;
	return false;
}

/* Adds one challenge; without a path of its own it is the one that the manifest has next. */
static bool
add_challenge(Pack *pack, JsonPiece element, const char *next, Failure *failure)
{
	JsonPiece document = element;
	char *path = NULL;

	if (element.at[0] != '{')
		failure_set(failure, EDURANGE_INVALID_TYPE,
		            "parameter \"challenges\" must be a list of documents, or of objects with path "
		            "and document");
	else if (open_element(element, &path, &document))
		pack_add_document(pack, path, document.at, document.length, failure);
	else if (next != NULL)
		pack_add_document(pack, next, document.at, document.length, failure);
	else
		failure_set(failure, EDURANGE_INVALID_PARAMETER,
		            "parameter \"challenges\" has more documents than the manifest names");
	free(path);
	return failure->info == NULL;
}

/* Reads a body that is {"manifest": …, "challenges": […]}. */
static bool
read_json(Reader *reader, const char *body, size_t length, Failure *failure)
{
	Pack *pack = reader->pack;
	JsonPiece manifest = {0};
	JsonPiece challenges = {0};
	JsonPiece key;
	JsonPiece element;
	JsonCursor elements = {0};
	json_t *paths;
	void *next;

	if (!read_envelope(reader, body, length, &manifest, &challenges, failure))
		return false;
	if (manifest.at == NULL || challenges.at == NULL)
		failure_set(failure, EDURANGE_MISSING_PARAMETER, "parameter \"%s\" is required",
		            manifest.at == NULL ? "manifest" : "challenges");
	else if (manifest.at[0] != '{')
		failure_set(failure, EDURANGE_INVALID_TYPE, "parameter \"manifest\" must be an object");
	else if (!json_scan_open(challenges, '[', &elements))
		failure_set(failure, EDURANGE_INVALID_TYPE, "parameter \"challenges\" must be a list");
	if (failure->info != NULL || !pack_set_manifest(pack, manifest.at, manifest.length, failure))
		return false;
	paths = pack_challenges(pack);
	next = json_object_iter(paths);
	while (json_scan_next(&elements, &key, &element) &&
	       add_challenge(pack, element, next != NULL ? json_object_iter_key(next) : NULL, failure))
		next = next != NULL ? json_object_iter_next(paths, next) : NULL;
	json_decref(paths);
	if (failure->info == NULL && elements.broken)
		return refuse_json(failure);
	return failure->info == NULL;
}

/* ---- uploads --------------------------------------------------------------------------------- */

bool
upload_read(Upload *upload, const char *body, size_t length, size_t file_limit, UploadField field,
            void *closure, Failure *failure)
{
	Reader reader = {.pack = &upload->pack, .field = field, .closure = closure};

	if (media_type_is(upload->content_type, JSON_TYPE))
		return read_json(&reader, body, length, failure);
	if (media_type_is(upload->content_type, ZIP_TYPE))
		return archive_read_pack(body, length, file_limit, reader.pack, failure);
	if (!form_read(upload->content_type, body, length, take_part, &reader, failure))
		return false;
	if (reader.file == NULL)
	{
		failure_set(failure, EDURANGE_MISSING_PARAMETER, "No file part in the request");
		return false;
	}
	return archive_read_pack(reader.file, reader.file_length, file_limit, reader.pack, failure);
}
