/*
 * participation.c
 *	  How a member takes part, where that is not as all others do.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "utils/lsyscache.h"

#include "game/participation.h"

bool
participation_is_known(void)
{
	Oid schema = get_namespace_oid("edurange", true);

	return OidIsValid(schema) && OidIsValid(get_relname_relid("participation", schema));
}
