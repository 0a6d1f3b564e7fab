/*
 * fill_row.c
 *	  The id of a row that is inserted without one, and its "updatedAt".
 *
 * Prisma's client makes both, and the platform's tables have no defaults for them; raw SQL of the dashboard
 * leaves them out.  A default of ours would be a difference to Prisma, which drops it; a trigger it does not
 * see.  A BEFORE ROW trigger comes before NOT NULL is checked.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/ids.h"
#include "base/surface.h"

/* The number of a column of this type that the row leaves null; 0 where there is none. */
static int
null_column(TriggerData *trigger, const char *name, Oid type)
{
	TupleDesc descriptor = RelationGetDescr(trigger->tg_relation);
	int number = SPI_fnumber(descriptor, name);

	if (number <= 0 || TupleDescAttr(descriptor, number - 1)->atttypid != type ||
	    !heap_attisnull(trigger->tg_trigtuple, number, descriptor))
		return 0;
	return number;
}

/* The time of the transaction in UTC, as a column of the descriptor rounds it. */
static Datum
transaction_time(TupleDesc descriptor, int number)
{
	/* without a zone, the number of a time in UTC is that of the same time with one */
	return DirectFunctionCall2(timestamp_scale,
	                           TimestampGetDatum(GetCurrentTransactionStartTimestamp()),
	                           Int32GetDatum(TupleDescAttr(descriptor, number - 1)->atttypmod));
}

/*
 * Runs in the name of whoever inserts, and needs no other: it evaluates nothing of anybody's.  There is no
 * WHEN, which would cost each statement more than all of this.
 */
SQL_FUNCTION_ANYWHERE(edurange_fill_row)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc descriptor;
	int columns[2];
	Datum values[2];
	bool nulls[2] = {false, false};
	int count = 0;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
	    !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || !TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg("function must be called as a BEFORE INSERT trigger of rows")));
	descriptor = RelationGetDescr(trigger->tg_relation);
	if ((columns[count] = null_column(trigger, "id", TEXTOID)) > 0)
		values[count++] = CStringGetTextDatum(new_id());
	if ((columns[count] = null_column(trigger, "updatedAt", TIMESTAMPOID)) > 0)
	{
		values[count] = transaction_time(descriptor, columns[count]);
		count++;
	}
	if (count == 0)
		return PointerGetDatum(trigger->tg_trigtuple);
	return PointerGetDatum(heap_modify_tuple_by_cols(trigger->tg_trigtuple, descriptor, count,
	                                                 columns, values, nulls));
}
