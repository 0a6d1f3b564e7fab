/*
 * pack_files.h
 *	  The files of a pack: its manifest and the documents that it names.
 *
 * The room packs/ is about packs of challenges: reading their files (here), installing, updating and
 * removing them (packs.c), and the versions in which they need each other (semver.h).
 */
#ifndef EDURANGE_PACK_FILES_H
#define EDURANGE_PACK_FILES_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"

#include "cdf/document.h"
#include "packs/semver.h"

typedef struct PackFile
{
	char *path;
	char *text;
	Document document; /* read when the manifest names the file */
} PackFile;

typedef struct PackFiles
{
	char *manifest_text;
	Jsonb *manifest;
	char *id;
	char *name;
	char *version;
	Version parsed_version;
	int count;
	PackFile *files; /* those that the manifest names first, in its order */
	int named;       /* how many it names */
} PackFiles;

/*
 * Reads the arguments manifest, paths and documents of the calling function, the first three, and
 * checks everything that can be said without looking at the tables.  Raises invalid_json or, with
 * all that is wrong in all files, document_invalid.  Opens and closes statements itself.
 */
extern void pack_files_read(PackFiles *files, FunctionCallInfo fcinfo);

#endif
