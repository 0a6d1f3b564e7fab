/*
 * users.c
 *	  Users: made for places without a dashboard that signs people in, and listed.
 *
 * A user is found by the e-mail address in lower case, of which the platform's own key knows only the spelling.  One
 * call at a time makes users of an address; who writes the table directly can still make a second one, which is an
 * error as soon as it is asked for.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/builtins.h"

#include "base/arguments.h"
#include "base/ids.h"
#include "base/own_locks.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/authority.h"
#include "calls/idempotency.h"
#include "course/course.h"
#include "course/users.h"
#include "game/activity.h"
#include "game/rosters.h"
#include "text/plain_text.h"

#define EMAIL_MAX_LENGTH 254

/* A user u; $2 whether they were there already. */
#define USER_COLUMNS                                                                               \
	"u.id, u.name, u.email, u.role::text, u.\"createdAt\" AT TIME ZONE 'UTC',"                     \
	" u.\"updatedAt\" AT TIME ZONE 'UTC'"

typedef enum StatementId
{
	BY_EMAIL,
	COUNT_BY_EMAIL,
	INSERT_USER,
	HAS_ID,
	FOUND,
	PAGE,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* What is there by now, whatever the snapshot of the transaction: the address's lock is held. */
    [BY_EMAIL] = {"SELECT u.id FROM public.\"User\" u WHERE " EMAIL_KEY("u.email") " = $1 LIMIT 2",
                  {TEXTOID},
                  .newest = true,
                  .by_key = true},
    [COUNT_BY_EMAIL] = {"SELECT count(*) FROM unnest($1) AS w (email),"
                        " LATERAL (SELECT FROM public.\"User\" u WHERE " EMAIL_KEY(
                            "u.email") " = w.email OFFSET 0) AS found",
                        {TEXTARRAYOID},
                        .newest = true,
                        .by_key = true},
    /* $1 id, $2 name, $3 e-mail address, $4 role */
    [INSERT_USER] = {"INSERT INTO public.\"User\" (id, name, email, role, \"createdAt\","
                     " \"updatedAt\") SELECT $1, $2, $3, $4::public.\"UserRole\", now, now"
                     " FROM " CLOCK_ROW " ON CONFLICT DO NOTHING",
                     {TEXTOID, TEXTOID, TEXTOID, TEXTOID}},
    [HAS_ID] = {"SELECT 1 FROM public.\"User\" WHERE id = $1", {TEXTOID}, .by_key = true},
    [FOUND] = {"SELECT ROW(" USER_COLUMNS ", $2)::edurange.made_user"
               " FROM public.\"User\" u WHERE u.id = $1",
               {TEXTOID, BOOLOID},
               .newest = true,
               .by_key = true},
    /* $1 how many, $2 how their addresses begin, $3 $4 behind which: address and id; in the order of bytes */
    [PAGE] =
        {"SELECT ROW(" PAGE_OF(
             "ROW(" USER_COLUMNS ")::edurange.user_record", TEXT_CURSOR("key", "u.id"),
             "$1") ")::edurange.user_page"
                   " FROM (SELECT *, " PAGE_PLACE(
                       TEXT_BYTES("name") " + octet_length(email)",
                       "key USING ~<~, id") "  FROM public.\"User\","
                                            "  LATERAL (SELECT " EMAIL_KEY(
                                                "email") ") AS k (key)"
                                                         "  WHERE key ~>=~ $2"
                                                         "  AND key ~<=~ ($2 || chr(1114111))"
                                                         "  AND key ~>=~ $3 AND (key ~>~ $3 OR id > $4)"
                                                         "  ORDER BY key USING ~<~, id LIMIT $1 + 1) u",
         {INT4OID, TEXTOID, TEXTOID, TEXTOID},
         .reads = true,
         .by_key = true},
};

bool
is_email(const char *email)
{
	const char *at = strchr(email, '@');

	if (at == NULL || at == email || at[1] == '\0' || strlen(email) > EMAIL_MAX_LENGTH)
		return false;
	for (const char *c = email; *c != '\0'; c++)
		if ((unsigned char) *c <= ' ' || *c == 0x7f || (*c == '@' && c != at))
			return false;
	return true;
}

bool
is_system_address(const char *email)
{
	return strcmp(email_key(email), SYSTEM_ADDRESS) == 0;
}

bool
user_of_email(const char *email, char **user_id, Refusal *refusal)
{
	uint64 count = STATEMENT_RUN(&statements[BY_EMAIL], value_text(email_key(email)));

	if (count > 1)
		return refuse(refusal, EDURANGE_USER_EXISTS, "several users have this e-mail address");
	*user_id = count == 1 ? row_text(0, 1) : NULL;
	return true;
}

void
check_users_seen(NullableDatum emails, uint64 count)
{
	if (!IsolationUsesXactSnapshot())
		return;
	STATEMENT_RUN(&statements[COUNT_BY_EMAIL], emails);
	if (row_long(0, 1) > (int64) count)
		row_unseen("public.\"User\"");
}

/* Until the end of the transaction nobody else makes a user of the address here. */
static void
lock_email(const char *email)
{
	char *key = email_key(email);

	(void) lock_take(
	    LOCK_EMAIL, (int64) hash_bytes_extended((unsigned char *) key, (int) strlen(key), 0), true);
}

bool
make_user(const NewUser *user, const Caller *caller, char **user_id, bool *existed,
          Refusal *refusal)
{
	const char *id = user->id != NULL ? user->id : new_id();

	rosters_hold_for_users();
	lock_email(user->email);
	if (!user_of_email(user->email, user_id, refusal))
		return false;
	*existed = *user_id != NULL;
	if (*existed)
		return true;
	if (STATEMENT_RUN(&statements[INSERT_USER], value_text(id), value_text(user->name),
	                  value_text(user->email), value_text(user->role)) == 0)
	{
		/* somebody wrote it meanwhile, past us, or has the id */
		if (!user_of_email(user->email, user_id, refusal))
			return false;
		*existed = *user_id != NULL;
		if (*existed)
			return true;
		if (STATEMENT_RUN(&statements[HAS_ID], value_text(id)) == 0)
			row_kept_out("public.\"User\"");
		return refuse(refusal, EDURANGE_USER_EXISTS, "user \"%s\" exists already", id);
	}
	*user_id = pstrdup(id);
	activity_log(&(Activity){
	    .event_type = "USER_REGISTERED", .user_id = id, .acting_user = caller->acting_user});
	return true;
}

/* A role that users have, which the tier may give. */
static const char *
checked_role(char *role, const Caller *caller)
{
	if (role == NULL || role[0] == '\0')
		return "STUDENT";
	if (strcmp(role, "STUDENT") != 0 && strcmp(role, "INSTRUCTOR") != 0 &&
	    strcmp(role, "ADMIN") != 0)
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"role\" must be STUDENT, INSTRUCTOR or ADMIN");
	if (strcmp(role, "ADMIN") == 0 && caller->tier < TIER_ADMIN)
		raise_error(EDURANGE_FORBIDDEN, "role ADMIN is given by tier admin only");
	return role;
}

static Datum
create_user(FunctionCallInfo fcinfo, const Caller *caller)
{
	NewUser user = {
	    .email = trimmed(required_text(fcinfo, 0, "email")),
	    .name = short_text(optional_text(fcinfo, 1), "name"),
	    .role = checked_role(optional_text(fcinfo, 2), caller),
	    .id = short_text(optional_text(fcinfo, 3), "id"),
	};
	Refusal refusal = {0};
	char *user_id = NULL;
	bool existed;
	Datum row;

	if (!is_email(user.email))
		raise_error(EDURANGE_INVALID_PARAMETER, "parameter \"email\" must be an e-mail address");
	if (user.id != NULL && (user.id[0] == '\0' || strpbrk(user.id, " \t\r\n") != NULL))
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"id\" must not be empty or have spaces");
	if (is_system_address(user.email))
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"email\" must not be the address of the system account");
	if (user.id != NULL && strcmp(user.id, SYSTEM_ACCOUNT) == 0)
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"id\" must not be that of the system account");
	if (caller->bound_user != NULL || caller->bound_instance != NULL)
		raise_error(EDURANGE_FORBIDDEN, "a bound token makes no users");
	statements_begin();
	if (!make_user(&user, caller, &user_id, &existed, &refusal))
		raise_refusal(&refusal);
	STATEMENT_RUN(&statements[FOUND], value_text(user_id), value_bool(existed));
	row = only_result();
	statements_end();
	return row;
}

SQL_FUNCTION_BATCHABLE(edurange_create_user)
{
	return mutate(fcinfo, create_user);
}

SQL_FUNCTION_BATCHABLE(edurange_users)
{
	char *search = optional_text(fcinfo, 0);
	int32 limit = page_limit(fcinfo, 1);
	TextCursor after = read_text_cursor(fcinfo, 2);
	Caller caller;
	Datum row;

	caller_read(&caller, fcinfo, 3);
	if (caller.bound_user != NULL || caller.bound_instance != NULL)
		raise_error(EDURANGE_FORBIDDEN, "a bound token lists no users");
	statements_begin();
	STATEMENT_RUN(&statements[PAGE], value_int(limit),
	              value_text(email_key(search != NULL ? search : "")), after.text, after.id);
	row = only_result();
	statements_end();
	return row;
}
