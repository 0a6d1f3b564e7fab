/*
 * pack.c
 *	  A challenge pack on its way to the database: the texts of its files as they came.
 *
 * Nothing is parsed and written again: the database keeps what was sent, to the byte.
 */
#include "packs/pack.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"
#include "base/utf8.h"

/* Is it text that the database can store?  The failure names the file. */
static bool
check_text(const char *path, const char *text, size_t length, Failure *failure)
{
	if (memchr(text, '\0', length) != NULL)
		failure_set(failure, EDURANGE_INVALID_TEXT, "file \"%s\" has a null byte", path);
	else if (!is_utf8(text, length))
		failure_set(failure, EDURANGE_INVALID_ENCODING, "file \"%s\" is not valid UTF-8", path);
	return failure->info == NULL;
}

bool
pack_set_manifest(Pack *pack, const char *manifest, size_t length, Failure *failure)
{
	if (!check_text(MANIFEST_NAME, manifest, length, failure))
		return false;
	pack->manifest = strndup(manifest, length);
	if (pack->manifest == NULL)
		failure_set(failure, EDURANGE_INTERNAL, "internal error");
	return pack->manifest != NULL;
}

json_t *
pack_challenges(const Pack *pack)
{
	json_t *paths = json_object();
	JsonPiece value;
	JsonPiece key;
	JsonCursor members = {0};
	JsonCursor elements = {0};

	if (!json_scan_whole(pack->manifest, strlen(pack->manifest), &value) ||
	    !json_scan_open(value, '{', &members))
		return paths;
	while (json_scan_next(&members, &key, &value))
	{
		if (!json_scan_is(key, "challenges") || !json_scan_open(value, '[', &elements))
			continue;
		while (json_scan_next(&elements, &key, &value))
		{
			char *path = json_scan_text(value);

			if (path != NULL)
				json_object_set_new(paths, path, json_true());
			free(path);
		}
	}
	return paths;
}

bool
pack_add_document(Pack *pack, const char *path, const char *document, size_t length,
                  Failure *failure)
{
	if (!check_text(path, document, length, failure))
		return false;
	if (!text_array_add(&pack->paths, path, strlen(path)) ||
	    !text_array_add(&pack->documents, document, length))
		failure_set(failure, EDURANGE_INTERNAL, "internal error");
	return failure->info == NULL;
}

void
pack_free(Pack *pack)
{
	free(pack->manifest);
	pack->manifest = NULL;
	text_array_free(&pack->paths);
	text_array_free(&pack->documents);
}
