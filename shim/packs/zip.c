/*
 * zip.c
 *	  The files of a zip in memory, as long as there is only one way to read it.
 *
 * A zip says everything twice, in front of each file and in the directory at its end, and readers
 * differ in what they believe and in what they pass over.  So here both must say the same: the
 * archive begins with its first file and ends with its end record, the directory fills the place
 * before that record, each of its entries has the local header that it names, and no two files share
 * a byte.  That the sizes are true is seen when a file is read.  Offsets within headers are those of
 * PKWARE's APPNOTE.
 */
#include "packs/zip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <unistr.h>
#define ZLIB_CONST
#include <zlib.h>

#define LOCAL_SIGNATURE "PK\003\004"
#define ENTRY_SIGNATURE "PK\001\002"
#define END_SIGNATURE "PK\005\006"
#define ZIP64_SIGNATURE "PK\006\006"
#define LOCATOR_SIGNATURE "PK\006\007"
#define SIGNATURE_SIZE 4
#define LOCAL_SIZE 30
#define ENTRY_SIZE 46
#define END_SIZE 22
#define ZIP64_SIZE 56
#define LOCATOR_SIZE 20
#define MAX_COMMENT 65535

#define FLAGS_ENCRYPTED 0x2041 /* encrypted, strongly encrypted, encrypted directory */
#define FLAG_STREAMED 0x0008   /* sizes and checksum were not known yet in front of the data */
#define METHOD_STORED 0
#define METHOD_DEFLATED 8
#define EXTRA_ZIP64 1
#define IN_ZIP64 0xffffffff   /* too large a number for its 4 bytes: the fields for zip64 have it */
#define COUNT_IN_ZIP64 0xffff /* and for 2 */
#define SYSTEM_UNIX 3
#define TYPE_MASK 0170000
#define TYPE_REGULAR 0100000
#define TYPE_FOLDER 0040000

typedef unsigned char Byte;

/* An archive and where its directory is. */
typedef struct Archive
{
	const Byte *data;
	uint64_t directory;
	size_t end; /* of the directory: where the end records begin */
	uint64_t entries;
} Archive;

static unsigned
read2(const Byte *at)
{
	return at[0] | (unsigned) at[1] << 8;
}

/* Wide enough that sums of what archives say do not overflow. */
static uint64_t
read4(const Byte *at)
{
	return read2(at) | (uint64_t) read2(at + 2) << 16;
}

/* What needs more than 4 bytes is as wrong as the largest number of 4. */
static uint64_t
read8(const Byte *at)
{
	return read4(at + 4) == 0 ? read4(at) : IN_ZIP64;
}

static bool
has_signature(const Byte *at, const char *signature)
{
	return memcmp(at, signature, SIGNATURE_SIZE) == 0;
}

static bool
refuse(Failure *failure, const char *reason)
{
	return failure_set(failure, EDURANGE_ARCHIVE_INVALID, "the archive %s", reason);
}

static bool
refuse_file(Failure *failure, const ZipFile *file, const char *reason)
{
	return failure_set(failure, EDURANGE_ARCHIVE_INVALID, "file \"%s\" in the archive %s",
	                   file->name, reason);
}

/* ---- the end record -------------------------------------------------------------------------- */

/* Does a number of the end record say the same as the one for zip64, or leave it to that? */
static bool
agrees(uint64_t said, uint64_t most, uint64_t value)
{
	return said == value || said == most;
}

/* Is it the number of the first disk, or left to the end record for zip64, where it must be that? */
static bool
is_first_disk(const Byte *number)
{
	return agrees(read2(number), COUNT_IN_ZIP64, 0);
}

/*
 * Reads the end record for zip64, if there is one: some tools write it whatever the size.  It must lie
 * right before its locator, and that before the end record.
 */
static bool
find_zip64_end(Archive *archive, uint64_t *length, Failure *failure)
{
	const Byte *locator = archive->data + archive->end - LOCATOR_SIZE;
	const Byte *at = locator - ZIP64_SIZE;
	uint64_t entries, size, directory;

	if (archive->end < LOCATOR_SIZE || !has_signature(locator, LOCATOR_SIGNATURE))
		return read4(archive->data + archive->end + 4) == 0 ||
		       refuse(failure, "is split into several files");
	if (archive->end < LOCATOR_SIZE + ZIP64_SIZE || !has_signature(at, ZIP64_SIGNATURE) ||
	    read8(locator + 8) != (uint64_t) (at - archive->data) || read8(at + 4) != ZIP64_SIZE - 12)
		return refuse(failure, "has a broken zip64 end");
	entries = read8(at + 32);
	size = read8(at + 40);
	directory = read8(at + 48);
	if (read4(locator + 4) != 0 || read8(at + 16) != 0 || read8(at + 24) != entries ||
	    !agrees(archive->entries, COUNT_IN_ZIP64, entries) || !agrees(*length, IN_ZIP64, size) ||
	    !agrees(archive->directory, IN_ZIP64, directory))
		return refuse(failure, "has a zip64 end that says something else than its end record");
	*archive = (Archive){archive->data, directory, (size_t) (at - archive->data), entries};
	*length = size;
	return true;
}

/* Finds the end record: the last in the file, and nothing may follow it but its comment. */
static bool
find_end(const Byte *data, size_t size, Archive *archive, Failure *failure)
{
	size_t at = size >= END_SIZE ? size - END_SIZE : 0;
	size_t lowest = at > MAX_COMMENT ? at - MAX_COMMENT : 0;
	const Byte *end;
	uint64_t length;

	if (size < END_SIZE)
		return refuse(failure, "is not a zip file");
	while (!has_signature(data + at, END_SIGNATURE))
		if (at-- == lowest)
			return refuse(failure, "is not a zip file, or its end is missing");
	end = data + at;
	if (at + END_SIZE + read2(end + 20) != size)
		return refuse(failure, "has data behind its end, or its end is missing");
	if (!is_first_disk(end + 4) || !is_first_disk(end + 6) || read2(end + 8) != read2(end + 10))
		return refuse(failure, "is split into several files");
	*archive = (Archive){data, read4(end + 16), at, read2(end + 8)};
	length = read4(end + 12);
	if (!find_zip64_end(archive, &length, failure))
		return false;
	if (archive->entries > ZIP_MAX_ENTRIES)
		return failure_set(failure, EDURANGE_PAYLOAD_TOO_LARGE,
		                   "the archive may have at most %d entries", ZIP_MAX_ENTRIES);
	if (length + archive->directory != archive->end)
		return refuse(failure, "has data in front of it, or its directory is not where it says");
	return true;
}

/* ---- names ----------------------------------------------------------------------------------- */

/* Is it a name that leads nowhere but down? */
static bool
is_safe_name(const char *name)
{
	const char *at = name;

	if (name[0] == '\0' || (((name[0] | 0x20) >= 'a' && (name[0] | 0x20) <= 'z') && name[1] == ':'))
		return false;
	while (*at != '\0')
	{
		size_t length = strcspn(at, "/");

		if (length == 0 || (length == 2 && at[0] == '.' && at[1] == '.'))
			return false;
		at += length + (at[length] == '/');
	}
	return true;
}

/*
 * The name, to be freed; each byte that is not UTF-8 is written as \xe9.  Such names are of an encoding
 * that nobody knows: in some a backslash is a part of letters, and so is written likewise.
 */
static char *
printable(const char *name, size_t length)
{
	const uint8_t *bytes = (const uint8_t *) name;
	bool is_utf8 = u8_check(bytes, length) == NULL;
	char *copy = malloc(4 * length + 1);
	char *to = copy;

	for (size_t i = 0; copy != NULL && i < length; i++)
	{
		int width = is_utf8 ? 1 : u8_mblen(bytes + i, length - i);

		if (width < 1 || (!is_utf8 && name[i] == '\\'))
			to += snprintf(to, 5, "\\x%02x", bytes[i]);
		else
		{
			to = mempcpy(to, name + i, (size_t) width);
			i += (size_t) width - 1;
		}
	}
	if (copy != NULL)
		*to = '\0';
	return copy;
}

/* Takes in the name of an entry, if it is one to be let in. */
static bool
take_name(ZipFile *file, unsigned number, Failure *failure)
{
	const char *name = (const char *) file->entry + ENTRY_SIZE;
	unsigned length = read2(file->entry + 28);

	if (length > ZIP_MAX_NAME || memchr(name, '\0', length) != NULL)
		failure_set(failure, EDURANGE_ARCHIVE_INVALID,
		            "the archive has a file name that has a null byte or is too long (entry %u)",
		            number);
	else if ((file->name = printable(name, length)) == NULL)
		failure_set(failure, EDURANGE_INTERNAL, "internal error");
	else if (!is_safe_name(file->name) ||
	         (strlen(file->name) == length && strchr(file->name, '\\') != NULL))
		failure_set(failure, EDURANGE_ARCHIVE_INVALID,
		            "the archive has a file name that is not a plain relative path: \"%s\"",
		            file->name);
	return failure->info == NULL;
}

/* ---- the directory --------------------------------------------------------------------------- */

/*
 * Takes the numbers that are too large for their places out of the extra field for zip64, which has only
 * those, in this order.
 */
static void
read_zip64(const Byte *extra, unsigned left, uint64_t *const *numbers, int count)
{
	unsigned length;

	for (; left >= 4 && (length = 4 + read2(extra + 2)) <= left; extra += length, left -= length)
	{
		unsigned at = 4;

		for (int i = 0; read2(extra) == EXTRA_ZIP64 && i < count; i++)
			if (*numbers[i] == IN_ZIP64 && at + 8 <= length)
			{
				*numbers[i] = read8(extra + at);
				at += 8;
			}
	}
}

/* Is that what the directory says?  What was written before it was known has zero instead. */
static bool
is_same(uint64_t said, uint64_t known, const Byte *local)
{
	return said == known || (said == 0 && (read2(local + 6) & FLAG_STREAMED) != 0);
}

/*
 * Does a local header say the checksum and sizes of the entry?  Python writes sizes for zip64 for any
 * file that might have become large; of a stream, macOS knows the size, and only that.
 */
static bool
sizes_agree(const ZipFile *file)
{
	const Byte *local = file->local;
	uint64_t packed = read4(local + 18);
	uint64_t size = read4(local + 22);

	read_zip64(local + LOCAL_SIZE + read2(local + 26), read2(local + 28),
	           (uint64_t *const[]){&size, &packed}, 2);
	return is_same(read4(local + 14), read4(file->entry + 16), local) &&
	       is_same(packed, file->packed, local) && is_same(size, file->size, local);
}

/* Finds the data of a file; what is wrong with it, or NULL. */
static const char *
find_data(const Archive *archive, ZipFile *file)
{
	const Byte *entry = file->entry;
	const Byte *local;
	unsigned name_length = read2(entry + 28);
	unsigned type = entry[5] == SYSTEM_UNIX ? read2(entry + 40) & TYPE_MASK : 0;
	uint64_t place = read4(entry + 42);
	uint64_t data;

	file->packed = read4(entry + 20);
	file->size = read4(entry + 24);
	read_zip64(entry + ENTRY_SIZE + name_length, read2(entry + 30),
	           (uint64_t *const[]){&file->size, &file->packed, &place}, 3);
	data = place + LOCAL_SIZE + name_length;
	if (data > archive->directory)
		return "has no data";
	local = file->local = archive->data + place;
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
	if (type != 0 && type != TYPE_REGULAR &&
	    (type != TYPE_FOLDER || file->name[strlen(file->name) - 1] != '/'))
		return "is no regular file";
	data += read2(local + 28);
	if (data + file->packed > archive->directory || !sizes_agree(file))
		return "is broken: it has other sizes or another checksum in front of its data";
	file->data = archive->data + data;
	return NULL;
}

/* Takes in the entry of a file. */
static bool
take_file(const Archive *archive, ZipFile *file, json_t *names, Failure *failure)
{
	const char *fault = find_data(archive, file);

	if (fault != NULL)
		return refuse_file(failure, file, fault);
	if (json_object_get(names, file->name) != NULL)
		failure_set(failure, EDURANGE_ARCHIVE_INVALID, "file \"%s\" is in the archive twice",
		            file->name);
	json_object_set_new(names, file->name, json_true());
	return failure->info == NULL;
}

/* Walks through the directory, which must have the entries that it should and nothing else. */
static bool
walk(const Archive *archive, json_t *names, Zip *zip, Failure *failure)
{
	const Byte *at = archive->data + archive->directory;
	const Byte *end = archive->data + archive->end;

	while (zip->count < archive->entries)
	{
		ZipFile *file = &zip->files[zip->count];
		size_t left = (size_t) (end - at);
		size_t size = ENTRY_SIZE;

		if (left >= size && has_signature(at, ENTRY_SIGNATURE))
			size += read2(at + 28) + read2(at + 30) + read2(at + 32);
		else
			size = left + 1;
		if (size > left)
			return refuse(failure, "has a broken directory");
		file->entry = at;
		zip->count++;
		if (!take_name(file, zip->count, failure) || !take_file(archive, file, names, failure))
			return false;
		at += size;
	}
	return at == end || refuse(failure, "has more in its directory than it says");
}

static int
compare_places(const void *a, const void *b)
{
	const Byte *left = ((const ZipFile *) a)->local;
	const Byte *right = ((const ZipFile *) b)->local;

	return (left > right) - (left < right);
}

/* Puts the files in the order of their data; it must begin with the archive, and none may overlap. */
static bool
check_places(const Archive *archive, Zip *zip, Failure *failure)
{
	const Byte *end = archive->data;
	const Byte *first = archive->data + archive->directory;

	qsort(zip->files, zip->count, sizeof(ZipFile), compare_places);
	if (zip->count > 0)
		first = zip->files[0].local;
	if (first != archive->data)
		return refuse(failure, "has data in front of it");
	for (unsigned i = 0; i < zip->count; i++)
	{
		const ZipFile *file = &zip->files[i];

		if (file->local < end)
			return refuse_file(failure, file, "shares its data with another");
		end = file->data + file->packed;
	}
	return true;
}

bool
zip_open(const char *data, size_t size, Zip *zip, Failure *failure)
{
	Archive archive = {0};
	json_t *names;
	bool fine;

	*zip = (Zip){0};
	if (!find_end((const Byte *) data, size, &archive, failure))
		return false;
	zip->files = calloc((size_t) archive.entries + 1, sizeof(ZipFile));
	if (zip->files == NULL)
		return failure_set(failure, EDURANGE_INTERNAL, "internal error");
	names = json_object();
	fine = walk(&archive, names, zip, failure) && check_places(&archive, zip, failure);
	json_decref(names);
	return fine;
}

void
zip_free(Zip *zip)
{
	for (unsigned i = 0; i < zip->count; i++)
		free(zip->files[i].name);
	free(zip->files);
	*zip = (Zip){0};
}

/* ---- contents -------------------------------------------------------------------------------- */

bool
zip_read(const ZipFile *file, char *buffer, size_t limit, const char **content, size_t *length,
         Failure *failure)
{
	z_stream stream = {.next_in = file->data,
	                   .avail_in = (uInt) file->packed,
	                   .next_out = (Byte *) buffer,
	                   .avail_out = (uInt) limit + 1};
	bool whole = true;

	*content = (const char *) file->data;
	*length = stream.avail_in;
	if (read2(file->entry + 10) == METHOD_DEFLATED)
	{
		whole = inflateInit2(&stream, -MAX_WBITS) == Z_OK &&
		        inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_in == 0;
		inflateEnd(&stream);
		*content = buffer;
		*length = stream.total_out;
	}
	if (*length > limit)
		return true;
	if (!whole)
		return refuse_file(failure, file, "is broken: its data is not deflated as a whole");
	if (*length != file->size ||
	    crc32_z(0, (const Byte *) *content, *length) != read4(file->entry + 16))
		return refuse_file(failure, file,
		                   "is broken: it has another size or checksum than it says");
	return true;
}
