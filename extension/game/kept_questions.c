/*
 * kept_questions.c
 *	  A question that somebody worked at is not deleted; one that is takes the mark that it was retired along.
 *
 * Whoever answers a question holds its row, and so does whoever deletes it, before the trigger is asked: an
 * attempt is there by then, or it waits and finds no question.  At REPEATABLE READ and above an attempt that
 * came later than the snapshot is not seen here; the foreign key, which would delete it, fails to serialize.
 *
 * A question that goes with its challenge goes: what holds a challenge is that it is played, which the
 * platform's own keys see to.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"

#include "base/statements.h"
#include "base/surface.h"
#include "base/triggers.h"
#include "game/retired.h"

typedef enum StatementId
{
	IS_KEPT,
	FORGET,
	FORGET_ALL,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* $1 question, $2 its challenge, which the deletion of the challenge itself has made invisible */
    [IS_KEPT] = {"SELECT 1 FROM (SELECT $1) AS q (id) WHERE " QUESTION_IS_WORKED_AT
                 " AND EXISTS (SELECT FROM public.\"Challenge\" c WHERE c.id = $2)",
                 {TEXTOID, TEXTOID},
                 .by_key = true},
    [FORGET] = {"DELETE FROM edurange.retired_question WHERE question_id = $1",
                {TEXTOID},
                .by_key = true},
    [FORGET_ALL] = {"DELETE FROM edurange.retired_question", {InvalidOid}},
};

/*
 * Not from the table of errors: no function of ours ever deletes such a question.  The platform's client
 * knows this SQLSTATE, as P2003, and the constraint.
 */
static void
refuse_deletion(const char *question_id)
{
	ereport(ERROR,
	        (errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
	         errmsg("question \"%s\" has attempts or completions and is not deleted", question_id),
	         errhint("Import the challenge's document without it: the question is retired."),
	         err_generic_string(PG_DIAG_SCHEMA_NAME, "public"),
	         err_generic_string(PG_DIAG_TABLE_NAME, "QuestionAttempt"),
	         err_generic_string(PG_DIAG_CONSTRAINT_NAME, "QuestionAttempt_questionId_fkey")));
}

SQL_TRIGGER(edurange_keep_question)
{
	TriggerData *trigger = trigger_data(fcinfo, TRIGGER_EVENT_BEFORE);
	char *question_id;

	statements_begin();
	question_id = tuple_text(trigger, trigger->tg_trigtuple, "id");
	if (STATEMENT_RUN(&statements[IS_KEPT], value_text(question_id),
	                  value_text(tuple_text(trigger, trigger->tg_trigtuple, "challengeId"))) > 0)
		refuse_deletion(question_id);
	statements_end();
	return PointerGetDatum(trigger->tg_trigtuple);
}

SQL_TRIGGER(edurange_question_deleted)
{
	TriggerData *trigger = trigger_data(fcinfo, TRIGGER_EVENT_AFTER);

	statements_begin();
	if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		STATEMENT_RUN(&statements[FORGET],
		              value_text(tuple_text(trigger, trigger->tg_trigtuple, "id")));
	else
		statement_run(&statements[FORGET_ALL], NULL, 0);
	statements_end();
	return PointerGetDatum(NULL);
}
