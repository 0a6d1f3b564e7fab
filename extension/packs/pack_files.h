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

#include "base/refusal.h"
#include "cdf/document.h"
#include "packs/semver.h"

#define MANIFEST_PATH "pack.json"

typedef struct PackFile
{
	char *path;
	char *key; /* pack_path_key() of it */
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

/* ---- shared with pack_archive.c ----------------------------------------------------------------- */

/* The list of texts that an argument of the calling function holds, and how many they are. */
extern int pack_texts(FunctionCallInfo fcinfo, int argument, const char *name, Datum **texts);

/*
 * What all spellings of a path have in common: accented letters as one character each, of which macOS
 * writes two (not in a very long one), and no "./" in front.
 */
extern char *pack_path_key(const char *path);

/* Raises what was refused of a file. */
extern _Noreturn void raise_of_file(const char *path, Refusal *refusal);

#endif
