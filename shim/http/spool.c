/*
 * spool.c
 *	  The body of a response that comes in pieces and may be large: it waits in a file, not in memory.
 *
 * So the database is done with it as soon as it can be, however slowly a client reads, and an error on the way is
 * answered as one, as nothing has been sent.  The file has no name and is gone with the process.  Where no folder takes
 * one, as in a container that may not write, it stands in memory that the system lends.
 */
#include "http/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/counters.h"

static bool
open_file(Spool *spool)
{
	const char *folder = getenv("TMPDIR");

	spool->fd = open(folder != NULL ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	spool->in_memory = spool->fd < 0;
	if (spool->in_memory)
		spool->fd = memfd_create("edurange-answer", MFD_CLOEXEC);
	return spool->open = spool->fd >= 0;
}

bool
spool_write(Spool *spool, const char *bytes, size_t length)
{
	if (!spool->open && !open_file(spool))
		return false;
	while (length > 0)
	{
		ssize_t written = write(spool->fd, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		bytes += written;
		length -= (size_t) written;
		spool->length += (uint64_t) written;
		if (!spool->in_memory)
			counter_add(COUNTER_FILE_BYTES, (long) written);
	}
	return true;
}

struct MHD_Response *
spool_response(Spool *spool)
{
	struct MHD_Response *response = MHD_create_response_from_fd64(spool->length, spool->fd);

	if (response != NULL)
		spool->open = false;
	return response;
}

void
spool_free(Spool *spool)
{
	if (spool->open)
		close(spool->fd);
	if (!spool->in_memory)
		counter_add(COUNTER_FILE_BYTES, -(long) spool->length);
	spool->open = false;
	spool->length = 0;
}
