/*
 * fuzz_upload.c
 *	  Any bytes as the body of an upload: the first line is its Content-Type.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/fields.h"
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
	Fields fields = {.route = &route, .target = &target};
	Failure failure = {0};
	char *body;
	char *type;

	if (line_end == NULL)
		return 0;
	type = strndup((const char *) data, (size_t) (line_end - data));
	if (upload_accepts(type))
	{
		size_t length = size - (size_t) (line_end + 1 - data);
		bool fine;

		body = calloc(1, length + 1);
		memcpy(body, line_end + 1, length);

		upload.content_type = type;
		fine = upload_read(&upload, &body, length, FILE_LIMIT, fields_add, &fields, &failure);
		if (fine != (failure.info == NULL))
			__builtin_trap();
		free(body);
	}
	pack_free(&upload.pack);
	fields_free(&fields);
	failure_clear(&failure);
	free(type);
	return 0;
}
