/*
 * zip_check.c
 *	  Is a zip what it seems to be?  Refuses what lenient readers disagree about.
 *
 * A zip says everything twice, in front of each file and in the directory at its end, and readers
 * differ in what they believe and in what they pass over.  Here both must say the same: the archive
 * begins with its first file and ends with its end record, the directory fills the place before
 * that record, and each of its entries has the local header that it names.  That the sizes are true
 * is seen by the reader, which inflates.
 */
#include "packs/zip_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define LOCAL_SIGNATURE "PK\003\004"
#define ENTRY_SIGNATURE "PK\001\002"
#define END_SIGNATURE "PK\005\006"
#define ZIP64_SIGNATURE "PK\006\007"
#define SIGNATURE_SIZE 4
#define LOCAL_SIZE 30
#define ENTRY_SIZE 46
#define END_SIZE 22
#define ZIP64_SIZE 20
#define MAX_COMMENT 65535

#define FLAGS_ENCRYPTED 0x2041 /* encrypted, strongly encrypted, encrypted directory */
#define METHOD_STORED 0
#define METHOD_DEFLATED 8

typedef unsigned char Byte;

/* An archive and where its directory is. */
typedef struct Zip
{
	const Byte *data;
	size_t directory;
	size_t end; /* of the directory: where the end record begins */
	unsigned entries;
} Zip;

static unsigned
read2(const Byte *at)
{
	return at[0] | (unsigned) at[1] << 8;
}

static unsigned
read4(const Byte *at)
{
	return read2(at) | read2(at + 2) << 16;
}

static bool
has_signature(const Byte *at, const char *signature)
{
	return memcmp(at, signature, SIGNATURE_SIZE) == 0;
}

static bool
refuse(Failure *failure, const char *reason)
{
	failure_set(failure, EDURANGE_ARCHIVE_INVALID, "the archive %s", reason);
	return false;
}

/* Finds the end record: the last in the file, and nothing may follow it but its comment. */
static bool
find_end(const Byte *data, size_t size, Zip *zip, Failure *failure)
{
	size_t at = size >= END_SIZE ? size - END_SIZE : 0;
	size_t lowest = at > MAX_COMMENT ? at - MAX_COMMENT : 0;
	const Byte *end;

	if (size < END_SIZE)
		return refuse(failure, "is not a zip file");
	while (!has_signature(data + at, END_SIGNATURE))
	{
		if (at-- == lowest)
			return refuse(failure, "is not a zip file, or its end is missing");
	}
	end = data + at;
	if (at + END_SIZE + read2(end + 20) != size)
		return refuse(failure, "has data behind its end, or its end is missing");
	if (read4(end + 4) != 0 || read2(end + 8) != read2(end + 10))
		return refuse(failure, "is split into several files");
	if (at >= ZIP64_SIZE && has_signature(end - ZIP64_SIZE, ZIP64_SIGNATURE))
		return refuse(failure, "is a zip64 file, which no archive of this size needs to be");
	*zip = (Zip){.data = data, .directory = read4(end + 16), .end = at, .entries = read2(end + 8)};
	if (zip->entries > ZIP_MAX_ENTRIES)
	{
		failure_set(failure, EDURANGE_PAYLOAD_TOO_LARGE, "the archive may have at most %d entries",
		            ZIP_MAX_ENTRIES);
		return false;
	}
	if ((size_t) read4(end + 12) + zip->directory != at)
		return refuse(failure, "has data in front of it, or its directory is not where it says");
	return true;
}

/* Is it a name that leads nowhere but down? */
static bool
is_safe_name(const char *name)
{
	const char *at = name;

	if (name[0] == '\0' || strpbrk(name, "\\") != NULL ||
	    (((name[0] | 0x20) >= 'a' && (name[0] | 0x20) <= 'z') && name[1] == ':'))
		return false;
	for (const char *c = name; *c != '\0'; c++)
	{
		if ((Byte) *c < 0x20 || *c == 0x7f)
			return false;
	}
	while (*at != '\0')
	{
		size_t length = strcspn(at, "/");

		if (length == 0 || (length == 2 && at[0] == '.' && at[1] == '.'))
			return false;
		at += length + (at[length] == '/');
	}
	return true;
}

/* Copies the name of an entry, if it is one to be let in. */
static char *
take_name(const Byte *name, unsigned length, unsigned number, Failure *failure)
{
	char *copy = NULL;

	if (length > ZIP_MAX_NAME || memchr(name, '\0', length) != NULL ||
	    !is_utf8((const char *) name, length))
		failure_set(failure, EDURANGE_ARCHIVE_INVALID,
		            "the archive has a file name that is not UTF-8 or too long (entry %u)", number);
	else if ((copy = strndup((const char *) name, length)) == NULL)
		failure_set(failure, EDURANGE_INTERNAL, "internal error");
	else if (!is_safe_name(copy))
	{
		failure_set(failure, EDURANGE_ARCHIVE_INVALID,
		            "the archive has a file name that is not a plain relative path: \"%s\"", copy);
		free(copy);
		copy = NULL;
	}
	return copy;
}

/* What is wrong with an entry of the directory, or NULL; its name is in the archive. */
static const char *
find_fault(const Zip *zip, const Byte *entry, unsigned name_length)
{
	const Byte *local;
	size_t offset = read4(entry + 42);

	if (offset + LOCAL_SIZE + name_length > zip->directory)
		return "has no data";
	local = zip->data + offset;
	if (!has_signature(local, LOCAL_SIGNATURE) || read2(local + 26) != name_length ||
	    memcmp(local + LOCAL_SIZE, entry + ENTRY_SIZE, name_length) != 0)
		return "has another name in front of its data";
	if (((read2(entry + 8) | read2(local + 6)) & FLAGS_ENCRYPTED) != 0)
		return "is encrypted";
	if (read2(entry + 10) != read2(local + 8) ||
	    (read2(entry + 10) != METHOD_STORED && read2(entry + 10) != METHOD_DEFLATED))
		return "is compressed in another way than deflate";
	if (read2(entry + 34) != 0)
		return "is in another file";
	return NULL;
}

/* Walks through the directory, which must have the entries that it should and nothing else. */
static bool
walk(const Zip *zip, ZipName visit, void *closure, Failure *failure)
{
	size_t at = zip->directory;
	bool begins = zip->entries == 0 && at == 0;

	for (unsigned i = 0; i < zip->entries; i++)
	{
		const Byte *entry = zip->data + at;
		unsigned name_length;
		size_t size;
		char *name;
		const char *fault;
		bool fine;

		if (zip->end - at < ENTRY_SIZE || !has_signature(entry, ENTRY_SIGNATURE))
			return refuse(failure, "has a broken directory");
		name_length = read2(entry + 28);
		size = (size_t) ENTRY_SIZE + name_length + read2(entry + 30) + read2(entry + 32);
		if (zip->end - at < size)
			return refuse(failure, "has a broken directory");
		begins |= read4(entry + 42) == 0;
		name = take_name(entry + ENTRY_SIZE, name_length, i + 1, failure);
		if (name == NULL)
			return false;
		fault = find_fault(zip, entry, name_length);
		if (fault != NULL)
			failure_set(failure, EDURANGE_ARCHIVE_INVALID, "file \"%s\" in the archive %s", name,
			            fault);
		fine = fault == NULL && visit(closure, name, failure);
		free(name);
		if (!fine)
			return false;
		at += size;
	}
	if (at != zip->end)
		return refuse(failure, "has more in its directory than it says");
	return begins || refuse(failure, "has data in front of it");
}

bool
zip_check(const char *data, size_t size, ZipName visit, void *closure, Failure *failure)
{
	Zip zip;

	return find_end((const Byte *) data, size, &zip, failure) &&
	       walk(&zip, visit, closure, failure);
}
