/*
 * fuzz_archive.c
 *	  Any bytes as an uploaded zip.
 */
#include <stdint.h>

#include "packs/pack.h"

#define FILE_LIMIT (256 * 1024)

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Pack pack = {0};
	Failure failure = {0};
	bool fine = pack_read_archive(&pack, (const char *) data, size, FILE_LIMIT, &failure);

	/* a refusal is one that says something, and nothing else is one */
	if (fine != (failure.info == NULL) || (fine && pack.parts[PACK_FAULTS] == NULL))
		__builtin_trap();
	if (!fine)
		json_decref(failure_body(&failure, "fuzz"));
	pack_free(&pack);
	failure_clear(&failure);
	return 0;
}
