/*
 * pods.c
 *	  Pods as they were observed, gathered into arrays that statements take.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "sync/pods.h"
#include "sync/sync_sql.h"

/* Under these names sync_watch has what has none, and what has one that no pod can have. */
#define NAMELESS "(a pod without a name)"
#define SHOWN_OF_NAME 63
#define MAX_ADDRESS 2000

PodList
pods_make(int size)
{
	return (PodList){.pods = palloc(sizeof(Pod) * Max(size, 1)), .size = Max(size, 1)};
}

/* Room for one more pod, empty. */
Pod *
pods_add(PodList *list)
{
	if (list->count == list->size)
	{
		list->size *= 2;
		list->pods = repalloc_huge(list->pods, sizeof(Pod) * list->size);
	}
	list->pods[list->count] = (Pod){0};
	return &list->pods[list->count++];
}

/* Takes back what was added last. */
void
pods_drop_last(PodList *list)
{
	list->count--;
}

/*
 * Adds a pod of which no more is known than that it is listed, and perhaps its name (NULL: not even that).
 * A name that is too long is shown by its beginning, with a mark that no name has.
 */
void
pods_add_unreadable(PodList *list, char *name)
{
	Pod *pod = pods_add(list);

	if (name == NULL)
		name = pstrdup(NAMELESS);
	else if (strlen(name) > MAX_POD_NAME)
		name = psprintf("%.*s...", pg_mbcliplen(name, (int) strlen(name), SHOWN_OF_NAME), name);
	*pod = (Pod){.name = name, .listed = true, .trouble = TROUBLE_UNREADABLE};
}

bool
pod_status_known(const char *status)
{
	static const char *const known[] = {"CREATING", "ACTIVE", "TERMINATING", "ERROR"};

	for (int i = 0; i < lengthof(known); i++)
		if (strcmp(status, known[i]) == 0)
			return true;
	return false;
}

/* The name of the one secret that is a pod's own. */
char *
pod_secret_name(const char *pod_name)
{
	return psprintf(SECRET_PREFIX "%s", pod_name);
}

/* Only an address that a browser opens as a page is handed to players, and no browser opens one of any length. */
static char *
web_address(char *url)
{
	return url != NULL && strlen(url) <= MAX_ADDRESS &&
	               (pg_strncasecmp(url, "https://", 8) == 0 ||
	                pg_strncasecmp(url, "http://", 7) == 0)
	           ? url
	           : NULL;
}

/* In order of texts, those that are missing behind the others. */
static int
compare_texts(const char *left, const char *right)
{
	if (left == NULL || right == NULL)
		return (left == NULL) - (right == NULL);
	return strcmp(left, right);
}

/*
 * In order of names; the list before what get-pod-status said, what cannot be read before what can.  Nothing is
 * left to the order in which a list has its pods: which of two entries counts must not change with it.
 */
static int
compare_pods(const void *a, const void *b)
{
	static const size_t fields[] = {
	    offsetof(Pod, trouble), offsetof(Pod, status),         offsetof(Pod, url),
	    offsetof(Pod, user),    offsetof(Pod, group),          offsetof(Pod, challenge_id),
	    offsetof(Pod, secret),  offsetof(Pod, challenge_name),
	};
	const Pod *left = a;
	const Pod *right = b;
	int order = strcmp(left->name, right->name);

	if (order == 0)
		order = (int) right->listed - (int) left->listed;
	for (int i = 0; i < lengthof(fields) && order == 0; i++)
		order = compare_texts(*(char *const *) ((const char *) a + fields[i]),
		                      *(char *const *) ((const char *) b + fields[i]));
	return order;
}

/*
 * Leaves each name once.  What the list says of a pod stands before what get-pod-status says.  Where
 * the list names a pod twice it is there, but two statuses contradict each other and are none.
 */
static void
merge_pods(PodList *list)
{
	int kept = 0;

	qsort(list->pods, list->count, sizeof(Pod), compare_pods);
	for (int i = 0; i < list->count; i++)
	{
		Pod *last = kept > 0 ? &list->pods[kept - 1] : NULL;
		Pod *pod = &list->pods[i];

		if (last == NULL || strcmp(last->name, pod->name) != 0)
		{
			list->pods[kept++] = *pod;
			list->pods[kept - 1].url = web_address(pod->url);
		}
		else if (last->listed == pod->listed && (last->status == NULL || pod->status == NULL ||
		                                         strcmp(last->status, pod->status) != 0))
		{
			last->status = NULL;
			last->url = NULL;
		}
	}
	list->count = kept;
}

NullableDatum
pods_text_array(const void *first, int count, size_t stride)
{
	Datum *values;
	bool *nulls;
	int dimensions[] = {count};
	int lower[] = {1};
	ArrayType *array;

	if (count == 0)
		return (NullableDatum){.value = PointerGetDatum(construct_empty_array(TEXTOID))};
	values = palloc_extended(sizeof(Datum) * count, MCXT_ALLOC_HUGE);
	nulls = palloc(sizeof(bool) * count);
	for (int i = 0; i < count; i++)
	{
		char *text = *(char *const *) ((const char *) first + (size_t) i * stride);

		nulls[i] = text == NULL;
		values[i] = text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
	}
	array = construct_md_array(values, nulls, 1, dimensions, lower, TEXTOID, -1, false, 'i');
	for (int i = 0; i < count; i++)
		if (!nulls[i])
			pfree(DatumGetPointer(values[i]));
	pfree(values);
	pfree(nulls);
	return (NullableDatum){.value = PointerGetDatum(array)};
}

static NullableDatum
listed_array(const PodList *list)
{
	Datum *values = palloc_extended(sizeof(Datum) * Max(list->count, 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < list->count; i++)
		values[i] = BoolGetDatum(list->pods[i].listed);
	return (NullableDatum){
	    .value = PointerGetDatum(construct_array(values, list->count, BOOLOID, 1, true, 'c'))};
}

static NullableDatum
asked_array(const PodList *list)
{
	Datum *values = palloc_extended(sizeof(Datum) * Max(list->count, 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < list->count; i++)
		values[i] = TimestampTzGetDatum(list->pods[i].asked);
	return (NullableDatum){.value =
	                           PointerGetDatum(construct_array(values, list->count, TIMESTAMPTZOID,
	                                                           sizeof(TimestampTz), true, 'd'))};
}

#define POD_ARRAY(list, field) pods_text_array(&(list)->pods[0].field, (list)->count, sizeof(Pod))

/* The pods as arrays, each name once. */
ObservedPods
pods_observed(PodList *list)
{
	merge_pods(list);
	return (ObservedPods){
	    .count = list->count,
	    .names = POD_ARRAY(list, name),
	    .statuses = POD_ARRAY(list, status),
	    .listed = listed_array(list),
	    .asked = asked_array(list),
	    .urls = POD_ARRAY(list, url),
	    .troubles = POD_ARRAY(list, trouble),
	    .users = POD_ARRAY(list, user),
	    .groups = POD_ARRAY(list, group),
	    .challenge_names = POD_ARRAY(list, challenge_name),
	    .challenge_ids = POD_ARRAY(list, challenge_id),
	};
}
