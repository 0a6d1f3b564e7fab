/*
 * pack_archive.h
 *	  The pack among the files of an archive, which may hold other files, too.
 */
#ifndef EDURANGE_PACK_ARCHIVE_H
#define EDURANGE_PACK_ARCHIVE_H

#include "postgres.h"

#include "fmgr.h"

/*
 * Finds the pack in the three lists of the calling function that begin with this argument: the files'
 * names in the archive, their texts, and for a file that is no text the name of an error, whose sentence
 * stands for the text then.  Leaves what pack_install() takes: the text of the manifest, the paths of
 * the other files as seen from it, and their texts, which are empty where the manifest does not name the
 * file.  Opens and closes statements itself.
 */
extern void pack_archive_read(FunctionCallInfo fcinfo, int argument, NullableDatum parts[3]);

#endif
