/*
 * pack.h
 *	  A challenge pack on its way to the database: the texts of its files as they came.
 */
#ifndef EDURANGE_SHIM_PACK_H
#define EDURANGE_SHIM_PACK_H

#include <jansson.h>

#include "base/errors.h"
#include "base/text_array.h"

#define MANIFEST_NAME "pack.json"

typedef struct Pack
{
	char *manifest;
	TextArray paths;
	TextArray documents; /* one for each path */
} Pack;

/* Takes in the manifest; false when it is no text that the database could store. */
extern bool pack_set_manifest(Pack *pack, const char *manifest, size_t length, Failure *failure);

/* The paths of the challenges that the manifest names, as keys of an object in their order. */
extern json_t *pack_challenges(const Pack *pack);

/* Adds a document; false when it is no text that the database could store. */
extern bool pack_add_document(Pack *pack, const char *path, const char *document, size_t length,
                              Failure *failure);

extern void pack_free(Pack *pack);

#endif
