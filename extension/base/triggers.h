/*
 * triggers.h
 *	  What a trigger is called with.
 */
#ifndef EDURANGE_TRIGGERS_H
#define EDURANGE_TRIGGERS_H

#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"

/*
 * The data of one that is called as it must be, before or after (a constant TRIGGER_EVENT_…; before: for each row, or
 * with TRIGGER_EVENT_TRUNCATE before that, with TRIGGER_EVENT_UPDATE also before a whole statement of these), else an
 * error.
 */
extern TriggerData *trigger_data(FunctionCallInfo fcinfo, TriggerEvent timing);

/* A column of a trigger's tuple, by name: adopted tables may order their columns otherwise. */
extern Datum tuple_value(TriggerData *trigger, HeapTuple tuple, const char *column, Oid type);
extern char *tuple_text(TriggerData *trigger, HeapTuple tuple, const char *column);

#endif
