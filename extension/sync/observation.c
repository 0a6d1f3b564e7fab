/*
 * observation.c
 *	  Reading what an observation of the Instance Manager says.
 *
 * An observation is used whole or not at all: the first member of the wrong shape is an error.
 * Members that nobody asked for are left alone.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "base/flags.h"
#include "base/json_text.h"
#include "base/refusal.h"
#include "sync/observation.h"
#include "sync/pod_list.h"

#define NOT_FOUND "not_found"
#define UNKNOWN "unknown"

/* One pod as it was observed; what is not told is NULL. */
typedef struct Pod
{
	char *name;
	char *status;
	bool listed;
	char *url;
	char *secret;
	char *user;
	char *group;
	char *challenge_name;
	char *challenge_id;
} Pod;

typedef struct PodList
{
	Pod *pods;
	int count;
	int size; /* for how many there is room */
} PodList;

/* What is read of a secret that was asked for. */
typedef struct Secret
{
	char *name;
	char *secret;
	char *value;
} Secret;

static const char *const pod_statuses[] = {"CREATING", "ACTIVE", "TERMINATING", "ERROR"};

static void
refuse_snapshot(const char *must)
{
	raise_error(EDURANGE_INVALID_PARAMETER, "parameter \"snapshot\" must %s", must);
}

/* A member of an object; NULL where it is missing or null. */
static JsonbValue *
member(JsonbContainer *object, const char *key)
{
	JsonbValue wanted = {.type = jbvString};
	JsonbValue *value;

	wanted.val.string.val = unconstify(char *, key);
	wanted.val.string.len = (int) strlen(key);
	value = findJsonbValueFromContainer(object, JB_FOBJECT, &wanted);
	return value != NULL && value->type == jbvNull ? NULL : value;
}

/* Reads a member that is a text, or missing or null (NULL); false: it is something else. */
static bool
read_text(JsonbContainer *object, const char *key, char **text)
{
	JsonbValue *value = member(object, key);

	*text = NULL;
	if (value == NULL)
		return true;
	if (value->type != jbvString)
		return false;
	*text = pnstrdup(value->val.string.val, value->val.string.len);
	return true;
}

/* The same, where anything else is an error. */
static char *
member_text(JsonbContainer *object, const char *key, const char *must)
{
	char *text;

	if (!read_text(object, key, &text))
		refuse_snapshot(must);
	return text;
}

/* A member that is an array of objects; NULL where it is missing. */
static JsonbContainer *
member_array(JsonbContainer *object, const char *key, const char *must)
{
	JsonbValue *value = member(object, key);

	if (value == NULL)
		return NULL;
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		refuse_snapshot(must);
	return value->val.binary.data;
}

/* Calls read for each element of an array, which must be objects. */
static int
for_each_object(JsonbContainer *array, void (*read)(JsonbContainer *, void *), void *context,
                const char *must)
{
	JsonbIterator *iterator;
	JsonbValue element;

	if (array == NULL)
		return 0;
	iterator = JsonbIteratorInit(array);
	(void) JsonbIteratorNext(&iterator, &element, false);
	while (JsonbIteratorNext(&iterator, &element, true) == WJB_ELEM)
	{
		CHECK_FOR_INTERRUPTS();
		if (element.type != jbvBinary || !JsonContainerIsObject(element.val.binary.data))
			refuse_snapshot(must);
		read(element.val.binary.data, context);
	}
	return (int) JsonContainerSize(array);
}

static bool
is_pod_status(const char *status)
{
	for (int i = 0; i < lengthof(pod_statuses); i++)
		if (strcmp(status, pod_statuses[i]) == 0)
			return true;
	return false;
}

/* Only an address that a browser opens as a page is handed to players. */
static char *
web_address(char *url)
{
	return url != NULL && (pg_strncasecmp(url, "https://", 8) == 0 ||
	                       pg_strncasecmp(url, "http://", 7) == 0)
	           ? url
	           : NULL;
}

static PodList
make_pod_list(int size)
{
	return (PodList){.pods = palloc(sizeof(Pod) * Max(size, 1)), .size = Max(size, 1)};
}

static Pod *
add_pod(PodList *list)
{
	if (list->count == list->size)
	{
		list->size *= 2;
		list->pods = repalloc_huge(list->pods, sizeof(Pod) * list->size);
	}
	return &list->pods[list->count++];
}

/* What is read of a pod in a list: all of it texts, the first and the second always there. */
static const struct
{
	const char *key;
	size_t offset;
} pod_members[] = {
    {"name", offsetof(Pod, name)},
    {"status", offsetof(Pod, status)},
    {"webosUrl", offsetof(Pod, url)},
    {"flag_secret_name", offsetof(Pod, secret)},
    {"user_id", offsetof(Pod, user)},
    {"competition_id", offsetof(Pod, group)},
    {"challenge_name", offsetof(Pod, challenge_name)},
    {"challenge_id", offsetof(Pod, challenge_id)},
};

#define POD_SHAPE "the texts name, status and webosUrl"

/* Reads an element of challenge_pods; false when it is not of POD_SHAPE. */
static bool
read_pod(JsonbContainer *object, Pod *pod)
{
	*pod = (Pod){.listed = true};
	for (int i = 0; i < lengthof(pod_members); i++)
		if (!read_text(object, pod_members[i].key,
		               (char **) ((char *) pod + pod_members[i].offset)))
			return false;
	if (pod->name == NULL || pod->name[0] == '\0' || pod->status == NULL)
		return false;
	pod->url = web_address(pod->url);
	if (!is_pod_status(pod->status))
		pod->status = NULL;
	return true;
}

/* An element of challenge_pods in a snapshot. */
static void
read_snapshot_pod(JsonbContainer *object, void *context)
{
	if (!read_pod(object, add_pod(context)))
		refuse_snapshot("list pods with " POD_SHAPE);
}

/* An element of statuses. */
static void
read_status(JsonbContainer *object, void *context)
{
	static const char must[] = "give statuses with the texts name and status: CREATING, ACTIVE,"
	                           " TERMINATING, ERROR, not_found or unknown";
	Pod *pod = add_pod(context);

	*pod = (Pod){.name = member_text(object, "name", must),
	             .status = member_text(object, "status", must)};
	if (pod->name == NULL || pod->name[0] == '\0' || pod->status == NULL)
		refuse_snapshot(must);
	if (strcmp(pod->status, UNKNOWN) == 0)
		pod->status = NULL;
	else if (strcmp(pod->status, NOT_FOUND) != 0 && !is_pod_status(pod->status))
		refuse_snapshot(must);
}

/* In order of names; the list before what get-pod-status said. */
static int
compare_pods(const void *a, const void *b)
{
	const Pod *left = a;
	const Pod *right = b;
	int order = strcmp(left->name, right->name);

	return order != 0 ? order : (int) right->listed - (int) left->listed;
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
			list->pods[kept++] = *pod;
		else if (last->listed == pod->listed && (last->status == NULL || pod->status == NULL ||
		                                         strcmp(last->status, pod->status) != 0))
		{
			last->status = NULL;
			last->url = NULL;
		}
	}
	list->count = kept;
}

/* An array of texts, one of each element of stride bytes; nine of them are made of a list of any size. */
static NullableDatum
text_array(const void *first, int count, size_t stride)
{
	Datum *values = palloc(sizeof(Datum) * Max(count, 1));
	bool *nulls = palloc(sizeof(bool) * Max(count, 1));
	int dimensions[] = {count};
	int lower[] = {1};
	ArrayType *array;

	if (count == 0)
		return (NullableDatum){.value = PointerGetDatum(construct_empty_array(TEXTOID))};
	CHECK_FOR_INTERRUPTS();
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
	return (NullableDatum){.value = PointerGetDatum(array)};
}

static NullableDatum
listed_array(const PodList *list)
{
	Datum *values = palloc(sizeof(Datum) * Max(list->count, 1));

	for (int i = 0; i < list->count; i++)
		values[i] = BoolGetDatum(list->pods[i].listed);
	return (NullableDatum){
	    .value = PointerGetDatum(construct_array(values, list->count, BOOLOID, 1, true, 'c'))};
}

#define POD_ARRAY(list, field) text_array(&(list)->pods[0].field, (list)->count, sizeof(Pod))

/* The pods as arrays, each name once. */
static ObservedPods
observed_pods(PodList *list)
{
	merge_pods(list);
	return (ObservedPods){
	    .names = POD_ARRAY(list, name),
	    .statuses = POD_ARRAY(list, status),
	    .listed = listed_array(list),
	    .urls = POD_ARRAY(list, url),
	    .secrets = POD_ARRAY(list, secret),
	    .users = POD_ARRAY(list, user),
	    .groups = POD_ARRAY(list, group),
	    .challenge_names = POD_ARRAY(list, challenge_name),
	    .challenge_ids = POD_ARRAY(list, challenge_id),
	};
}

static void
read_pods(JsonbContainer *root, Observation *observation)
{
	JsonbContainer *listed =
	    member_array(root, "challenge_pods", "have an array in challenge_pods");
	JsonbContainer *statuses = member_array(root, "statuses", "have an array in statuses");
	PodList list = make_pod_list((listed != NULL ? (int) JsonContainerSize(listed) : 0) +
	                             (statuses != NULL ? (int) JsonContainerSize(statuses) : 0));

	observation->has_list = listed != NULL;
	observation->listed =
	    for_each_object(listed, read_snapshot_pod, &list, "list pods that are objects");
	for_each_object(statuses, read_status, &list, "give statuses that are objects");
	observation->pods = observed_pods(&list);
}

/* Collects secrets: those with a value at the front, those without at the back. */
typedef struct SecretList
{
	Secret *secrets;
	int found;
	int missing;
	int size;
} SecretList;

/* An element of secrets. */
static void
read_secret(JsonbContainer *object, void *context)
{
	static const char must[] = "give secrets with the texts name, secret_name and value";
	SecretList *list = context;
	Secret secret = {.name = member_text(object, "name", must),
	                 .secret = member_text(object, "secret_name", must),
	                 .value = member_text(object, "value", must)};

	if (secret.name == NULL || secret.secret == NULL)
		refuse_snapshot(must);
	if (secret.value != NULL && is_flag(secret.value))
		list->secrets[list->found++] = secret;
	else
		list->secrets[list->size - ++list->missing] = secret;
}

static void
read_secrets(JsonbContainer *root, Observation *observation)
{
	JsonbContainer *array = member_array(root, "secrets", "have an array in secrets");
	SecretList list = {.size = array != NULL ? (int) JsonContainerSize(array) : 0};
	Secret *missing;

	list.secrets = palloc(sizeof(Secret) * Max(list.size, 1));
	for_each_object(array, read_secret, &list, "give secrets that are objects");
	missing = &list.secrets[list.size - list.missing];
	observation->flags = (ObservedFlags){
	    .count = list.found,
	    .names = text_array(&list.secrets[0].name, list.found, sizeof(Secret)),
	    .secrets = text_array(&list.secrets[0].secret, list.found, sizeof(Secret)),
	    .values = text_array(&list.secrets[0].value, list.found, sizeof(Secret)),
	    .missing_count = list.missing,
	    .missing = text_array(&missing->name, list.missing, sizeof(Secret)),
	};
}

static double
read_duration(JsonbContainer *root)
{
	JsonbValue *value = member(root, "duration_ms");

	if (value == NULL)
		return -1;
	if (value->type != jbvNumeric)
		refuse_snapshot("have a number in duration_ms");
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(value->val.numeric)));
}

void
observation_read(Jsonb *snapshot, Observation *observation)
{
	JsonbContainer *root = &snapshot->root;

	if (!JB_ROOT_IS_OBJECT(snapshot))
		refuse_snapshot("be an object");
	observation->error = member_text(root, "error", "have a text in error");
	observation->duration_ms = read_duration(root);
	read_pods(root, observation);
	read_secrets(root, observation);
	if (observation->error != NULL && observation->has_list)
		refuse_snapshot("have either challenge_pods or error");
	if (observation->error == NULL && !observation->has_list && member(root, "statuses") == NULL &&
	    member(root, "secrets") == NULL)
		refuse_snapshot("have one of challenge_pods, error, statuses and secrets");
}

/* Reads the elements of a list. */
typedef struct ListReader
{
	PodList list;
	MemoryContext one_pod; /* while it is parsed */
} ListReader;

/*
 * Every fault of a single pod ends here and refuses the whole list.  A reader that would rather go on
 * without the pod has to return instead, and to keep in mind that the list proves less then.
 */
static void
refuse_element(const PodText *element, const char *problem)
{
	raise_error(EDURANGE_INVALID_PARAMETER, "element %d of parameter \"list\" %s", element->number,
	            problem);
}

/* One element, parsed alone; of what that takes only the texts of the pod outlive it. */
static void
read_listed_pod(const PodText *element, void *context)
{
	ListReader *reader = context;
	MemoryContext all_pods = MemoryContextSwitchTo(reader->one_pod);
	Refusal refusal = {0};
	Jsonb *pod =
	    json_text_parse(pnstrdup(element->text, element->length), JSON_DOCUMENT_VALUES, &refusal);

	CHECK_FOR_INTERRUPTS();
	if (pod == NULL)
		refuse_element(element, psprintf("cannot be read: %s", refusal.message));
	if (!JB_ROOT_IS_OBJECT(pod))
		refuse_element(element, "is not an object");
	/* Two statuses of one pod would contradict each other; jsonb keeps the last. */
	if (element->members > JsonContainerSize(&pod->root))
		refuse_element(element, "has two members of one name");
	MemoryContextSwitchTo(all_pods);
	if (!read_pod(&pod->root, add_pod(&reader->list)))
		refuse_element(element, "must have " POD_SHAPE);
	MemoryContextReset(reader->one_pod);
}

/* The texts of the pods live only until the arrays are made of them. */
void
observation_read_list(const char *text, int length, Observation *observation)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext all_pods =
	    AllocSetContextCreate(caller, "edurange list of pods", ALLOCSET_DEFAULT_SIZES);
	ListReader reader;

	MemoryContextSwitchTo(all_pods);
	reader = (ListReader){
	    .list = make_pod_list(256),
	    .one_pod = AllocSetContextCreate(all_pods, "edurange pod", ALLOCSET_DEFAULT_SIZES),
	};
	observation->has_list = true;
	observation->listed = pod_list_cut(text, length, read_listed_pod, &reader);
	MemoryContextSwitchTo(caller);
	observation->pods = observed_pods(&reader.list);
	MemoryContextDelete(all_pods);
}
