/*
 * parts.c
 *	  Work on rows of the platform: on all at once, and where that is refused on parts of them.
 *
 * What others hang on these tables, a trigger, a CHECK, a key of a table of theirs, may refuse one row, or wait for
 * somebody because of it.  That delays this row and no other: work that is refused is undone and done in halves,
 * until what is refused stands alone.  Looking for it has a bound: what was not tried by then is left for the next
 * pass.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "base/guc.h"
#include "base/monotonic.h"
#include "base/statement_errors.h"
#include "base/statements.h"
#include "base/surface.h"
#include "sync/parts.h"

/* How long a part may wait for a lock, and how long a pass looks for what is refused. */
#define LOCK_WAIT "200ms"
#define LONGEST_SEARCH_MS 2000

/* Work that is under way. */
typedef struct Search
{
	PartWork work;
	void *argument;
	int64 ends; /* 0: nothing was refused yet */
	Parts parts;
} Search;

/* A part of the work. */
typedef struct Part
{
	Search *search;
	int first;
	int count;
} Part;

static void
do_part(void *argument)
{
	Part *part = argument;
	int level = NewGUCNestLevel();

	guc_set_locally("lock_timeout", LOCK_WAIT);
	part->search->work(part->search->argument, part->first, part->count);
	AtEOXact_GUC(true, level);
}

/* Is the error about the rows, and not about the server, or about tables that are not as they were? */
static bool
is_about_rows(const ErrorData *error)
{
	static const int others[] = {
	    ERRCODE_INSUFFICIENT_RESOURCES,
	    ERRCODE_OPERATOR_INTERVENTION,
	    ERRCODE_SYSTEM_ERROR,
	};

	for (int i = 0; i < lengthof(others); i++)
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TO_CATEGORY(others[i]))
			return false;
	return !statement_error_is_ours(error);
}

/* Why a part was refused, and is undone; NULL: it is done.  locked: for what others hold. */
static char *
try_part(Part *part, bool *locked)
{
	MemoryContext context = CurrentMemoryContext;
	char *volatile problem = NULL;
	Surface surface;

	surface_note(&surface);
	PG_TRY();
	{
		in_subtransaction(do_part, part, true);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (!is_about_rows(error))
			PG_RE_THROW();
		FlushErrorState();
		*locked = error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
		problem = error->message;
	}
	PG_END_TRY();
	surface_restore(&surface);
	return problem;
}

static void
leave(Parts *parts, int first, int count)
{
	memset(&parts->left[first], true, count * sizeof(bool));
	parts->undone += count;
}

/* Does a part, or what of it is not refused. */
static void
search(Search *search_for, int first, int count)
{
	Parts *parts = &search_for->parts;
	Part part = {search_for, first, count};
	bool locked = false;
	char *problem;

	if (search_for->ends != 0 && monotonic_ms() >= search_for->ends)
	{
		leave(parts, first, count);
		return;
	}
	problem = try_part(&part, &locked);
	if (problem == NULL)
		return;
	if (search_for->ends == 0)
		search_for->ends = monotonic_ms() + LONGEST_SEARCH_MS;
	if (count > 1)
	{
		search(search_for, first, count / 2);
		search(search_for, first + count / 2, count - count / 2);
		return;
	}
	leave(parts, first, 1);
	parts->locked[first] = locked;
	parts->refused[first] = !locked;
	if (!locked && parts->refusals++ == 0)
		parts->problem = problem;
}

Parts
work_in_parts(int count, PartWork work, void *argument)
{
	Search all = {.work = work,
	              .argument = argument,
	              .parts = {.left = palloc0(sizeof(bool) * Max(count, 1)),
	                        .refused = palloc0(sizeof(bool) * Max(count, 1)),
	                        .locked = palloc0(sizeof(bool) * Max(count, 1))}};

	if (count > 0)
		search(&all, 0, count);
	return all.parts;
}

int
length_of(NullableDatum array)
{
	ArrayType *whole = array.isnull ? NULL : DatumGetArrayTypeP(array.value);

	return whole == NULL ? 0 : ArrayGetNItems(ARR_NDIM(whole), ARR_DIMS(whole));
}

NullableDatum
part_of(NullableDatum array, int first, int count)
{
	int lower[] = {first + 1};
	int upper[] = {first + count};
	bool given[] = {true};
	int16 length;
	bool by_value;
	char align;

	if (first == 0 && count == length_of(array))
		return array;
	get_typlenbyvalalign(ARR_ELEMTYPE(DatumGetArrayTypeP(array.value)), &length, &by_value, &align);
	return (NullableDatum){.value = array_get_slice(array.value, 1, upper, lower, given, given, -1,
	                                                length, by_value, align)};
}

Datum *
texts_of(NullableDatum texts, int *count)
{
	Datum *values;

	deconstruct_array(DatumGetArrayTypeP(texts.value), TEXTOID, -1, false, 'i', &values, NULL,
	                  count);
	return values;
}

NullableDatum
chosen_of(NullableDatum texts, const bool *truths, bool which)
{
	int count;
	Datum *values = texts_of(texts, &count);
	int kept = 0;

	for (int i = 0; i < count; i++)
		if (truths[i] == which)
			values[kept++] = values[i];
	return (NullableDatum){
	    .value = PointerGetDatum(construct_array(values, kept, TEXTOID, -1, false, 'i'))};
}

char *
first_of(NullableDatum texts, const bool *truths)
{
	int count;
	Datum *values = texts_of(texts, &count);
	int first = 0;

	while (first < count - 1 && !truths[first])
		first++;
	return TextDatumGetCString(values[first]);
}
