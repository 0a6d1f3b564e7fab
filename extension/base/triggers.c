/*
 * triggers.c
 *	  What a trigger is called with.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "base/refusal.h"
#include "base/shapes.h"
#include "base/triggers.h"

TriggerData *
trigger_data(FunctionCallInfo fcinfo, TriggerEvent timing)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	bool before = TRIGGER_FIRED_BEFORE(timing);
	bool truncate = TRIGGER_FIRED_BY_TRUNCATE(timing);
	bool update = TRIGGER_FIRED_BY_UPDATE(timing);

	if (!CALLED_AS_TRIGGER(fcinfo) ||
	    ((trigger->tg_event ^ timing) & TRIGGER_EVENT_TIMINGMASK) != 0 ||
	    (truncate ? !TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event)
	              : before && !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) &&
	                    !(update && TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))))
		ereport(ERROR,
		        (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		         errmsg("function must be called as %s trigger", truncate ? "a BEFORE TRUNCATE"
		                                                         : before ? "a BEFORE ROW"
		                                                                  : "an AFTER")));
	return trigger;
}

Datum
tuple_value(TriggerData *trigger, HeapTuple tuple, const char *column, Oid type)
{
	int number = shape_column(trigger->tg_relation, column, type);
	bool is_null;
	Datum value = SPI_getbinval(tuple, RelationGetDescr(trigger->tg_relation), number, &is_null);

	if (is_null)
		schema_changed("%s.%s is null", shape_name(trigger->tg_relation), quote_identifier(column));
	return value;
}

char *
tuple_text(TriggerData *trigger, HeapTuple tuple, const char *column)
{
	return TextDatumGetCString(tuple_value(trigger, tuple, column, TEXTOID));
}
