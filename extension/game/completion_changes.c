/*
 * completion_changes.c
 *	  What happens to completions after their time, kept so that a past board stays as it was (COMPLETED_AT in heads.h).
 *
 * Most completions are dated by the clock of whoever writes them, and stay.  One that is taken back, or moved, is kept as
 * gone, and one that was completed earlier than it came as late: by triggers, whoever does it.  Of who goes, or of a
 * placement that goes, nothing is kept: there is nothing to be shown of them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "base/triggers.h"
#include "game/heads.h"

/* $1 clock, $2 gone, else late, $3 $4 $5 the completions.  The times of a pair's changes ascend, whatever the clock does. */
#define NOTES(completions)                                                                         \
	"INSERT INTO edurange.completion_change"                                                       \
	" (user_id, group_challenge_id, at, gone, completed_at)"                                       \
	" SELECT c.user_id, c.placement, greatest($1, (SELECT max(x.at) + interval '1 microsecond'"    \
	"  FROM edurange.completion_change x"                                                          \
	"  WHERE x.user_id = c.user_id AND x.group_challenge_id = c.placement)), $2, c.completed_at"   \
	" FROM " completions " AS c (user_id, placement, completed_at)"

typedef enum StatementId
{
	BOTH_ARE_THERE,
	NOTE,
	PIECE,
	NOTE_PIECE,
	FORGET_USER,
	FORGET_PLACEMENT,
	FORGET_ALL,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* $1 user, $2 placement, which the deletion of either itself has made invisible */
    [BOTH_ARE_THERE] = {"SELECT 1 FROM public.\"User\" u, public.\"GroupChallenge\" gc"
                        " WHERE u.id = $1 AND gc.id = $2",
                        {TEXTOID, TEXTOID},
                        .by_key = true},
    [NOTE] = {NOTES("(SELECT $3, $4, $5)"),
              {TIMESTAMPTZOID, BOOLOID, TEXTOID, TEXTOID, TIMESTAMPTZOID},
              .by_key = true,
              .must_write = true},
    /* Of all completions that there are by now those behind an id, and where the piece ends. */
    [PIECE] = {"SELECT array_agg(\"userId\"), array_agg(\"groupChallengeId\"),"
               " array_agg(\"completedAt\" AT TIME ZONE 'UTC'), max(id)"
               " FROM (SELECT * FROM public.\"ChallengeCompletion\" WHERE id > $1"
               "  ORDER BY id LIMIT 1000) c HAVING count(*) > 0",
               {TEXTOID},
               .newest = true,
               .by_key = true},
    [NOTE_PIECE] = {NOTES("unnest($3, $4, $5)"),
                    {TIMESTAMPTZOID, BOOLOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID},
                    .by_key = true,
                    .must_write = true},
    [FORGET_USER] = {"DELETE FROM edurange.completion_change WHERE user_id = $1",
                     {TEXTOID},
                     .by_key = true},
    [FORGET_PLACEMENT] = {"DELETE FROM edurange.completion_change WHERE group_challenge_id = $1",
                          {TEXTOID},
                          .by_key = true},
    [FORGET_ALL] = {"DELETE FROM edurange.completion_change", {InvalidOid}},
};

typedef struct Completion
{
	char *user_id;
	char *placement;
	TimestampTz at; /* the platform's times are UTC */
} Completion;

static Completion
tuple_completion(TriggerData *trigger, HeapTuple tuple)
{
	return (Completion){
	    .user_id = tuple_text(trigger, tuple, "userId"),
	    .placement = tuple_text(trigger, tuple, "groupChallengeId"),
	    .at = DatumGetTimestamp(tuple_value(trigger, tuple, "completedAt", TIMESTAMPOID)),
	};
}

/* Keeps what has happened to one; false: its user or placement goes, or has got another id. */
static bool
note(const Completion *completion, bool gone)
{
	NullableDatum user_id = value_text(completion->user_id);
	NullableDatum placement = value_text(completion->placement);

	if (STATEMENT_RUN(&statements[BOTH_ARE_THERE], user_id, placement) == 0)
		return false;
	STATEMENT_RUN(&statements[NOTE], value_time(GetCurrentTimestamp()), value_bool(gone), user_id,
	              placement, value_time(completion->at));
	return true;
}

/* Looks in the name of whoever writes, as for most completions that is all: it evaluates nothing of anybody's. */
SQL_FUNCTION_ANYWHERE(edurange_completion_changed)
{
	TriggerData *trigger = trigger_data(fcinfo, TRIGGER_EVENT_AFTER);
	bool goes = !TRIGGER_FIRED_BY_INSERT(trigger->tg_event);
	bool comes = !TRIGGER_FIRED_BY_DELETE(trigger->tg_event);
	Completion old = tuple_completion(trigger, trigger->tg_trigtuple);
	Completion new = old;
	Surface saved;

	if (goes && comes)
	{
		new = tuple_completion(trigger, trigger->tg_newtuple);
		if (new.at == old.at && strcmp(new.user_id, old.user_id) == 0 &&
		    strcmp(new.placement, old.placement) == 0)
			return PointerGetDatum(NULL);
	}
	comes = comes && new.at < GetCurrentTimestamp() - COMPLETED_JUST_NOW;
	if (!goes && !comes)
		return PointerGetDatum(NULL);
	surface_enter_trigger(&saved);
	statements_begin();
	/* (whoever gets another id takes it along) */
	if ((!goes || note(&old, true)) && comes)
		note(&new, false);
	statements_end();
	surface_leave(&saved);
	return PointerGetDatum(NULL);
}

/* Notes a piece of those that go all at once, whose memory goes with its statements; false: there is none. */
static bool
note_piece(TimestampTz now, char **id)
{
	MemoryContext context = CurrentMemoryContext;
	bool found;

	statements_begin();
	found = STATEMENT_RUN(&statements[PIECE], value_text(*id)) > 0;
	if (found)
	{
		NullableDatum users = row_argument(0, 1, TEXTARRAYOID);
		NullableDatum placements = row_argument(0, 2, TEXTARRAYOID);
		NullableDatum times = row_argument(0, 3, TIMESTAMPTZARRAYOID);

		*id = MemoryContextStrdup(context, row_text(0, 4));
		STATEMENT_RUN(&statements[NOTE_PIECE], value_time(now), value_bool(true), users, placements,
		              times);
	}
	statements_end();
	return found;
}

SQL_TRIGGER(edurange_completions_truncated)
{
	TimestampTz now = GetCurrentTimestamp();
	char *id = "";

	(void) trigger_data(fcinfo, TRIGGER_EVENT_BEFORE | TRIGGER_EVENT_TRUNCATE);
	while (note_piece(now, &id))
		CHECK_FOR_INTERRUPTS();
	return PointerGetDatum(NULL);
}

SQL_TRIGGER(edurange_forget_completions)
{
	TriggerData *trigger = trigger_data(fcinfo, TRIGGER_EVENT_AFTER);
	bool is_user = strcmp(RelationGetRelationName(trigger->tg_relation), "User") == 0;

	statements_begin();
	if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		STATEMENT_RUN(&statements[is_user ? FORGET_USER : FORGET_PLACEMENT],
		              value_text(tuple_text(trigger, trigger->tg_trigtuple, "id")));
	else
		statement_run(&statements[FORGET_ALL], NULL, 0);
	statements_end();
	return PointerGetDatum(NULL);
}
