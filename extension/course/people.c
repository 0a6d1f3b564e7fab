/*
 * people.c
 *	  Who is in a competition: its members, its instructors, and who its roster names.
 *
 * Locks are taken in the order of calls/locks.h: users, the competition, then memberships.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/arguments.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/authority.h"
#include "calls/idempotency.h"
#include "calls/locks.h"
#include "course/course.h"
#include "game/activity.h"
#include "game/competitions.h"

typedef enum StatementId
{
	MEMBERS,
	ROSTER,
	REMOVE_MEMBER,
	REMOVED,
	MISSING_USER,
	LOCK_COMPETITION,
	HOLD_INSTRUCTORS,
	DELETE_OTHERS,
	INSERT_INSTRUCTORS,
	INSTRUCTORS,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* $1 competition, $2 how many, $3 behind which user */
    [MEMBERS] =
        {"SELECT ROW(" PAGE_OF(
             "ROW(p.id, p.name, p.email, p.role, p.points,"
             " p.is_instructor)::edurange.member",
             "p.id",
             "$2") ")::edurange.member_page"
                   " FROM (SELECT u.id, u.name, u.email, u.role::text,"
                   "  coalesce(s.points, 0) AS points,"
                   "  EXISTS (SELECT FROM public.\"_GroupInstructors\" i"
                   "   WHERE i.\"A\" = $1 AND i.\"B\" = u.id) AS is_instructor,"
                   "  " PAGE_PLACE(
                       TEXT_BYTES("u.name") " + octet_length(u.email)",
                       "m.\"B\"") "  FROM (SELECT \"B\" FROM public.\"_GroupMembers\""
                                  "   WHERE \"A\" = $1 AND \"B\" > coalesce($3, '') ORDER BY \"B\""
                                  "   LIMIT $2 + 1) m JOIN public.\"User\" u ON u.id = m.\"B\""
                                  "  LEFT JOIN edurange.standing s"
                                  "   ON s.group_id = $1 AND s.user_id = u.id) p",
         {TEXTOID, INT4OID, TEXTOID},
         .reads = true,
         .by_key = true},
    /* $1 competition, $2 how many, $3 behind which address */
    [ROSTER] = {"SELECT ROW(" PAGE_OF(
                    "ROW(p.email, p.name, p.external_id, p.login_id, p.section, p.user_id,"
                    " p.is_member, CASE WHEN p.user_id IS NULL THEN p.code END, p.line,"
                    " p.imported_at)::edurange.roster_row",
                    "p.email",
                    "$2") ")::edurange.roster_page"
                          " FROM (SELECT r.*, row_number() OVER (ORDER BY r.email) AS n,"
                          "  EXISTS (SELECT FROM public.\"_GroupMembers\" m"
                          "   WHERE m.\"A\" = $1 AND m.\"B\" = r.user_id) AS is_member"
                          "  FROM (SELECT * FROM edurange.roster WHERE group_id = $1"
                          "   AND email > coalesce($3, '') ORDER BY email LIMIT $2 + 1) r) p",
                {TEXTOID, INT4OID, TEXTOID},
                .reads = true,
                .by_key = true},
    [REMOVE_MEMBER] = {"DELETE FROM public.\"_GroupMembers\" WHERE \"A\" = $1 AND \"B\" = $2",
                       {TEXTOID, TEXTOID},
                       .by_key = true,
                       .must_write = true},
    [REMOVED] = {"SELECT ROW($1, $2, coalesce((SELECT points FROM public.\"GroupPoints\""
                 " WHERE \"groupId\" = $1 AND \"userId\" = $2), 0))::edurange.removed_member",
                 {TEXTOID, TEXTOID},
                 .by_key = true},
    /* Holds the users that are there, one after the other. */
    [MISSING_USER] = {"SELECT wanted.id FROM (SELECT DISTINCT id FROM unnest($1) AS w (id)"
                      "  ORDER BY id) wanted WHERE NOT EXISTS"
                      " (SELECT FROM public.\"User\" u WHERE u.id = wanted.id FOR KEY SHARE)"
                      " LIMIT 1",
                      {TEXTARRAYOID}},
    [LOCK_COMPETITION] = {"SELECT 1 FROM public.\"CompetitionGroup\" WHERE id = $1"
                          " FOR NO KEY UPDATE",
                          {TEXTOID},
                          .by_key = true},
    [HOLD_INSTRUCTORS] = {"SELECT count(*) FROM (SELECT FROM public.\"_GroupInstructors\" i"
                          " WHERE i.\"A\" = $1 ORDER BY i.\"B\" FOR UPDATE) held",
                          {TEXTOID},
                          .by_key = true},
    [DELETE_OTHERS] = {"DELETE FROM public.\"_GroupInstructors\""
                       " WHERE \"A\" = $1 AND \"B\" <> ALL ($2)",
                       {TEXTOID, TEXTARRAYOID},
                       .by_key = true},
    [INSERT_INSTRUCTORS] = {"INSERT INTO public.\"_GroupInstructors\" (\"A\", \"B\")"
                            " SELECT DISTINCT $1, id FROM unnest($2) AS w (id)"
                            " ON CONFLICT (\"A\", \"B\") DO NOTHING",
                            {TEXTOID, TEXTARRAYOID}},
    /* And whether they are those of $2. */
    [INSTRUCTORS] = {"SELECT ROW($1, coalesce(array_agg(ROW(u.id, u.name, u.email, u.role::text,"
                     " u.\"createdAt\" AT TIME ZONE 'UTC', u.\"updatedAt\" AT TIME ZONE 'UTC'"
                     " )::edurange.user_record ORDER BY u.id), '{}'))::edurange.instructors,"
                     " coalesce(bool_and(u.id = ANY ($2)), false) AND count(*) ="
                     "  (SELECT count(DISTINCT w.id) FROM unnest($2) AS w (id))"
                     " FROM public.\"_GroupInstructors\" i JOIN public.\"User\" u ON u.id = i.\"B\""
                     " WHERE i.\"A\" = $1",
                     {TEXTOID, TEXTARRAYOID},
                     .by_key = true},
};

SQL_FUNCTION_BATCHABLE(edurange_members)
{
	return course_page(fcinfo, &statements[MEMBERS]);
}

SQL_FUNCTION_BATCHABLE(edurange_roster)
{
	return course_page(fcinfo, &statements[ROSTER]);
}

static Datum
remove_member(FunctionCallInfo fcinfo, const Caller *caller)
{
	char *group_id = required_text(fcinfo, 0, "group_id");
	char *user_id = required_text(fcinfo, 1, "user_id");
	Refusal refusal = {0};
	Datum row;

	statements_begin();
	if (!caller_acts_as(caller, "user_id", user_id, &refusal) ||
	    !course_find(caller, group_id, &refusal) || !lock_user(user_id, &refusal) ||
	    !lock_competition(group_id, &refusal) || !lock_member(group_id, user_id, &refusal))
		raise_refusal(&refusal);
	STATEMENT_RUN(&statements[REMOVE_MEMBER], value_text(group_id), value_text(user_id));
	STATEMENT_RUN(&statements[REMOVED], value_text(group_id), value_text(user_id));
	row = only_result();
	activity_log(&(Activity){.event_type = "GROUP_LEFT",
	                         .user_id = user_id,
	                         .group_id = group_id,
	                         .acting_user = caller->acting_user});
	statements_end();
	return row;
}

SQL_FUNCTION_BATCHABLE(edurange_remove_member)
{
	return mutate(fcinfo, remove_member);
}

static Datum
set_instructors(FunctionCallInfo fcinfo, const Caller *caller)
{
	char *group_id = required_text(fcinfo, 0, "group_id");
	int count;
	Datum *instructors = competition_instructors(fcinfo, 1, &count);
	NullableDatum ids = fcinfo->args[1];
	Refusal refusal = {0};
	uint64 removed;
	uint64 added;
	Datum row;

	statements_begin();
	if (!competition_is_own(caller, instructors, count, &refusal) ||
	    !course_find(caller, group_id, &refusal))
		raise_refusal(&refusal);
	if (STATEMENT_RUN(&statements[MISSING_USER], ids) > 0)
		raise_error(EDURANGE_USER_NOT_FOUND, "user \"%s\" does not exist", row_text(0, 1));
	if (STATEMENT_RUN(&statements[LOCK_COMPETITION], value_text(group_id)) == 0)
		raise_error(EDURANGE_COMPETITION_NOT_FOUND, "competition \"%s\" does not exist", group_id);
	STATEMENT_RUN(&statements[HOLD_INSTRUCTORS], value_text(group_id));
	/* whom somebody took out while we waited for them does not name themselves again */
	if (caller->acting_user != NULL)
		authority_check_again(caller->acting_user, fcinfo);
	added = STATEMENT_RUN(&statements[INSERT_INSTRUCTORS], value_text(group_id), ids);
	removed = STATEMENT_RUN(&statements[DELETE_OTHERS], value_text(group_id), ids);
	STATEMENT_RUN(&statements[INSTRUCTORS], value_text(group_id), ids);
	if (!row_bool(0, 2))
		row_kept_out("public.\"_GroupInstructors\"");
	row = only_result();
	if (added + removed > 0)
		activity_log(&(Activity){
		    .event_type = "GROUP_UPDATED",
		    .user_id = course_subject(caller),
		    .group_id = group_id,
		    .acting_user = caller->acting_user,
		    .metadata = psprintf("\"instructorsAdded\":" UINT64_FORMAT
		                         ",\"instructorsRemoved\":" UINT64_FORMAT,
		                         added, removed),
		});
	statements_end();
	return row;
}

SQL_FUNCTION_BATCHABLE(edurange_set_instructors)
{
	return mutate(fcinfo, set_instructors);
}
