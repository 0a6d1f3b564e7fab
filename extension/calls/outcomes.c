/*
 * outcomes.c
 *	  Many calls of one function in one statement, each with its own outcome.
 *
 * Requests that come together share a transaction, and so its commit.  A refusal must not hurt the
 * neighbours, so it becomes a row here: the function is called below the SQL surface, and the error that
 * raise_refusal() raises is caught around the call.  Nothing has to be undone then, because a refused
 * call has written nothing: only functions that are marked so may be called (SQL_FUNCTION_BATCHABLE).  Any
 * other error is raised on and undoes all calls.
 *
 * Whoever sends a batch holds all of its answers at once, and does not know beforehand how large they are.  So once they
 * are large the calls that are left are refused without being run, to be sent again in the next batch.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "base/arguments.h"
#include "base/guc.h"
#include "base/refusal.h"
#include "base/surface.h"
#include "base/wire.h"
#include "calls/outcomes.h"

#define COLUMNS 5
#define MAX_ARGUMENTS 16
#define MAX_SYMBOLS 128
#define MAX_ATTRIBUTES 8
#define MOST_TEXTS 1000000 /* a null is a bit as it comes, and nine bytes in a list */
#define BATCH_ANSWER_BYTES                                                                         \
	(1024 * 1024)      /* of the answers so far, beyond which no further call is run */
#define CALLER_TEXTS 3 /* of a call that does not say how many: before there was an acting user */

/* One argument of the function; a row type takes one text for each of its first attributes, the others are null. */
typedef struct Argument
{
	Oid type;
	Oid input;
	Oid parameter;
	TupleDesc descriptor; /* of a row type, else NULL */
	int texts;
} Argument;

/* The function that is called. */
typedef struct Target
{
	FmgrInfo function;
	Oid result_type;
	int count;
	Argument arguments[MAX_ARGUMENTS];
	int caller_texts; /* how many say who calls */
	int width;        /* texts that one call takes */
} Target;

/* A C function of this library. */
typedef struct Symbol
{
	char *name;
	PGFunction function;
	bool is_batchable;
} Symbol;

/* What the rooms above write at the end of a batch. */
static const BatchWork *batch_work;

void
outcomes_register(const BatchWork *work)
{
	batch_work = work;
}

/* Does the function refuse before it writes, so that a refused call needs not be undone? */
static bool
is_batchable(char *library, const char *symbol)
{
	return load_external_function(library, psprintf("%s_batchable", symbol), false, NULL) != NULL;
}

/* A C function of this library by its symbol; looked up once in a session. */
static const Symbol *
find_symbol(char *library, char *name)
{
	static Symbol known[MAX_SYMBOLS];
	static int count = 0;
	Symbol *symbol;

	for (int i = 0; i < count; i++)
	{
		if (strcmp(known[i].name, name) == 0)
			return &known[i];
	}
	if (count == MAX_SYMBOLS)
		elog(ERROR, "the library has too many functions");
	symbol = &known[count];
	symbol->function = load_external_function(library, name, true, NULL);
	symbol->is_batchable = is_batchable(library, name);
	symbol->name = MemoryContextStrdup(TopMemoryContext, name);
	count++;
	return symbol;
}

/* A text attribute of a function's row in the catalogue. */
static char *
function_text(HeapTuple tuple, AttrNumber attribute)
{
	bool is_null;
	Datum value = SysCacheGetAttr(PROCOID, tuple, attribute, &is_null);

	return is_null ? NULL : TextDatumGetCString(value);
}

/* The one function of that name in the schema of the calling one. */
static HeapTuple
find_function(Oid schema, const char *name)
{
	CatCList *list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	HeapTuple found = NULL;

	for (int i = 0; i < list->n_members && found == NULL; i++)
	{
		HeapTuple tuple = &list->members[i]->tuple;

		if (((Form_pg_proc) GETSTRUCT(tuple))->pronamespace == schema)
			found = heap_copytuple(tuple);
	}
	ReleaseSysCacheList(list);
	return found;
}

static void
read_arguments(Target *target, Form_pg_proc function)
{
	target->count = function->pronargs;
	if (target->count > MAX_ARGUMENTS)
		elog(ERROR, "function \"%s\" has too many arguments", NameStr(function->proname));
	for (int i = 0; i < target->count; i++)
	{
		Argument *argument = &target->arguments[i];

		argument->type = function->proargtypes.values[i];
		argument->texts = 1;
		if (type_is_rowtype(argument->type))
		{
			argument->descriptor = lookup_rowtype_tupdesc_copy(argument->type, -1);
			if (argument->descriptor->natts > MAX_ATTRIBUTES)
				elog(ERROR, "an argument of function \"%s\" has too many attributes",
				     NameStr(function->proname));
			argument->texts = Min(target->caller_texts, argument->descriptor->natts);
			target->width += argument->texts;
			continue;
		}
		getTypeInputInfo(argument->type, &argument->input, &argument->parameter);
		target->width++;
	}
}

/*
 * Finds the function, which who calls must be allowed to call.  It is called without what the SQL surface
 * does around it, which was done once for the whole batch.
 */
static void
find_target(FunctionCallInfo fcinfo, char *name, Target *target)
{
	Oid self = fcinfo->flinfo->fn_oid;
	HeapTuple tuple = find_function(get_func_namespace(self), name);
	Form_pg_proc function = tuple != NULL ? (Form_pg_proc) GETSTRUCT(tuple) : NULL;
	const Symbol *known;

	if (function != NULL && !surface_may_execute(function->oid))
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, name);
	known = function != NULL && function->prolang == ClanguageId
	            ? find_symbol(function_text(tuple, Anum_pg_proc_probin),
	                          function_text(tuple, Anum_pg_proc_prosrc))
	            : NULL;
	if (known == NULL || !known->is_batchable)
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"function\" must name a function that may be called in a batch");
	fmgr_info(function->oid, &target->function);
	target->function.fn_addr = known->function;
	target->result_type = function->prorettype;
	read_arguments(target, function);
}

/* One argument of the texts that it takes. */
static NullableDatum
make_argument(const Argument *argument, const Datum *texts, const bool *nulls)
{
	NullableDatum value = {.isnull = true};
	Datum attributes[MAX_ATTRIBUTES] = {0};
	bool missing[MAX_ATTRIBUTES];

	if (argument->descriptor == NULL)
	{
		value.isnull = nulls[0];
		if (!value.isnull)
			value.value = argument->type == TEXTOID
			                  ? texts[0]
			                  : OidInputFunctionCall(argument->input, TextDatumGetCString(texts[0]),
			                                         argument->parameter, -1);
		return value;
	}
	for (int i = 0; i < argument->descriptor->natts; i++)
	{
		missing[i] = i >= argument->texts || nulls[i];
		attributes[i] = missing[i] ? (Datum) 0 : texts[i];
		value.isnull = value.isnull && missing[i];
	}
	if (!value.isnull)
		value.value = HeapTupleGetDatum(heap_form_tuple(argument->descriptor, attributes, missing));
	return value;
}

/* Calls the function once; returns its refusal, or NULL with the value. */
static ErrorData *
call_target(FunctionCallInfo call, RefusalFrame *frame, Datum *value)
{
	MemoryContext context = CurrentMemoryContext;
	RefusalFrame *outer = refusal_frame;
	Surface surface;
	ErrorData *volatile refusal = NULL;

	surface_note(&surface);
	PG_TRY();
	{
		refusal_frame = frame;
		surface_share(true);
		*value = FunctionCallInvoke(call);
		surface_share(false);
		refusal_frame = outer;
	}
	PG_CATCH();
	{
		surface_share(false);
		refusal_frame = outer;
		if (!frame->refused)
			PG_RE_THROW();
		while (frame->open-- > 0)
			SPI_finish();
		MemoryContextSwitchTo(context);
		refusal = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	surface_restore(&surface);
	return refusal;
}

/* Adds the row of a call, of texts that may be missing. */
static void
put_row(ReturnSetInfo *results, const char *const parts[COLUMNS])
{
	Datum columns[COLUMNS] = {0};
	bool empty[COLUMNS];

	for (int i = 0; i < COLUMNS; i++)
	{
		empty[i] = parts[i] == NULL;
		columns[i] = empty[i] ? (Datum) 0 : CStringGetTextDatum(parts[i]);
	}
	tuplestore_putvalues(results->setResult, results->setDesc, columns, empty);
}

/* Makes one call and its row; returns the bytes of its answer. */
static int
run_call(const Target *target, const Datum *texts, const bool *nulls, ReturnSetInfo *results)
{
	LOCAL_FCINFO(call, MAX_ARGUMENTS);
	RefusalFrame frame = {.refused = false};
	ErrorData *refusal = NULL;
	const char *parts[COLUMNS] = {0};
	StringInfoData json = {0};
	bool skip = false;
	Datum value = 0;

	InitFunctionCallInfoData(*call, (FmgrInfo *) &target->function, target->count,
	                         DEFAULT_COLLATION_OID, NULL, NULL);
	for (int i = 0; i < target->count; i++)
	{
		const Argument *argument = &target->arguments[i];

		call->args[i] = make_argument(argument, texts, nulls);
		skip = skip || (target->function.fn_strict && call->args[i].isnull);
		texts += argument->texts;
		nulls += argument->texts;
	}
	if (!skip)
		refusal = call_target(call, &frame, &value);
	if (refusal != NULL)
	{
		parts[1] = unpack_sql_state(refusal->sqlerrcode);
		parts[2] = refusal->message;
		parts[3] = refusal->detail;
		parts[4] = refusal->hint;
	}
	else if (!skip && !call->isnull)
	{
		initStringInfo(&json);
		wire_value(&json, value, target->result_type);
		/* (what a call has written is told, however long that takes) */
		if (json.len > ANSWER_BYTES && !frame.wrote)
		{
			parts[1] = refusal_sqlstate(EDURANGE_RESPONSE_TOO_LARGE);
			parts[2] = psprintf(ANSWER_TOO_LARGE);
			json.len = 0;
		}
		else
			parts[0] = json.data;
	}
	put_row(results, parts);
	return json.len;
}

/* Makes all calls that there is room for; what they record of totals is written once, behind the last. */
static void
run_calls(const Target *target, const Datum *texts, const bool *nulls, int count,
          ReturnSetInfo *results)
{
	MemoryContext outer = CurrentMemoryContext;
	MemoryContext context =
	    AllocSetContextCreate(outer, "edurange outcome", ALLOCSET_DEFAULT_SIZES);
	const char *const not_run[COLUMNS] = {
	    NULL, refusal_sqlstate(EDURANGE_TOO_BUSY),
	    "the call was not made, because answers to others are as large as a batch may have them"};
	int64 answered = 0;

	batch_work->begin(outer);
	PG_TRY();
	{
		for (int i = 0; i < count; i += target->width)
		{
			CHECK_FOR_INTERRUPTS();
			MemoryContextSwitchTo(context);
			if (answered <= BATCH_ANSWER_BYTES)
				answered += run_call(target, texts + i, nulls + i, results);
			else
				put_row(results, not_run);
			MemoryContextSwitchTo(outer);
			MemoryContextReset(context);
		}
		batch_work->end();
	}
	PG_CATCH();
	{
		batch_work->abandon();
		PG_RE_THROW();
	}
	PG_END_TRY();
	MemoryContextDelete(context);
}

SQL_FUNCTION_OF(edurange_outcomes, PACK_BYTES)
{
	char *name = required_text(fcinfo, 0, "function");
	Target target = {.caller_texts = CALLER_TEXTS};
	ArrayType *arguments;
	Datum *texts;
	bool *nulls;
	int count;

	require_argument(fcinfo, 1, "arguments");
	arguments = PG_GETARG_ARRAYTYPE_P(1);
	if (ArrayGetNItems(ARR_NDIM(arguments), ARR_DIMS(arguments)) > MOST_TEXTS)
		raise_error(EDURANGE_PAYLOAD_TOO_LARGE, "parameter \"arguments\" has more than %d elements",
		            MOST_TEXTS);
	if (PG_NARGS() > 2)
		target.caller_texts = int_between(fcinfo, 2, "caller_texts", 1, MAX_ATTRIBUTES);
	find_target(fcinfo, name, &target);
	deconstruct_array(arguments, TEXTOID, -1, false, TYPALIGN_INT, &texts, &nulls, &count);
	if (target.width == 0 || count % target.width != 0)
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"arguments\" must have a multiple of %d elements", target.width);
	InitMaterializedSRF(fcinfo, 0);
	/* neighbours of a call that waits are made to wait no longer than they would for a few commits */
	if (count > target.width)
		guc_limit_lock_wait(guc_batch_lock_timeout);
	run_calls(&target, texts, nulls, count, (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}
