/*
 * caller.c
 *	  Who calls, at which tier, bound to whom, and for whom somebody acts.
 *
 * The tier is the weaker one of the user that called and the session's, whatever SECURITY DEFINER functions
 * stand between: so wrapping a function never raises it.  Bound ids come with each call and only narrow it: a bound
 * caller acts as that user alone, with that instance alone, in that user's competitions.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/authority.h"
#include "calls/caller.h"

typedef enum StatementId
{
	INSTANCE_OWNER,
	MEMBERSHIP,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    [INSTANCE_OWNER] = {"SELECT \"userId\", \"competitionId\" FROM public.\"ChallengeInstance\""
                        " WHERE id = $1",
                        {TEXTOID},
                        .reads = true,
                        .by_key = true},
    [MEMBERSHIP] = {"SELECT 1 FROM public.\"_GroupMembers\" WHERE \"A\" = $1 AND \"B\" = $2"
                    " UNION ALL SELECT 1 FROM public.\"_GroupInstructors\""
                    " WHERE \"A\" = $1 AND \"B\" = $2",
                    {TEXTOID, TEXTOID},
                    .reads = true,
                    .by_key = true},
};

/* The highest tier whose role a user may act as; a superuser is admin. */
static Tier
tier_of(Oid user)
{
	static const struct
	{
		Tier tier;
		const char *role;
	} tiers[] = {{TIER_ADMIN, "edurange_admin"},
	             {TIER_SERVICE, "edurange_service"},
	             {TIER_PLAYER, "edurange_player"}};

	for (int i = 0; i < lengthof(tiers); i++)
	{
		Oid role = get_role_oid(tiers[i].role, true);

		if (OidIsValid(role) && has_privs_of_role(user, role))
			return tiers[i].tier;
	}
	return TIER_NONE;
}

/* The weaker one of two: the user that called, as a function in between may have changed it, and the session's. */
static Tier
session_tier(void)
{
	Oid outer = GetOuterUserId();
	Tier tier = tier_of(outer);

	return surface_caller() == outer ? tier : Min(tier, tier_of(surface_caller()));
}

/* Does the type have so many attributes?  That of the version before lacks the last. */
static bool
has_attributes(HeapTupleHeader header, int count)
{
	TupleDesc type =
	    lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
	bool has = type->natts >= count;

	ReleaseTupleDesc(type);
	return has;
}

/* One text of the composite argument, or NULL. */
static char *
caller_attribute(HeapTupleHeader header, const char *name)
{
	bool is_null;
	Datum value = GetAttributeByName(header, name, &is_null);

	return is_null ? NULL : TextDatumGetCString(value);
}

/* The same of what an empty text says, too: that there is none. */
static char *
caller_binding(HeapTupleHeader header, const char *name)
{
	char *attribute = caller_attribute(header, name);

	return attribute != NULL && attribute[0] != '\0' ? attribute : NULL;
}

/* The actor of somebody who came without a token. */
char *
caller_role_actor(void)
{
	return psprintf("role:%s", GetUserNameFromId(GetOuterUserId(), false));
}

void
caller_identify(Caller *caller, FunctionCallInfo fcinfo, int argument)
{
	*caller = (Caller){.tier = session_tier()};
	if (argument >= 0 && !PG_ARGISNULL(argument))
	{
		HeapTupleHeader header = PG_GETARG_HEAPTUPLEHEADER(argument);

		caller->token_id = caller_binding(header, "tokenId");
		caller->bound_user = caller_binding(header, "userId");
		caller->bound_instance = caller_binding(header, "instanceId");
		if (has_attributes(header, 4))
			/* an empty one is nobody, and not a call without anybody: that may do more */
			caller->acting_user = caller_attribute(header, "actingUserId");
	}
	caller->scope =
	    caller->token_id != NULL ? psprintf("token:%s", caller->token_id) : caller_role_actor();
	caller->actor = caller->scope;
	if (caller->acting_user == NULL)
		return;
	caller->actor = psprintf("user:%s", caller->acting_user);
	caller->via = caller->scope;
	if (caller->tier < TIER_SERVICE || caller->bound_user != NULL || caller->bound_instance != NULL)
		raise_error(EDURANGE_FORBIDDEN,
		            "\"actingUserId\" can be given by an unbound caller of tier service only");
}

void
caller_authorize(Caller *caller, FunctionCallInfo fcinfo)
{
	Acting acting;

	if (caller->acting_user == NULL)
		return;
	acting = authority_check(caller->acting_user, fcinfo);
	caller->acts_as_admin = acting == ACTS_AS_ADMIN;
	if (acting == ACTS_AS_PLAYER)
		caller->tier = TIER_PLAYER;
}

void
caller_read(Caller *caller, FunctionCallInfo fcinfo, int argument)
{
	caller_identify(caller, fcinfo, argument);
	caller_authorize(caller, fcinfo);
}

void
caller_check(FunctionCallInfo fcinfo)
{
	Caller caller;
	Oid *types;
	int count;

	(void) get_func_signature(fcinfo->flinfo->fn_oid, &types, &count);
	caller_read(&caller, fcinfo, count > 0 && type_is_rowtype(types[count - 1]) ? count - 1 : -1);
}

/* The user to whom the caller is bound, NULL for none: by a bound instance to its owner. */
static bool
bound_user(const Caller *caller, char **user_id, Refusal *refusal)
{
	*user_id = caller->bound_user;
	if (caller->bound_instance == NULL)
		return true;
	if (STATEMENT_RUN(&statements[INSTANCE_OWNER], value_text(caller->bound_instance)) == 0)
		return refuse(refusal, EDURANGE_FORBIDDEN, "the token's instance does not exist any more");
	*user_id = row_text(0, 1);
	if (caller->bound_user != NULL && strcmp(caller->bound_user, *user_id) != 0)
		return refuse(refusal, EDURANGE_FORBIDDEN, "the token's instance belongs to another user");
	return true;
}

/* May the caller act as this user? */
bool
caller_acts_as(const Caller *caller, const char *name, const char *user_id, Refusal *refusal)
{
	char *bound;

	if (!bound_user(caller, &bound, refusal))
		return false;
	if (bound != NULL && strcmp(bound, user_id) != 0)
		return refuse(refusal, EDURANGE_FORBIDDEN,
		              "parameter \"%s\" names another user than the token is bound to", name);
	return true;
}

bool
caller_lists_user(const Caller *caller, const char *name, char **user_id, Refusal *refusal)
{
	return *user_id != NULL ? caller_acts_as(caller, name, *user_id, refusal)
	                        : bound_user(caller, user_id, refusal);
}

/* May the caller name this instance? */
bool
caller_uses_instance(const Caller *caller, const char *name, const char *instance_id,
                     Refusal *refusal)
{
	if (caller->bound_instance == NULL && caller->bound_user != NULL &&
	    STATEMENT_RUN(&statements[INSTANCE_OWNER], value_text(instance_id)) > 0 &&
	    strcmp(row_text(0, 1), caller->bound_user) != 0)
		return refuse(
		    refusal, EDURANGE_FORBIDDEN,
		    "parameter \"%s\" names an instance of another user than the token is bound to", name);
	if (caller->bound_instance != NULL && strcmp(caller->bound_instance, instance_id) != 0)
		return refuse(refusal, EDURANGE_FORBIDDEN,
		              "parameter \"%s\" names another instance than the token is bound to", name);
	return true;
}

/* Has the user a part in the competition? */
static bool
is_part(const char *group_id, const char *user_id)
{
	return STATEMENT_RUN(&statements[MEMBERSHIP], value_text(group_id), value_text(user_id)) > 0;
}

bool
caller_sees_nothing(const Caller *caller, const char *group_id, Refusal *refusal)
{
	if (caller->acting_user != NULL)
		return refuse(refusal, EDURANGE_NOT_AN_INSTRUCTOR,
		              "acting user \"%s\" takes no part in the competition", caller->acting_user);
	if (caller->bound_user != NULL || caller->bound_instance != NULL)
		return refuse(refusal, EDURANGE_FORBIDDEN,
		              "the user that the token is bound to has no part in the competition");
	return refuse(refusal, EDURANGE_COMPETITION_NOT_FOUND, "competition \"%s\" does not exist",
	              group_id);
}

/* Is this one of the competitions that the caller may name: one of its user's? */
bool
caller_sees_competition(const Caller *caller, const char *group_id, Refusal *refusal)
{
	char *user_id;

	if (!bound_user(caller, &user_id, refusal))
		return false;
	return user_id == NULL || is_part(group_id, user_id) ||
	       caller_sees_nothing(caller, group_id, refusal);
}

bool
caller_takes_part(const Caller *caller, const char *group_id, Refusal *refusal)
{
	if (caller->acting_user == NULL || caller->tier > TIER_PLAYER)
		return caller_sees_competition(caller, group_id, refusal);
	return is_part(group_id, caller->acting_user) || caller_sees_nothing(caller, group_id, refusal);
}
