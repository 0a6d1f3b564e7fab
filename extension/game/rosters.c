/*
 * rosters.c
 *	  Rows of rosters that wait for somebody, and who completes them.
 *
 * Who completes a row holds the competition, then the code, then the row, then the membership.  Who joins with a code,
 * by a function or as the dashboard does it, has used the code before the entry of the log is written that completes
 * the row, so of two who complete one row the second finds it complete.  A user may come while a roster is written, and
 * neither may miss the other: whoever makes users, or gives them another address, waits until it is written.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "base/own_locks.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "base/triggers.h"
#include "calls/locks.h"
#include "game/activity.h"
#include "game/rosters.h"
#include "text/plain_text.h"

/* No user has two rows of a roster. */
#define HAS_NO_ROW(group, user)                                                                    \
	"NOT EXISTS (SELECT FROM edurange.roster o WHERE o.user_id = " user                            \
	" AND o.group_id" OF(group) ")"

typedef enum StatementId
{
	WAITING,
	MAY_HAVE_ROW,
	COMPLETE,
	JOINED,
	COMPLETE_BY_CODE,
	WITHDRAW,
	FORGET_USER,
	FORGET_COMPETITION,
	FORGET_USERS,
	FORGET_COMPETITIONS,
	KEPT_USER,
	KEPT_COMPETITION,
	KEPT_USERS,
	KEPT_COMPETITIONS,
	DELETE_CODE,
	CODE_IS_THERE,
	INSERT_MEMBER,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* Competitions in one order.  For most users none waits, and this is all that they cost. */
    [WAITING] = {"SELECT r.group_id, r.code FROM edurange.roster r"
                 " WHERE lower(r.email) = $1 AND r.user_id IS NULL ORDER BY r.group_id",
                 {TEXTOID},
                 .newest = true,
                 .by_key = true},
    [MAY_HAVE_ROW] = {"SELECT " HAS_NO_ROW("$1", "$2"),
                      {TEXTOID, TEXTOID},
                      .newest = true,
                      .by_key = true},
    [COMPLETE] = {"UPDATE edurange.roster AS r SET user_id = $3, code = NULL"
                  " WHERE r.group_id = $1 AND r.email = $2 AND r.user_id IS NULL",
                  {TEXTOID, TEXTOID, TEXTOID},
                  .by_key = true},
    /* Who joined with which code of which competition, where the entry $1 of the log says so and it is true. */
    [JOINED] = {"SELECT c.\"groupId\", c.code, m.\"B\" FROM public.\"ActivityLog\" l"
                " JOIN public.\"CompetitionAccessCode\" c ON c.id = l.\"accessCodeId\""
                "  AND c.\"groupId\" = l.\"groupId\" AND c.\"usedCount\" > 0"
                " JOIN public.\"_GroupMembers\" m ON m.\"A\" = c.\"groupId\""
                "  AND m.\"B\" = l.\"userId\""
                " WHERE l.id = $1 AND l.\"eventType\"::text = 'GROUP_JOINED'",
                {TEXTOID},
                .newest = true,
                .by_key = true},
    [COMPLETE_BY_CODE] = {"UPDATE edurange.roster AS r SET user_id = $3"
                          " WHERE r.code = $2 AND r.group_id" OF("$1") " AND r.user_id IS NULL"
                                                                       " AND " HAS_NO_ROW("$1",
                                                                                          "$3"),
                          {TEXTOID, TEXTOID, TEXTOID},
                          .by_key = true},
    [WITHDRAW] = {"DELETE FROM edurange.roster AS r"
                  " WHERE r.code = $2 AND r.group_id" OF("$1") " AND r.user_id IS NULL",
                  {TEXTOID, TEXTOID},
                  .by_key = true},
    [FORGET_USER] = {"UPDATE edurange.roster SET user_id = NULL, code = NULL WHERE user_id = $1",
                     {TEXTOID},
                     .by_key = true},
    [FORGET_COMPETITION] = {"DELETE FROM edurange.roster WHERE group_id = $1",
                            {TEXTOID},
                            .by_key = true},
    [FORGET_USERS] = {"UPDATE edurange.roster SET user_id = NULL, code = NULL"
                      " WHERE user_id IS NOT NULL",
                      {InvalidOid}},
    [FORGET_COMPETITIONS] = {"DELETE FROM edurange.roster", {InvalidOid}},
    /* What is left then, in the same order. */
    [KEPT_USER] = {"SELECT 1 FROM edurange.roster WHERE user_id = $1 LIMIT 1",
                   {TEXTOID},
                   .newest = true,
                   .by_key = true},
    [KEPT_COMPETITION] = {"SELECT 1 FROM edurange.roster WHERE group_id = $1 LIMIT 1",
                          {TEXTOID},
                          .newest = true,
                          .by_key = true},
    [KEPT_USERS] = {"SELECT 1 FROM edurange.roster WHERE user_id IS NOT NULL LIMIT 1",
                    {InvalidOid},
                    .newest = true},
    [KEPT_COMPETITIONS] = {"SELECT 1 FROM edurange.roster LIMIT 1", {InvalidOid}, .newest = true},
    /* One that somebody used says who joined with it. */
    [DELETE_CODE] = {"DELETE FROM public.\"CompetitionAccessCode\" WHERE code = $2"
                     " AND \"groupId\"" OF("$1") " AND \"usedCount\" = 0",
                     {TEXTOID, TEXTOID},
                     .by_key = true},
    [CODE_IS_THERE] = {"SELECT 1 FROM public.\"CompetitionAccessCode\" WHERE code = $2"
                       " AND \"groupId\"" OF("$1") " AND \"usedCount\" = 0",
                       {TEXTOID, TEXTOID},
                       .by_key = true},
    [INSERT_MEMBER] = {"INSERT INTO public.\"_GroupMembers\" (\"A\", \"B\") VALUES ($1, $2)"
                       " ON CONFLICT (\"A\", \"B\") DO NOTHING",
                       {TEXTOID, TEXTOID}},
};

char *
email_key(const char *email)
{
	return text_to_cstring(DatumGetTextPP(DirectFunctionCall1Coll(
	    lower, DEFAULT_COLLATION_OID, CStringGetTextDatum(trimmed(email)))));
}

void
rosters_hold_for_writing(void)
{
	(void) lock_take(LOCK_ROSTERS, 0, true);
}

void
rosters_hold_for_users(void)
{
	lock_share(LOCK_ROSTERS, 0);
}

void
roster_code_withdrawn(const char *group_id, const char *code)
{
	STATEMENT_RUN(&statements[WITHDRAW], value_text(group_id), value_text(code));
}

/* A code that nobody has used goes. */
static void
delete_code(const char *group_id, const char *code)
{
	NullableDatum arguments[] = {value_text(group_id), value_text(code)};

	if (statement_run(&statements[DELETE_CODE], arguments, lengthof(arguments)) == 0 &&
	    statement_run(&statements[CODE_IS_THERE], arguments, lengthof(arguments)) > 0)
		row_kept_out("public.\"CompetitionAccessCode\"");
}

/* Makes the user of an address a member, for whom a row of the competition's roster waits. */
static void
complete_row(const char *group_id, const char *code, const char *email, const char *user_id)
{
	Refusal refusal = {0};

	/* the competition, or the row, may have gone meanwhile */
	if (!lock_competition(group_id, &refusal))
		return;
	STATEMENT_RUN(&statements[MAY_HAVE_ROW], value_text(group_id), value_text(user_id));
	if (!row_bool(0, 1))
		return;
	if (code != NULL)
		delete_code(group_id, code);
	if (STATEMENT_RUN(&statements[COMPLETE], value_text(group_id), value_text(email),
	                  value_text(user_id)) == 0)
		return;
	if (STATEMENT_RUN(&statements[INSERT_MEMBER], value_text(group_id), value_text(user_id)) > 0)
		activity_log(&(Activity){.event_type = "GROUP_JOINED",
		                         .user_id = user_id,
		                         .group_id = group_id,
		                         .metadata = "\"roster\":true"});
	else if (!lock_member(group_id, user_id, &refusal))
		row_kept_out("public.\"_GroupMembers\"");
}

/* Completes what waits for the user's address. */
static void
complete_rows(const char *email, const char *user_id)
{
	uint64 count = STATEMENT_RUN(&statements[WAITING], value_text(email));
	char **groups = palloc(sizeof(char *) * count);
	char **codes = palloc(sizeof(char *) * count);

	for (uint64 i = 0; i < count; i++)
	{
		groups[i] = row_text(i, 1);
		codes[i] = row_text_or_null(i, 2);
	}
	for (uint64 i = 0; i < count; i++)
		complete_row(groups[i], codes[i], email, user_id);
}

/* Forgets a user or a competition, or all of them.  A snapshot may be older than a row that is to be changed. */
static void
forget(StatementId what, const char *id)
{
	NullableDatum subject = value_text(id);
	int count = id != NULL ? 1 : 0;

	statement_run(&statements[what], &subject, count);
	if (IsolationUsesXactSnapshot() &&
	    statement_run(&statements[what - FORGET_USER + KEPT_USER], &subject, count) > 0)
		row_unseen("edurange.roster");
}

/* The change of one row. */
static void
follow_row(TriggerData *trigger, bool is_user)
{
	HeapTuple row =
	    TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	char *id = tuple_text(trigger, row, "id");

	if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		forget(is_user ? FORGET_USER : FORGET_COMPETITION, id);
	else
		complete_rows(email_key(tuple_text(trigger, row, "email")), id);
}

SQL_TRIGGER(edurange_follow_roster)
{
	TriggerData *trigger = trigger_data(fcinfo, TRIGGER_EVENT_AFTER);
	bool is_user = strcmp(RelationGetRelationName(trigger->tg_relation), "User") == 0;

	statements_begin();
	if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		follow_row(trigger, is_user);
	else
		forget(is_user ? FORGET_USERS : FORGET_COMPETITIONS, NULL);
	statements_end();
	return PointerGetDatum(NULL);
}

/* Somebody joined with a code, which may be that of a row: the entry of the log says so. */
static void
follow_join(TriggerData *trigger)
{
	statements_begin();
	if (STATEMENT_RUN(&statements[JOINED],
	                  value_text(tuple_text(trigger, trigger->tg_trigtuple, "id"))) > 0)
	{
		NullableDatum group_id = value_text(row_text(0, 1));
		NullableDatum code = value_text(row_text(0, 2));

		STATEMENT_RUN(&statements[COMPLETE_BY_CODE], group_id, code, value_text(row_text(0, 3)));
	}
	statements_end();
}

/* Looks in the name of whoever writes, as for most entries that is all: they name no code. */
SQL_FUNCTION_ANYWHERE(edurange_follow_join)
{
	TriggerData *trigger = trigger_data(fcinfo, TRIGGER_EVENT_AFTER);
	TupleDesc descriptor = RelationGetDescr(trigger->tg_relation);
	int code = SPI_fnumber(descriptor, "accessCodeId");
	Surface saved;

	if (code <= 0 || heap_attisnull(trigger->tg_trigtuple, code, descriptor))
		return PointerGetDatum(NULL);
	surface_enter_trigger(&saved);
	follow_join(trigger);
	surface_leave(&saved);
	return PointerGetDatum(NULL);
}

/*
 * Runs in the name of whoever writes, and needs no other: it evaluates nothing of anybody's.  Before a whole statement
 * where addresses are changed: for each row it would be called when the row is locked, for which a roster that is
 * written waits.
 */
SQL_FUNCTION_ANYWHERE(edurange_await_roster)
{
	TriggerData *trigger = trigger_data(fcinfo, TRIGGER_EVENT_BEFORE | TRIGGER_EVENT_UPDATE);

	rosters_hold_for_users();
	if (!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		return PointerGetDatum(NULL);
	return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple
	                                                                  : trigger->tg_trigtuple);
}
