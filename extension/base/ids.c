/*
 * ids.c
 *	  UUIDs of version 7: a time in milliseconds, then random bits.
 */
#include "postgres.h"

#include "fmgr.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/ids.h"
#include "base/surface.h"

#define UNIX_EPOCH_OFFSET ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY * 1000)

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
	pg_uuid_t uuid;
	uint64 milliseconds = (uint64) (GetCurrentTimestamp() / 1000 + UNIX_EPOCH_OFFSET);
	uint64 prefix = pg_hton64(milliseconds << 16);

	random_bytes(uuid.data, UUID_LEN);
	memcpy(uuid.data, &prefix, 6);
	uuid.data[6] = (uuid.data[6] & 0x0f) | 0x70; /* version 7 */
	uuid.data[8] = (uuid.data[8] & 0x3f) | 0x80; /* the variant of RFC 9562 */
	return DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&uuid)));
}

SQL_FUNCTION_ANYWHERE(edurange_new_id)
{
	PG_RETURN_TEXT_P(cstring_to_text(new_id()));
}
