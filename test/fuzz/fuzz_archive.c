/*
 * fuzz_archive.c
 *	  Any bytes as an uploaded zip.
 */
#include <stdint.h>
#include <stdlib.h>

#include "packs/pack.h"

#define FILE_LIMIT (256 * 1024)

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *parts[PACK_PARTS] = {0};
	Failure failure = {0};
	bool fine = pack_read_archive(parts, (const char *) data, size, FILE_LIMIT, &failure);

	/* a refusal is one that says something, and nothing else is one */
	if (fine != (failure.info == NULL) || (fine && parts[PACK_FAULTS] == NULL))
		__builtin_trap();
	if (!fine)
		json_decref(failure_body(&failure, "fuzz"));
	for (int i = 0; i < PACK_PARTS; i++)
		free(parts[i]);
	failure_clear(&failure);
	return 0;
}
