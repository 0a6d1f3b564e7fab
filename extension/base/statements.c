/*
 * statements.c
 *	  Running SQL statements with plans that are kept for the session.
 *
 * Plans are found again when tables change, are dropped or come back: PostgreSQL analyzes and plans a kept
 * statement anew when what it speaks of has changed.  That can be in the middle of an execution, when the
 * tables are locked and somebody turns out to have altered one.  So what we do at these times, comparing the
 * tables' shapes and planning by key, is done in the server's hooks: it cannot be missed, and an execution
 * that finds its plan valid pays nothing for it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/trigger.h"
#include "executor/tstoreReceiver.h"
#include "funcapi.h"
#include "optimizer/plancat.h"
#include "optimizer/planner.h"
#include "parser/analyze.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "base/guc.h"
#include "base/held_keys.h"
#include "base/refusal.h"
#include "base/shapes.h"
#include "base/statement_errors.h"
#include "base/statements.h"
#include "base/surface.h"

/* Two of the newest, since somebody may have dropped one; all migrations are one transaction. */
static const char *const newest_tables[] = {"board_rule", "feed_origin"};

/* Beside the results of SPI: the statement was not executed. */
#define NOT_RECORDED (-1000)

static post_parse_analyze_hook_type analyzed_before;
static planner_hook_type plan_before;
static get_relation_info_hook_type sizes_before;

/*
 * So many rows a table has at least for who plans a statement that finds rows by keys; so many of them on a page, and so
 * many entries on a page of an index.
 */
#define LARGE_TABLE 1000000
#define ROWS_OF_A_PAGE 50
#define ENTRIES_OF_A_PAGE 200
#define LARGE_HEIGHT 2

/* Such a statement is being planned. */
static bool takes_for_large;

/* The statement under way, innermost, and the one that ran last. */
static const Statement *running;
static const Statement *ran_last;

/* Opens the use of statements for the current function. */
void
statements_begin(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	if (refusal_frame != NULL)
		refusal_frame->open++;
}

/* Closes it and frees what its rows held. */
void
statements_end(void)
{
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not finish SPI");
	if (refusal_frame != NULL)
		refusal_frame->open--;
}

/* Ends the current subtransaction. */
static void
end_subtransaction(bool keep, MemoryContext context, ResourceOwner owner, RefusalFrame *frame)
{
	if (keep)
		ReleaseCurrentSubTransaction();
	else
		RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	refusal_frame = frame;
}

void
in_subtransaction(void (*work)(void *argument), void *argument, bool keep)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	RefusalFrame *frame = refusal_frame;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	refusal_frame = NULL;
	PG_TRY();
	{
		work(argument);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		end_subtransaction(false, context, owner, frame);
		ReThrowError(error);
	}
	PG_END_TRY();
	end_subtransaction(keep, context, owner, frame);
}

/* By what statements are planned that find rows by keys, whatever the session would have. */
static const char *const planning[][2] = {
    {"enable_seqscan", "off"},
    {"enable_indexscan", "on"},
    {"enable_indexonlyscan", "on"},
    {"enable_bitmapscan", "on"},
    {"enable_nestloop", "on"},
    {"jit", "off"},
    {"seq_page_cost", "1"},
    {"random_page_cost", "4"},
    {"cpu_tuple_cost", "0.01"},
    {"cpu_operator_cost", "0.0025"},
    {"cpu_index_tuple_cost", "0.005"},
    {"from_collapse_limit", "8"},
    {"join_collapse_limit", "8"},
};

/* Is this the statement under way, and nothing that it has called? */
static bool
is_running(const char *sql)
{
	return running != NULL && sql != NULL && strcmp(running->sql, sql) == 0;
}

/* Hook: a statement was analyzed. */
static void
analyzed(ParseState *state, Query *query, JumbleState *jumble)
{
	if (analyzed_before != NULL)
		analyzed_before(state, query, jumble);
	if (is_running(state->p_sourcetext))
		shapes_check_query(query);
}

static PlannedStmt *
plan_as_is(Query *query, const char *sql, int options, ParamListInfo parameters)
{
	return plan_before != NULL ? plan_before(query, sql, options, parameters)
	                           : standard_planner(query, sql, options, parameters);
}

/*
 * Hook: the planner reads how large a table is.  A small one counts as large: over few rows all indexes cost the same, so
 * any would do that has one of the columns.
 */
static void
take_for_large(PlannerInfo *root, Oid table, bool is_parent, RelOptInfo *relation)
{
	ListCell *cell;

	if (sizes_before != NULL)
		sizes_before(root, table, is_parent, relation);
	if (!takes_for_large || relation->tuples >= LARGE_TABLE)
		return;
	relation->tuples = LARGE_TABLE;
	relation->pages = Max(relation->pages, LARGE_TABLE / ROWS_OF_A_PAGE);
	foreach (cell, relation->indexlist)
	{
		IndexOptInfo *index = lfirst_node(IndexOptInfo, cell);

		index->tuples = LARGE_TABLE;
		index->pages = Max(index->pages, LARGE_TABLE / ENTRIES_OF_A_PAGE);
		index->tree_height = Max(index->tree_height, LARGE_HEIGHT);
	}
}

/*
 * Hook: plans a statement.  One of ours that finds rows by keys is planned once for all values, as if tables
 * were large.  A table that is empty or small would be read whole, and a session that keeps such a plan would
 * go on to do so while the table grows, until it is analyzed.
 */
static PlannedStmt *
plan(Query *query, const char *sql, int options, ParamListInfo parameters)
{
	PlannedStmt *planned;
	int level;

	if (!is_running(sql) || !running->by_key)
		return plan_as_is(query, sql, options, parameters);
	level = NewGUCNestLevel();
	for (int i = 0; i < lengthof(planning); i++)
		guc_set_locally(planning[i][0], planning[i][1]);
	takes_for_large = true;
	PG_TRY();
	{
		planned = plan_as_is(query, sql, options, parameters);
	}
	PG_FINALLY();
	{
		takes_for_large = false;
	}
	PG_END_TRY();
	AtEOXact_GUC(true, level);
	return planned;
}

void
statements_register(void)
{
	analyzed_before = post_parse_analyze_hook;
	post_parse_analyze_hook = analyzed;
	plan_before = planner_hook;
	planner_hook = plan;
	sizes_before = get_relation_info_hook;
	get_relation_info_hook = take_for_large;
	held_keys_register();
}

bool
tables_are_migrated(void)
{
	Oid schema = get_namespace_oid("edurange", true);

	for (int i = 0; OidIsValid(schema) && i < lengthof(newest_tables); i++)
		if (OidIsValid(get_relname_relid(newest_tables[i], schema)))
			return true;
	return false;
}

/* Does the plan change rows? */
static bool
plan_writes(SPIPlanPtr plan)
{
	ListCell *source;
	ListCell *query;

	foreach (source, SPI_plan_get_plan_sources(plan))
		foreach (query, ((CachedPlanSource *) lfirst(source))->query_list)
		{
			const Query *one = lfirst_node(Query, query);

			if (one->hasModifyingCTE ||
			    (one->commandType != CMD_SELECT && one->commandType != CMD_UTILITY))
				return true;
		}
	return false;
}

/*
 * Do our triggers record what is written?  Where they do not fire, only what they do themselves is written, as
 * where somebody has them fire always.
 */
static bool
is_recorded(void)
{
	return SessionReplicationRole != SESSION_REPLICATION_ROLE_REPLICA ||
	       DatumGetInt32(pg_trigger_depth(NULL)) > 0;
}

/* Makes the plan and keeps it. */
static void
statement_prepare(Statement *statement)
{
	int count = 0;
	SPIPlanPtr prepared;

	while (count < STATEMENT_MAX_ARGUMENTS && OidIsValid(statement->argument_types[count]))
		count++;
	prepared = SPI_prepare_cursor(statement->sql, count, statement->argument_types,
	                              statement->by_key ? CURSOR_OPT_GENERIC_PLAN : 0);
	if (prepared == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", statement->sql,
		     SPI_result_code_string(SPI_result));
	if (SPI_keepplan(prepared) != 0)
		elog(ERROR, "could not keep a plan");
	statement->plan = prepared;
	statement->writes = plan_writes(prepared);
}

/* Plans the statement where it has to be planned, and executes it; its rows go to dest, NULL: to SPI's table. */
static int
execute(Statement *statement, ParamListInfo parameters, DestReceiver *dest)
{
	const SPIExecuteOptions options = {
	    .params = parameters,
	    .read_only = statement->reads || statement->newest,
	    .dest = dest,
	};
	int result;

	if (statement->plan == NULL)
		statement_prepare(statement);
	if (statement->writes && !is_recorded())
		return NOT_RECORDED;
	if (statement->newest)
		PushActiveSnapshot(GetLatestSnapshot());
	held_keys_expect(statement->keys_held ? statement->sql : NULL);
	result = SPI_execute_plan_extended(statement->plan, &options);
	if (statement->newest)
		PopActiveSnapshot();
	return result;
}

/* What a statement was analyzed to last; NULL where it has not been. */
static const Query *
analyzed_query(const Statement *statement)
{
	List *sources = statement->plan != NULL ? SPI_plan_get_plan_sources(statement->plan) : NIL;
	List *queries = sources != NIL ? ((CachedPlanSource *) linitial(sources))->query_list : NIL;

	return queries != NIL ? linitial_node(Query, queries) : NULL;
}

char *
table_name(Oid table)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(table)),
	                                  get_rel_name(table));
}

/* Raises that a statement has written no row. */
static void
wrote_none(const Statement *statement)
{
	const Query *query = analyzed_query(statement);
	char *table;

	if (query == NULL || query->resultRelation == 0)
		return;
	table = table_name(rt_fetch(query->resultRelation, query->rtable)->relid);
	/* (one that finds a row there already, which it does not see, says so itself) */
	if (query->commandType == CMD_INSERT)
		new_row_kept_out(table);
	row_kept_out(table);
}

void
new_row_kept_out(const char *table)
{
	schema_changed("a trigger on %s keeps rows from being written", table);
}

void
row_kept_out(const char *table)
{
	if (IsolationUsesXactSnapshot())
		row_unseen(table);
	new_row_kept_out(table);
}

void
row_unseen(const char *table)
{
	raise_error(EDURANGE_TRY_AGAIN, "rows of %s were changed since the transaction began", table);
}

const Query *
query_ran_last(void)
{
	return analyzed_query(ran_last);
}

void
row_is_missing(uint64 row)
{
	wrote_none(ran_last);
	elog(ERROR, "no row " UINT64_FORMAT " came of \"%s\"", row, ran_last->sql);
}

/* Notes for who would catch a refusal that rows were changed; behind a WITH, how many is not known. */
static void
note_changes(const Statement *statement)
{
	if (refusal_frame != NULL && statement->writes &&
	    (SPI_processed > 0 || analyzed_query(statement)->hasModifyingCTE))
		refusal_frame->wrote = true;
}

/* The arguments as an execution takes them, to be freed; NULL: none. */
static ParamListInfo
make_parameters(const Statement *statement, const NullableDatum *arguments, int count)
{
	ParamListInfo parameters = makeParamList(count);

	for (int i = 0; i < count; i++)
		parameters->params[i] = (ParamExternData){
		    .value = arguments[i].value,
		    .isnull = arguments[i].isnull,
		    .pflags = PARAM_FLAG_CONST,
		    .ptype = statement->argument_types[i],
		};
	return parameters;
}

/*
 * Runs the statement and returns how many rows it gave or changed.  One that names a table of the platform
 * is planned and executed in the name of edurange_game: both can run what others have hung on it.
 */
static uint64
run(Statement *statement, const NullableDatum *arguments, int count, DestReceiver *dest)
{
	ParamListInfo parameters = make_parameters(statement, arguments, count);
	RefusalFrame *frame = refusal_frame;
	MemoryContext context = CurrentMemoryContext;
	const Statement *outer = running;
	volatile int result = 0;

	Assert(count <= STATEMENT_MAX_ARGUMENTS);
	refusal_frame = NULL;
	running = statement;
	PG_TRY();
	{
		if (statement->plan == NULL)
			statement->of_platform = strstr(statement->sql, "public.") != NULL;
		if (statement->of_platform)
		{
			Surface saved;

			surface_lend(&saved);
			result = execute(statement, parameters, dest);
			surface_take_back(&saved);
		}
		else
			result = execute(statement, parameters, dest);
	}
	PG_CATCH();
	{
		running = outer;
		held_keys_expect(NULL);
		statement_rethrow(statement->sql, context);
	}
	PG_END_TRY();
	running = outer;
	ran_last = statement;
	refusal_frame = frame;
	if (parameters != NULL)
		pfree(parameters);
	if (result == NOT_RECORDED)
		raise_error(
		    EDURANGE_READ_ONLY,
		    "nothing is written while session_replication_role is replica: it would not be recorded");
	if (result < 0)
		elog(ERROR, "could not run \"%s\": %s", statement->sql, SPI_result_code_string(result));
	note_changes(statement);
	if (statement->must_write && SPI_processed == 0)
	{
		wrote_none(statement);
		elog(ERROR, "no row was written by \"%s\"", statement->sql);
	}
	return SPI_processed;
}

/* The statement, or before migrate() the one that stands in its stead then. */
static Statement *
current(Statement *statement)
{
	return statement->before != NULL && !tables_are_migrated() ? statement->before : statement;
}

uint64
statement_run(Statement *statement, const NullableDatum *arguments, int count)
{
	return run(current(statement), arguments, count, NULL);
}

uint64
statement_list(FunctionCallInfo fcinfo, Statement *statement, const NullableDatum *arguments,
               int count)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	DestReceiver *dest = CreateTuplestoreDestReceiver();
	uint64 rows;

	if (result->setResult == NULL)
		InitMaterializedSRF(fcinfo, 0);
	SetTuplestoreDestReceiverParams(dest, result->setResult,
	                                result->econtext->ecxt_per_query_memory, false, result->setDesc,
	                                "a statement does not list the columns of its result");
	rows = run(current(statement), arguments, count, dest);
	dest->rDestroy(dest);
	return rows;
}
