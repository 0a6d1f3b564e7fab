/*
 * ids.c
 *	  UUIDs of version 7: a time in parts of a millisecond, then random bits.
 *
 * The ids that one session makes ascend, also within a millisecond: rows with times as coarse as
 * Prisma's are told in the order in which they were written, by time and id.
 */
#include "postgres.h"

#include "fmgr.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/ids.h"
#include "base/surface.h"

#define UNIX_EPOCH_OFFSET ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)
/* The parts of a millisecond that an id tells apart: 12 bits (RFC 9562, section 6.2, method 3). */
#define PARTS 4096

void
random_bytes(void *bytes, size_t count)
{
	if (!pg_strong_random(bytes, count))
		ereport(ERROR,
		        (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
}

char *
new_id(void)
{
	static uint64 last = 0;
	pg_uuid_t uuid;
	uint64 now = (uint64) (GetCurrentTimestamp() + UNIX_EPOCH_OFFSET);
	uint64 prefix;

	random_bytes(uuid.data, UUID_LEN);
	last = Max(now / 1000 * PARTS + now % 1000 * PARTS / 1000, last + 1);
	prefix = pg_hton64((last / PARTS) << 16 | UINT64CONST(0x7000) | last % PARTS); /* version 7 */
	memcpy(uuid.data, &prefix, sizeof(prefix));
	uuid.data[8] = (uuid.data[8] & 0x3f) | 0x80; /* the variant of RFC 9562 */
	return DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&uuid)));
}

SQL_FUNCTION_ANYWHERE(edurange_new_id)
{
	PG_RETURN_TEXT_P(cstring_to_text(new_id()));
}
