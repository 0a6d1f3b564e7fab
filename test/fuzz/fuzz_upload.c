/*
 * fuzz_upload.c
 *	  Any bytes as the body of an upload: the first line is its Content-Type.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "packs/upload.h"

#define FILE_LIMIT (256 * 1024)

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const Route route = {
    .method = "POST",
    .path = "/",
    .body = BODY_PACK,
    .params = {{.name = "force", .type = TYPE_BOOLEAN, .source = FROM_QUERY},
               {.name = "dry_run", .aliases = {"dryRun"}, .source = FROM_QUERY}},
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line_end = memchr(data, '\n', size);
	Target target = {0};
	Upload upload = {0};
	Failure failure = {0};
	const char *body;
	char *type;

	if (line_end == NULL)
		return 0;
	type = strndup((const char *) data, (size_t) (line_end - data));
	body = (const char *) line_end + 1;
	if (upload_accepts(type))
	{
		size_t length = size - (size_t) (line_end + 1 - data);
		bool fine = upload_read(&route, type, body, length, FILE_LIMIT, &target, &upload, &failure);

		if (fine != (failure.info == NULL))
			__builtin_trap();
		if (fine)
		{
			free(upload_take(&upload, TYPE_PACK_MANIFEST));
			free(upload_take(&upload, TYPE_PACK_PATHS));
			free(upload_take(&upload, TYPE_PACK_DOCUMENTS));
		}
	}
	upload_free(&upload);
	failure_clear(&failure);
	free(type);
	return 0;
}
