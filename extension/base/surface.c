/*
 * surface.c
 *	  The SQL surface: how a function of ours is entered and left, and in whose name it runs.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "catalog/objectaccess.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/guc.h"
#include "base/refusal.h"
#include "base/surface.h"

#define OWNER "edurange_owner"
#define GAME "edurange_game"

/* Our two roles by their numbers; 0: to be looked up again. */
static Oid owner_role;
static Oid game_role;

static Oid calling_user;
static bool shared;

static object_access_hook_type made_before;

/* Callback: a role was made, renamed or dropped, or rights of a table were given or taken. */
static void
forget_roles(Datum argument, int cache, uint32 hash)
{
	owner_role = game_role = InvalidOid;
}

/*
 * Hook: something happens to an object.  What others hang on the platform's tables runs as edurange_game and may make
 * nothing: a function of theirs, in a temporary schema at least, would run as that role after the call, too.
 */
static void
refuse_making(ObjectAccessType access, Oid class, Oid object, int column, void *argument)
{
	if (made_before != NULL)
		made_before(access, class, object, column, argument);
	if (access == OAT_POST_CREATE && InSecurityRestrictedOperation() &&
	    GetUserId() == get_role_oid(GAME, true))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		                errmsg("nothing can be made in the name of role \"%s\"", GAME)));
}

void
surface_register(void)
{
	made_before = object_access_hook;
	object_access_hook = refuse_making;
}

/*
 * Are the platform's tables still in the hands of edurange_owner, as migrate() of the version before left them?
 * Then requests go on so until it runs again, which gives them to edurange_game.
 */
static bool
is_owners_still(void)
{
	Oid table = get_relname_relid("GroupPoints", get_namespace_oid("public", true));

	return OidIsValid(table) && pg_class_aclcheck(table, game_role, ACL_SELECT) != ACLCHECK_OK &&
	       pg_class_aclcheck(table, owner_role, ACL_SELECT) == ACLCHECK_OK;
}

static void
look_up_roles(void)
{
	static bool registered = false;

	if (!registered)
	{
		CacheRegisterSyscacheCallback(AUTHNAME, forget_roles, (Datum) 0);
		CacheRegisterSyscacheCallback(RELOID, forget_roles, (Datum) 0);
	}
	registered = true;
	owner_role = get_role_oid(OWNER, true);
	if (!OidIsValid(owner_role))
		raise_error(EDURANGE_NOT_INSTALLED, "role \"%s\" does not exist", OWNER);
	game_role = get_role_oid(GAME, true);
	if (OidIsValid(game_role) && is_owners_still())
		game_role = owner_role;
}

/* What the roles are looked up in can change meanwhile. */
static Oid
our_owner(void)
{
	while (!OidIsValid(owner_role))
		look_up_roles();
	return owner_role;
}

static Oid
our_game(void)
{
	Oid owner = our_owner();

	return OidIsValid(game_role) ? game_role : owner;
}

/*
 * Goes on as one of our roles.  With SECURITY_LOCAL_USERID_CHANGE nobody can SET ROLE meanwhile, and with
 * a level of settings of its own nothing that is set there stays.
 */
static void
assume(Oid role, int context, Surface *saved)
{
	saved->level = NewGUCNestLevel();
	SetUserIdAndSecContext(role, context | SECURITY_LOCAL_USERID_CHANGE);
}

/* The settings by which the functions run, whatever the session's are. */
static void
settle(void)
{
	guc_set_locally("search_path", "pg_catalog, pg_temp");
	guc_settle();
}

bool
surface_may_execute(Oid function)
{
	return compat_function_aclcheck(function, GetOuterUserId()) == ACLCHECK_OK &&
	       compat_function_aclcheck(function, calling_user) == ACLCHECK_OK;
}

/*
 * Index expressions, materialized views and the like are evaluated as their owner by whoever maintains
 * them, and triggers as whoever changes the table: the session's user did not write the call and lends it
 * no right.
 */
static void
refuse_borrowed(void)
{
	if (InSecurityRestrictedOperation() || DatumGetInt32(pg_trigger_depth(NULL)) > 0)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		                errmsg("functions of edurange cannot be called by a trigger, an index, a"
		                       " view's refresh or other maintenance")));
}

/*
 * Notes who calls.  What runs as edurange_owner already is called by a statement of ours, or by an install
 * script of before, whose functions are SECURITY DEFINER: then it is the session's user.
 */
static void
note_caller(FunctionCallInfo fcinfo)
{
	Oid user = GetUserId();
	Oid owner = our_owner();

	calling_user = user == owner ? GetOuterUserId() : user;
	if (user != owner && user != GetOuterUserId() && !surface_may_execute(fcinfo->flinfo->fn_oid))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		                errmsg("a function of edurange cannot be called in the name of somebody who"
		                       " may call more")));
}

/* The argument's name, as the caller spells it. */
static char *
argument_name(Oid function, int argument)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid *types;
	char **names;
	char *modes;
	int count;
	char *name;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	count = get_func_arg_info(tuple, &types, &names, &modes);
	name = argument < count && names != NULL ? names[argument] : psprintf("%d", argument + 1);
	ReleaseSysCache(tuple);
	return name;
}

/* Asks the value's head alone: what is too large is not even read. */
void
surface_bound(FunctionCallInfo fcinfo, Size most)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(fcinfo->flinfo->fn_oid));
	const Oid *types;
	int large = -1;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", fcinfo->flinfo->fn_oid);
	types = ((Form_pg_proc) GETSTRUCT(tuple))->proargtypes.values;
	for (int i = 0; i < PG_NARGS() && large < 0; i++)
	{
		/* of types with a length of their own only these, and our row types, are taken anywhere */
		bool is_long = types[i] == TEXTOID || types[i] == JSONBOID || types[i] == BYTEAOID ||
		               types[i] == TEXTARRAYOID || types[i] >= FirstNormalObjectId;

		if (is_long && !PG_ARGISNULL(i) &&
		    toast_raw_datum_size(PG_GETARG_DATUM(i)) > most + VARHDRSZ)
			large = i;
	}
	ReleaseSysCache(tuple);
	if (large >= 0)
		raise_error(EDURANGE_PAYLOAD_TOO_LARGE, "parameter \"%s\" has more than %zu bytes",
		            argument_name(fcinfo->flinfo->fn_oid, large), most);
}

void
surface_enter(FunctionCallInfo fcinfo, Surface *saved)
{
	saved->level = 0;
	if (shared)
	{
		shared = false;
		return;
	}
	refuse_borrowed();
	GetUserIdAndSecContext(&saved->user, &saved->context);
	saved->outer_calling = calling_user;
	note_caller(fcinfo);
	assume(our_owner(), saved->context, saved);
	settle();
}

bool
surface_has_owner(void)
{
	return OidIsValid(get_role_oid(OWNER, true));
}

void
surface_enter_anyway(FunctionCallInfo fcinfo, Surface *saved)
{
	if (surface_has_owner())
	{
		surface_enter(fcinfo, saved);
		return;
	}
	refuse_borrowed();
	GetUserIdAndSecContext(&saved->user, &saved->context);
	saved->outer_calling = calling_user;
	calling_user = saved->user;
	assume(saved->user, saved->context, saved);
	settle();
}

void
surface_become_owner(void)
{
	Oid user;
	int context;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(our_owner(), context);
}

void
surface_enter_trigger(Surface *saved)
{
	GetUserIdAndSecContext(&saved->user, &saved->context);
	saved->outer_calling = calling_user;
	assume(our_owner(), saved->context, saved);
	settle();
}

void
surface_leave(const Surface *saved)
{
	if (saved->level == 0)
		return;
	calling_user = saved->outer_calling;
	AtEOXact_GUC(false, saved->level);
	SetUserIdAndSecContext(saved->user, saved->context);
}

Oid
surface_caller(void)
{
	return calling_user;
}

void
surface_lend(Surface *saved)
{
	Oid game = our_game();

	GetUserIdAndSecContext(&saved->user, &saved->context);
	assume(game, saved->context | (game == our_owner() ? 0 : SECURITY_RESTRICTED_OPERATION), saved);
}

void
surface_as_caller(Surface *saved)
{
	GetUserIdAndSecContext(&saved->user, &saved->context);
	saved->level = NewGUCNestLevel();
	SetUserIdAndSecContext(calling_user, saved->context);
}

/* As after an error: a setting that somebody's trigger made is not kept. */
void
surface_take_back(const Surface *saved)
{
	AtEOXact_GUC(false, saved->level);
	SetUserIdAndSecContext(saved->user, saved->context);
}

void
surface_share(bool shares)
{
	shared = shares;
}

void
surface_note(Surface *saved)
{
	GetUserIdAndSecContext(&saved->user, &saved->context);
	saved->level = NewGUCNestLevel();
	saved->outer_calling = calling_user;
}

void
surface_restore(const Surface *saved)
{
	calling_user = saved->outer_calling;
	AtEOXact_GUC(false, saved->level);
	SetUserIdAndSecContext(saved->user, saved->context);
}
