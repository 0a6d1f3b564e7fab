/*
 * authority.c
 *	  What somebody may have done on their behalf: the authority of an acting user.
 *
 * A service that is not bound to anybody may say for whom it acts.  That narrows the call: to what this user may
 * have done, by the table below, and, where they act as a player would, to what a player sees and may assert.
 * Who is an instructor of what is read in the call's own snapshot; no row is locked for it.
 *
 * Nobody is an instructor of what does not exist, so that a refusal tells nothing of other competitions.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/arguments.h"
#include "base/refusal.h"
#include "base/rows.h"
#include "base/statements.h"
#include "calls/authority.h"
#include "text/plain_text.h"

typedef enum Authority
{
	/* as docs/sql-api.md says it */
	ANY_USER, /* whoever exists; a student as a player */
	PARTICIPANT, /* a member or an instructor of the competition, or an ADMIN; where none is named, anybody */
	SPECTATOR, /* an instructor of the competition or an ADMIN; whoever else exists, as a player */
	ONESELF, /* the user whom the call is about, as a player; or an instructor of the competition */
	INSTRUCTOR, /* an instructor of the competition, whatever their role */
	HOST,       /* an instructor of the competition, or role ADMIN */
	REGISTRAR,  /* role INSTRUCTOR, for students; role ADMIN */
	FOUNDER,    /* role INSTRUCTOR, among the instructors that are named; role ADMIN */
	ADMIN       /* role ADMIN */
} Authority;

/* How an argument says which competition the call is about. */
typedef enum Naming
{
	BY_ITSELF,
	BY_PLACEMENT, /* the id of a group challenge */
	BY_INSTANCE,  /* which also says whom the call is about: its owner */
	BY_CODE       /* an access code */
} Naming;

typedef struct FunctionRule
{
	const char *function;
	Authority authority;
	Naming naming;
	const char *competition; /* the argument that says which one; NULL: none does */
	const char *user;        /* the argument that names the user, the instructors, or a role */
} FunctionRule;

/* Every function that takes a caller.  One that is missing here cannot be called on anybody's behalf. */
static const FunctionRule rules[] = {
    {"get_points", ONESELF, .competition = "group_id", .user = "user_id"},
    {"add_points", INSTRUCTOR, .competition = "group_id"},
    {"set_points", INSTRUCTOR, .competition = "group_id"},
    {"points_history", INSTRUCTOR, .competition = "group_id"},
    {"check_invariants", ADMIN},

    {"create_competition", FOUNDER, .user = "instructor_ids"},
    {"generate_access_code", INSTRUCTOR, .competition = "group_id"},
    {"add_competition_challenge", INSTRUCTOR, .competition = "group_id"},
    {"join_competition", ONESELF, BY_CODE, "code", "user_id"},
    {"leaderboard", SPECTATOR, .competition = "group_id"},
    {"competition_progress", ONESELF, .competition = "group_id", .user = "user_id"},

    {"attempt_question", ONESELF, BY_PLACEMENT, "group_challenge_id", "user_id"},
    {"complete_question", ONESELF, BY_PLACEMENT, "group_challenge_id", "user_id"},
    {"complete_challenge", ONESELF, BY_PLACEMENT, "group_challenge_id", "user_id"},
    {"completed_questions", ONESELF, BY_PLACEMENT, "group_challenge_id", "user_id"},

    {"create_user", REGISTRAR, .user = "role"},
    {"users", ADMIN},
    {"competitions", ANY_USER},
    {"competition", INSTRUCTOR, .competition = "group_id"},
    {"update_competition", INSTRUCTOR, .competition = "group_id"},
    {"delete_competition", INSTRUCTOR, .competition = "group_id"},
    {"members", INSTRUCTOR, .competition = "group_id"},
    {"remove_member", INSTRUCTOR, .competition = "group_id"},
    {"set_instructors", INSTRUCTOR, .competition = "group_id"},
    {"import_roster", INSTRUCTOR, .competition = "group_id"},
    {"roster", INSTRUCTOR, .competition = "group_id"},
    {"access_codes", INSTRUCTOR, .competition = "group_id"},
    {"revoke_access_code", INSTRUCTOR, .competition = "group_id"},
    {"remove_competition_challenge", INSTRUCTOR, .competition = "group_id"},
    {"set_challenge_points", INSTRUCTOR, .competition = "group_id"},
    {"reset_progress", INSTRUCTOR, .competition = "group_id"},
    {"set_board_policy", HOST, .competition = "group_id"},
    {"get_board_policy", HOST, .competition = "group_id"},
    {"board_access", SPECTATOR, .competition = "group_id"},
    {"board_state", HOST, .competition = "group_id"},
    {"events", SPECTATOR, .competition = "group_id"},
    {"feed_state", HOST, .competition = "group_id"},
    {"attempts", ONESELF, .competition = "group_id", .user = "user_id"},
    {"activity", INSTRUCTOR, .competition = "group_id"},

    {"set_participation", INSTRUCTOR, .competition = "group_id"},
    {"participation", INSTRUCTOR, .competition = "group_id"},
    {"gradebook", INSTRUCTOR, .competition = "group_id"},
    {"gradebook_file", INSTRUCTOR, .competition = "group_id"},
    {"rejudge", INSTRUCTOR, .competition = "group_id"},
    {"accept_answer", INSTRUCTOR, .competition = "group_id"},
    {"reprice", INSTRUCTOR, .competition = "group_id"},
    {"grade_question", INSTRUCTOR, .competition = "group_id"},
    {"void_completion", INSTRUCTOR, .competition = "group_id"},
    {"undo_change", INSTRUCTOR, .competition = "group_id"},
    {"grade_change", INSTRUCTOR, .competition = "group_id"},
    {"grade_changes", INSTRUCTOR, .competition = "group_id"},
    {"question_statistics", INSTRUCTOR, .competition = "group_id"},
    {"timeline", INSTRUCTOR, .competition = "group_id"},
    {"integrity_findings", INSTRUCTOR, .competition = "group_id"},

    {"challenges", ANY_USER},
    {"challenge_list", PARTICIPANT, .competition = "group_id"},
    {"challenge_details", ANY_USER},
    {"question_details", ANY_USER},

    {"challenge_instance", ONESELF, BY_INSTANCE, "challenge_instance_id"},
    {"challenge_instances", INSTRUCTOR, .competition = "group_id"},
    {"update_challenge_instance", INSTRUCTOR, BY_INSTANCE, "instance_id"},
    {"log_activity", ONESELF, .competition = "group_id", .user = "user_id"},

    {"create_token", ADMIN},
    {"revoke_token", ADMIN},
    {"tokens", ADMIN},
    {"health", ADMIN},
    {"sync_status", ADMIN},
    {"sync_drift", ADMIN},
    {"sync_drift_summary", ADMIN},
    {"sync_metrics", ADMIN},
    {"sync_now", ADMIN},
    {"sync_release", ADMIN},
    {"sync_confirm", ADMIN},

    {"cdf_schema", ANY_USER},
    {"reset_cdf_schema", ADMIN},
    {"add_challenge_type", ADMIN},
    {"remove_challenge_type", ADMIN},
    {"cdf_validate", ADMIN},
    {"cdf_import", ADMIN},
    {"cdf_update", ADMIN},
    {"cdf_export", ADMIN},
    {"pack_install", ADMIN},
    {"pack_update", ADMIN},
    {"pack_uninstall", ADMIN},
    {"pack_list", ADMIN},
    {"pack_details", ADMIN},
};

typedef enum StatementId
{
	ROLE,
	OF_PLACEMENT,
	OF_INSTANCE,
	OF_CODE,
	PART,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    [ROLE] = {"SELECT role::text FROM public.\"User\""
              " WHERE id = $1 AND id <> '" SYSTEM_ACCOUNT "'",
              {TEXTOID},
              .reads = true,
              .by_key = true},
    /* The competition that is meant, and whom the call is about where that is said by the same row. */
    [OF_PLACEMENT] = {"SELECT \"groupId\", NULL::text FROM public.\"GroupChallenge\" WHERE id = $1",
                      {TEXTOID},
                      .reads = true,
                      .by_key = true},
    [OF_INSTANCE] = {"SELECT \"competitionId\", \"userId\" FROM public.\"ChallengeInstance\""
                     " WHERE id = $1",
                     {TEXTOID},
                     .reads = true,
                     .by_key = true},
    [OF_CODE] = {"SELECT \"groupId\", NULL::text FROM public.\"CompetitionAccessCode\""
                 " WHERE code = $1",
                 {TEXTOID},
                 .reads = true,
                 .by_key = true},
    [PART] = {"SELECT EXISTS (SELECT FROM public.\"_GroupInstructors\""
              "  WHERE \"A\" = $1 AND \"B\" = $2),"
              " EXISTS (SELECT FROM public.\"_GroupMembers\" WHERE \"A\" = $1 AND \"B\" = $2)",
              {TEXTOID, TEXTOID},
              .reads = true,
              .by_key = true},
};

/* A call that is made on somebody's behalf, and what is known of it. */
typedef struct ActingCall
{
	const FunctionRule *rule;
	FunctionCallInfo fcinfo;
	const char *acting_user;
	char *role;        /* of the acting user */
	char *competition; /* which the call is about; NULL: none, or one that does not exist */
	char *subject;     /* whom it is about; NULL: nobody */
	bool is_instructor;
	bool is_member;
} ActingCall;

static const FunctionRule *
find_rule(Oid function)
{
	char *name = get_func_name(function);

	for (int i = 0; i < lengthof(rules); i++)
		if (strcmp(rules[i].function, name) == 0)
			return &rules[i];
	return NULL;
}

/* The number of the function's argument of that name. */
static int
argument_number(FunctionCallInfo fcinfo, const char *name)
{
	char **names;
	char *modes;
	Oid *types;
	int count;
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(fcinfo->flinfo->fn_oid));

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "function %u is gone", fcinfo->flinfo->fn_oid);
	count = get_func_arg_info(tuple, &types, &names, &modes);
	ReleaseSysCache(tuple);
	for (int i = 0; names != NULL && i < count && i < PG_NARGS(); i++)
		if (strcmp(names[i], name) == 0)
			return i;
	elog(ERROR, "a function has no argument \"%s\"", name);
}

/* A text argument by its name; NULL where it is null or empty. */
static char *
text_argument(FunctionCallInfo fcinfo, const char *name)
{
	char *text = optional_text(fcinfo, argument_number(fcinfo, name));

	return text != NULL && text[0] != '\0' ? text : NULL;
}

/* The same of one that the authority is judged by. */
static char *
needed_argument(FunctionCallInfo fcinfo, const char *name)
{
	return required_text(fcinfo, argument_number(fcinfo, name), name);
}

/* Finds which competition and user the call is about. */
static void
find_subject(ActingCall *call)
{
	static const int statement_of[] = {
	    [BY_PLACEMENT] = OF_PLACEMENT, [BY_INSTANCE] = OF_INSTANCE, [BY_CODE] = OF_CODE};
	const FunctionRule *rule = call->rule;

	if (rule->user != NULL && rule->authority == ONESELF)
		call->subject = text_argument(call->fcinfo, rule->user);
	if (rule->competition == NULL)
		return;
	call->competition =
	    rule->authority == INSTRUCTOR || rule->authority == HOST || rule->naming != BY_ITSELF
	        ? needed_argument(call->fcinfo, rule->competition)
	        : text_argument(call->fcinfo, rule->competition);
	if (call->competition == NULL || rule->naming == BY_ITSELF)
		return;
	if (rule->naming == BY_CODE)
		call->competition = access_code(call->competition);
	if (STATEMENT_RUN(&statements[statement_of[rule->naming]], value_text(call->competition)) == 0)
	{
		call->competition = NULL;
		return;
	}
	call->competition = row_text(0, 1);
	if (rule->naming == BY_INSTANCE)
		call->subject = row_text(0, 2);
}

static bool
has_role(const ActingCall *call, const char *role)
{
	return strcmp(call->role, role) == 0;
}

/* Is the acting user among those that an argument lists?  What is wrong with the list is the function's to say. */
static bool
is_listed(const ActingCall *call)
{
	int number = argument_number(call->fcinfo, call->rule->user);
	Datum *elements;
	bool *nulls;
	int count;

	if (call->fcinfo->args[number].isnull)
		return true;
	deconstruct_array(DatumGetArrayTypeP(call->fcinfo->args[number].value), TEXTOID, -1, false,
	                  TYPALIGN_INT, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
		if (!nulls[i] && strcmp(TextDatumGetCString(elements[i]), call->acting_user) == 0)
			return true;
	return count == 0;
}

/* Is a student made, as where no role is given? */
static bool
makes_student(const ActingCall *call)
{
	char *role = text_argument(call->fcinfo, call->rule->user);

	return role == NULL || strcmp(role, "STUDENT") == 0;
}

/* Does the authority cover the call, and as what? */
static bool
is_covered(const ActingCall *call, Acting *acting)
{
	bool is_student = has_role(call, "STUDENT");

	*acting = ACTS_AS_STAFF;

	switch (call->rule->authority)
	{
		case ANY_USER:
			*acting = is_student                ? ACTS_AS_PLAYER
			          : has_role(call, "ADMIN") ? ACTS_AS_ADMIN
			                                    : ACTS_AS_STAFF;
			return true;
		case PARTICIPANT:
			*acting = is_student && !call->is_instructor ? ACTS_AS_PLAYER : ACTS_AS_STAFF;
			return call->is_instructor || call->is_member || has_role(call, "ADMIN") ||
			       text_argument(call->fcinfo, call->rule->competition) == NULL;
		case SPECTATOR:
			if (!call->is_instructor && !has_role(call, "ADMIN"))
				*acting = ACTS_AS_PLAYER;
			return true;
		case ONESELF:
			if (call->is_instructor)
				return true;
			*acting = ACTS_AS_PLAYER;
			return call->subject != NULL && strcmp(call->subject, call->acting_user) == 0;
		case INSTRUCTOR:
			return call->is_instructor;
		case HOST:
			return call->is_instructor || has_role(call, "ADMIN");
		case REGISTRAR:
			return has_role(call, "ADMIN") || (has_role(call, "INSTRUCTOR") && makes_student(call));
		case FOUNDER:
			return has_role(call, "ADMIN") || (has_role(call, "INSTRUCTOR") && is_listed(call));
		case ADMIN:
			return has_role(call, "ADMIN");
	}
	return false;
}

/* What the acting user would have to be. */
static const char *const needed[] = {
    [PARTICIPANT] = "takes no part in the competition",
    [ONESELF] = "is neither the user whom this is about nor an instructor of the competition",
    [INSTRUCTOR] = "is no instructor of the competition",
    [HOST] = "is no instructor of the competition, nor has role ADMIN",
    [REGISTRAR] = "needs role INSTRUCTOR, which makes students only, or role ADMIN",
    [FOUNDER] = "needs role INSTRUCTOR and to be among the instructors, or role ADMIN",
    [ADMIN] = "needs role ADMIN",
};

static char *
role_of(const char *acting_user)
{
	if (STATEMENT_RUN(&statements[ROLE], value_text(acting_user)) == 0)
		raise_error(EDURANGE_NOT_AN_INSTRUCTOR, "acting user \"%s\" does not exist", acting_user);
	return row_text(0, 1);
}

Acting
authority_check(const char *acting_user, FunctionCallInfo fcinfo)
{
	ActingCall call = {
	    .rule = find_rule(fcinfo->flinfo->fn_oid),
	    .fcinfo = fcinfo,
	    .acting_user = acting_user,
	};
	Acting acting;

	if (call.rule == NULL)
		raise_error(EDURANGE_NOT_AN_INSTRUCTOR, "this is not done on behalf of a user");
	statements_begin();
	call.role = role_of(call.acting_user);
	find_subject(&call);
	if (call.competition != NULL)
	{
		STATEMENT_RUN(&statements[PART], value_text(call.competition),
		              value_text(call.acting_user));
		call.is_instructor = row_bool(0, 1);
		call.is_member = row_bool(0, 2);
	}
	if (!is_covered(&call, &acting))
		raise_error(EDURANGE_NOT_AN_INSTRUCTOR, "acting user \"%s\" %s", call.acting_user,
		            needed[call.rule->authority]);
	statements_end();
	return acting;
}

void
authority_check_again(const char *acting_user, FunctionCallInfo fcinfo)
{
	PushActiveSnapshot(GetLatestSnapshot());
	(void) authority_check(acting_user, fcinfo);
	PopActiveSnapshot();
}
