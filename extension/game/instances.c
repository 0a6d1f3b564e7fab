/*
 * instances.c
 *	  Instances: the running challenges of users.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/arguments.h"
#include "base/json_text.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/caller.h"
#include "calls/idempotency.h"
#include "game/activity.h"
#include "text/flags.h"

#define LIST_LIMIT 500

/* An instance i with its owner u; $1 tells whether the caller sees flags and e-mail addresses. */
#define INSTANCE_COLUMNS                                                                           \
	"i.id, i.\"challengeId\", i.\"userId\", i.\"challengeUrl\", i.status::text,"                   \
	" i.\"flagSecretName\", CASE WHEN $1 THEN i.flag END,"                                         \
	" ROW(u.id, u.name, CASE WHEN $1 THEN u.email END, u.role::text)::edurange.instance_user,"     \
	" (SELECT gc.id FROM public.\"GroupChallenge\" gc"                                             \
	"  WHERE gc.\"challengeId\" = i.\"challengeId\""                                               \
	"  AND gc.\"groupId\" = i.\"competitionId\"), i.\"competitionId\""
#define INSTANCE_TABLES                                                                            \
	" FROM public.\"ChallengeInstance\" i JOIN public.\"User\" u ON u.id = i.\"userId\""

typedef enum StatementId
{
	INSTANCE,
	LIST,
	KNOWN_STATUS,
	LOCK_INSTANCE,
	UPDATE_INSTANCE,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    [INSTANCE] = {"SELECT ROW(" INSTANCE_COLUMNS ")::edurange.instance" INSTANCE_TABLES
                  " WHERE i.id = $2",
                  {BOOLOID, TEXTOID},
                  .reads = true,
                  .by_key = true},
    /* $2 user, $3 competition, $4 status, $5 after, $6 how many */
    [LIST] = {"SELECT " INSTANCE_COLUMNS INSTANCE_TABLES " WHERE ($2::text IS NULL"
              " OR i.\"userId\" = $2) AND ($3::text IS NULL OR i.\"competitionId\" = $3)"
              " AND ($4::text IS NULL OR i.status::text = $4)"
              " AND ($5::text IS NULL OR i.id > $5) ORDER BY i.id LIMIT $6",
              {BOOLOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT4OID},
              .reads = true},
    [KNOWN_STATUS] = {"SELECT $1 = ANY (enum_range(NULL::public.\"ChallengeStatus\")::text[])",
                      {TEXTOID},
                      .reads = true,
                      .by_key = true},
    /* The user is held before the instance: the log names them, and who deletes them waits there. */
    [LOCK_INSTANCE] = {"SELECT i.status::text, i.\"userId\", i.\"challengeId\","
                       " i.\"competitionId\"" INSTANCE_TABLES
                       " WHERE i.id = $1 FOR KEY SHARE OF u FOR NO KEY UPDATE OF i",
                       {TEXTOID},
                       .by_key = true},
    /* $1 id, $2 status, $3 name of the secret, $4 flag; null leaves what is there.  A secret that is
	 * named for the first time without its flag makes the decoy go, which would pass for it. */
    [UPDATE_INSTANCE] = {"UPDATE public.\"ChallengeInstance\" AS i"
                         " SET status = coalesce($2::public.\"ChallengeStatus\", i.status),"
                         " \"flagSecretName\" = coalesce($3, i.\"flagSecretName\"),"
                         " flag = coalesce($4, CASE WHEN $3 IS NULL"
                         "  OR i.\"flagSecretName\" <> '' THEN i.flag END),"
                         " \"lastStatusChange\" = CASE WHEN $2 <> i.status::text"
                         "  THEN " UTC_CLOCK "  ELSE i.\"lastStatusChange\" END,"
                         " \"terminationAttempts\" = CASE WHEN $2 = 'ACTIVE' THEN 0"
                         "  ELSE i.\"terminationAttempts\" END WHERE i.id = $1"
                         " RETURNING ROW(i.id, i.\"flagSecretName\", NULL,"
                         " i.status)::edurange.instance_change",
                         {TEXTOID, TEXTOID, TEXTOID, TEXTOID},
                         .by_key = true},
};

SQL_FUNCTION(edurange_challenge_instance)
{
	char *id = required_text(fcinfo, 0, "challenge_instance_id");
	Refusal refusal = {0};
	Caller caller;
	Datum row;

	caller_read(&caller, fcinfo, 1);
	statements_begin();
	if (!caller_uses_instance(&caller, "challenge_instance_id", id, &refusal))
		raise_refusal(&refusal);
	if (STATEMENT_RUN(&statements[INSTANCE], value_bool(caller.tier >= TIER_SERVICE),
	                  value_text(id)) == 0)
		raise_error(EDURANGE_INSTANCE_NOT_FOUND, "instance \"%s\" does not exist", id);
	row = only_result();
	statements_end();
	PG_RETURN_DATUM(row);
}

/* A status that instances have, in the letters that the type has. */
static char *
checked_status(char *status)
{
	STATEMENT_RUN(&statements[KNOWN_STATUS], value_text(status));
	if (!row_bool(0, 1))
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"status\" must be CREATING, ACTIVE, QUEUED, TERMINATING, TERMINATED"
		            " or ERROR");
	return status;
}

SQL_FUNCTION(edurange_challenge_instances)
{
	char *user_id = optional_text(fcinfo, 0);
	char *group_id = optional_text(fcinfo, 1);
	char *status = optional_text(fcinfo, 2);
	int32 limit = int_between(fcinfo, 3, "limit", 1, LIST_LIMIT);
	Refusal refusal = {0};
	Caller caller;

	caller_read(&caller, fcinfo, 5);
	statements_begin();
	if (!caller_lists_user(&caller, "user_id", &user_id, &refusal))
		raise_refusal(&refusal);
	if (status != NULL)
		checked_status(status);
	STATEMENT_LIST(fcinfo, &statements[LIST], value_bool(caller.tier >= TIER_SERVICE),
	               value_text(user_id), value_text(group_id), value_text(status), fcinfo->args[4],
	               value_int(limit));
	statements_end();
	return (Datum) 0;
}

/*
 * Where an instance can go when the dashboard or a service says so.  What the sync worker's
 * observations bring about is a table of its own, in sync.c.
 */
static bool
can_go(const char *from, const char *to)
{
	static const struct
	{
		const char *from;
		const char *to;
	} transitions[] = {
	    {"CREATING", "QUEUED ACTIVE TERMINATING TERMINATED ERROR"},
	    {"QUEUED", "CREATING ACTIVE TERMINATING TERMINATED ERROR"},
	    {"ACTIVE", "TERMINATING TERMINATED ERROR"},
	    {"TERMINATING", "TERMINATED ERROR"},
	    {"ERROR", "ACTIVE TERMINATING TERMINATED"},
	    {"TERMINATED", ""},
	};

	if (strcmp(from, to) == 0)
		return true;
	for (int i = 0; i < lengthof(transitions); i++)
	{
		const char *at = strstr(transitions[i].to, to);

		if (strcmp(transitions[i].from, from) == 0)
			return at != NULL && (at == transitions[i].to || at[-1] == ' ') &&
			       (at[strlen(to)] == '\0' || at[strlen(to)] == ' ');
	}
	return false;
}

/* What marks a flag as synchronized must be a name, and the flag one that could be right. */
static void
check_flag(const char *secret_name, const char *flag)
{
	if (secret_name != NULL && secret_name[0] == '\0')
		raise_error(EDURANGE_INVALID_PARAMETER, "parameter \"flag_secret_name\" must not be empty");
	if (flag != NULL && !is_flag(flag))
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"flag\" must not be empty, \"null\" or a placeholder");
}

static Datum
update_challenge_instance(FunctionCallInfo fcinfo, const Caller *caller)
{
	char *id = required_text(fcinfo, 0, "instance_id");
	char *status = optional_text(fcinfo, 1);
	char *flag = optional_text(fcinfo, 3);
	Refusal refusal = {0};
	Activity deletion;
	char *before;
	Datum row;

	if (status == NULL && flag == NULL && PG_ARGISNULL(2))
		raise_error(
		    EDURANGE_MISSING_PARAMETER,
		    "one of the parameters \"status\", \"flag_secret_name\" and \"flag\" is needed");
	check_flag(optional_text(fcinfo, 2), flag);
	statements_begin();
	if (status != NULL)
		checked_status(status);
	if (!caller_uses_instance(caller, "instance_id", id, &refusal))
		raise_refusal(&refusal);
	if (STATEMENT_RUN(&statements[LOCK_INSTANCE], value_text(id)) == 0)
		raise_error(EDURANGE_INSTANCE_NOT_FOUND, "instance \"%s\" does not exist", id);
	before = row_text(0, 1);
	deletion = (Activity){.event_type = "CHALLENGE_INSTANCE_DELETED",
	                      .user_id = row_text(0, 2),
	                      .challenge_id = row_text(0, 3),
	                      .group_id = row_text(0, 4),
	                      .instance_id = id,
	                      .acting_user = caller->acting_user};
	if (!caller_acts_as(caller, "instance_id", deletion.user_id, &refusal))
		raise_refusal(&refusal);
	if (status != NULL && !can_go(before, status))
		raise_error(EDURANGE_ILLEGAL_TRANSITION, "instance \"%s\" cannot go from %s to %s", id,
		            before, status);
	STATEMENT_RUN(&statements[UPDATE_INSTANCE], value_text(id), value_text(status), fcinfo->args[2],
	              value_text(flag));
	row = only_result();
	if (status != NULL && strcmp(status, "TERMINATED") == 0 && strcmp(before, status) != 0)
	{
		deletion.metadata =
		    psprintf("%s,%s", json_member("instanceId", id), json_member("previousStatus", before));
		activity_log(&deletion);
	}
	statements_end();
	return row;
}

SQL_FUNCTION_BATCHABLE(edurange_update_challenge_instance)
{
	return mutate(fcinfo, update_challenge_instance);
}
