/*
 * fuzz_archive.c
 *	  Any bytes as an uploaded zip.
 */
#include <stdint.h>
#include <stdlib.h>

#include "packs/upload.h"

#define FILE_LIMIT (256 * 1024)

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Upload upload = {.content_type = "application/zip"};
	Buffer body = {.bytes = (char *) data, .length = size};
	Failure failure = {0};
	bool fine = upload_read(&upload, &body, FILE_LIMIT, &failure);

	/* a refusal is one that says something, and nothing else is one */
	if (fine != (failure.info == NULL) || (fine && upload.parts[PACK_FAULTS] == NULL))
		__builtin_trap();
	if (!fine)
		json_decref(failure_body(&failure, "fuzz"));
	upload_free(&upload);
	failure_clear(&failure);
	return 0;
}
