/*
 * observation.c
 *	  Reading what an observation of the Instance Manager says.
 *
 * A snapshot is used whole or not at all: the first member of the wrong shape is an error.  Members
 * that nobody asked for are left alone.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/flags.h"
#include "base/refusal.h"
#include "sync/observation.h"

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

/* A member that is a text; null and missing are NULL, anything else an error. */
static char *
member_text(JsonbContainer *object, const char *key, const char *must)
{
	JsonbValue *value = member(object, key);

	if (value == NULL)
		return NULL;
	if (value->type != jbvString)
		refuse_snapshot(must);
	return pnstrdup(value->val.string.val, value->val.string.len);
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

/* An element of challenge_pods. */
static void
read_pod(JsonbContainer *object, void *context)
{
	static const char must[] = "list pods with the texts name, status and webosUrl";
	PodList *list = context;
	Pod *pod = &list->pods[list->count++];

	*pod = (Pod){.listed = true,
	             .name = member_text(object, "name", must),
	             .status = member_text(object, "status", must),
	             .url = web_address(member_text(object, "webosUrl", must)),
	             .secret = member_text(object, "flag_secret_name", must),
	             .user = member_text(object, "user_id", must),
	             .group = member_text(object, "competition_id", must),
	             .challenge_name = member_text(object, "challenge_name", must),
	             .challenge_id = member_text(object, "challenge_id", must)};
	if (pod->name == NULL || pod->name[0] == '\0' || pod->status == NULL)
		refuse_snapshot(must);
	if (!is_pod_status(pod->status))
		pod->status = NULL;
}

/* An element of statuses. */
static void
read_status(JsonbContainer *object, void *context)
{
	static const char must[] = "give statuses with the texts name and status: CREATING, ACTIVE,"
	                           " TERMINATING, ERROR, not_found or unknown";
	PodList *list = context;
	Pod *pod = &list->pods[list->count++];

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

/* Each name once: the list is proof of presence; two statuses of one pod contradict each other. */
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

/* An array of texts, one of each element of stride bytes. */
static NullableDatum
text_array(const void *first, int count, size_t stride)
{
	Datum *values = palloc(sizeof(Datum) * Max(count, 1));
	bool *nulls = palloc(sizeof(bool) * Max(count, 1));
	int dimensions[] = {count};
	int lower[] = {1};

	for (int i = 0; i < count; i++)
	{
		char *text = *(char *const *) ((const char *) first + (size_t) i * stride);

		nulls[i] = text == NULL;
		values[i] = text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
	}
	if (count == 0)
		return (NullableDatum){.value = PointerGetDatum(construct_empty_array(TEXTOID))};
	return (NullableDatum){.value = PointerGetDatum(construct_md_array(
	                           values, nulls, 1, dimensions, lower, TEXTOID, -1, false, 'i'))};
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

static void
read_pods(JsonbContainer *root, Observation *snapshot)
{
	JsonbContainer *listed =
	    member_array(root, "challenge_pods", "have an array in challenge_pods");
	JsonbContainer *statuses = member_array(root, "statuses", "have an array in statuses");
	size_t size = (listed != NULL ? JsonContainerSize(listed) : 0) +
	              (statuses != NULL ? JsonContainerSize(statuses) : 0);
	PodList list = {.pods = palloc(sizeof(Pod) * Max(size, 1))};

	snapshot->has_list = listed != NULL;
	snapshot->listed = for_each_object(listed, read_pod, &list, "list pods that are objects");
	for_each_object(statuses, read_status, &list, "give statuses that are objects");
	merge_pods(&list);
	snapshot->pods = (ObservedPods){
	    .names = POD_ARRAY(&list, name),
	    .statuses = POD_ARRAY(&list, status),
	    .listed = listed_array(&list),
	    .urls = POD_ARRAY(&list, url),
	    .secrets = POD_ARRAY(&list, secret),
	    .users = POD_ARRAY(&list, user),
	    .groups = POD_ARRAY(&list, group),
	    .challenge_names = POD_ARRAY(&list, challenge_name),
	    .challenge_ids = POD_ARRAY(&list, challenge_id),
	};
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
	if (is_flag(secret.value))
		list->secrets[list->found++] = secret;
	else
		list->secrets[list->size - ++list->missing] = secret;
}

static void
read_secrets(JsonbContainer *root, Observation *snapshot)
{
	JsonbContainer *array = member_array(root, "secrets", "have an array in secrets");
	SecretList list = {.size = array != NULL ? (int) JsonContainerSize(array) : 0};
	Secret *missing;

	list.secrets = palloc(sizeof(Secret) * Max(list.size, 1));
	for_each_object(array, read_secret, &list, "give secrets that are objects");
	missing = &list.secrets[list.size - list.missing];
	snapshot->flags = (ObservedFlags){
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
observation_read(Jsonb *document, Observation *snapshot)
{
	JsonbContainer *root = &document->root;

	if (!JB_ROOT_IS_OBJECT(document))
		refuse_snapshot("be an object");
	snapshot->error = member_text(root, "error", "have a text in error");
	snapshot->duration_ms = read_duration(root);
	read_pods(root, snapshot);
	read_secrets(root, snapshot);
	if (snapshot->error != NULL && snapshot->has_list)
		refuse_snapshot("have either challenge_pods or error");
	if (snapshot->error == NULL && !snapshot->has_list && member(root, "statuses") == NULL &&
	    member(root, "secrets") == NULL)
		refuse_snapshot("have one of challenge_pods, error, statuses and secrets");
}
