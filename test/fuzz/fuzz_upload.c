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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line_end = memchr(data, '\n', size);
	Upload upload = {0};
	Failure failure = {0};
	char *type;

	if (line_end == NULL)
		return 0;
	type = strndup((const char *) data, (size_t) (line_end - data));
	if (upload_accepts(type))
	{
		size_t length = size - (size_t) (line_end + 1 - data);
		Buffer body = {0};
		bool fine;

		if (!buffer_reserve(&body, length + 1))
			abort();
		memcpy(body.bytes, line_end + 1, length);
		body.bytes[length] = '\0';
		body.length = length;

		upload.content_type = type;
		fine = upload_read(&upload, &body, FILE_LIMIT, &failure);
		if (fine != (failure.info == NULL))
			__builtin_trap();
		free(body.bytes);
	}
	upload_free(&upload);
	failure_clear(&failure);
	free(type);
	return 0;
}
