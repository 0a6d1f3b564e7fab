/*
 * observation.c
 *	  Reading what an observation of the Instance Manager says.
 *
 * A list is taken pod by pod: one that cannot be read is known to be there, no more, and is reported; the others
 * go on.  If not even its name can be read, it may be any pod that the list does not name: then the list proves
 * nobody's absence.  All else of an observation is used whole or not at all: its first member of the wrong shape
 * is an error.  Members that nobody asked for are left alone.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "base/json_text.h"
#include "base/refusal.h"
#include "sync/observation.h"
#include "sync/pod_list.h"
#include "text/flags.h"

#define UNKNOWN "unknown"
#define LONGEST_AGE_MS (24 * 3600 * 1000)

/* What is read of a secret that was asked for. */
typedef struct Secret
{
	char *name;
	char *secret;
	char *value;
	TimestampTz asked;
} Secret;

/* What is read of a request to end a pod. */
typedef struct End
{
	char *name;
	bool accepted;
} End;

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
	if (JsonContainerSize(value->val.binary.data) > MAX_ELEMENTS)
		refuse_snapshot("have at most " CppAsString2(MAX_ELEMENTS) " elements in a list");
	return value->val.binary.data;
}

/* Calls read for each element of an array, with NULL for what is no object.  Returns how many there are. */
static int
for_each_object(JsonbContainer *array, void (*read)(JsonbContainer *, void *), void *context)
{
	JsonbIterator *iterator;
	JsonbValue element;

	if (array == NULL)
		return 0;
	iterator = JsonbIteratorInit(array);
	(void) JsonbIteratorNext(&iterator, &element, false);
	while (JsonbIteratorNext(&iterator, &element, true) == WJB_ELEM)
	{
		bool is_object =
		    element.type == jbvBinary && JsonContainerIsObject(element.val.binary.data);

		CHECK_FOR_INTERRUPTS();
		read(is_object ? element.val.binary.data : NULL, context);
	}
	return (int) JsonContainerSize(array);
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
#define NO_OBJECT "is not an object"

/* Why an element of challenge_pods cannot be read, or NULL: it was, into the pod. */
static const char *
read_pod(JsonbContainer *object, Pod *pod)
{
	for (int i = 0; i < lengthof(pod_members); i++)
		if (!read_text(object, pod_members[i].key,
		               (char **) ((char *) pod + pod_members[i].offset)))
			return "has not " POD_SHAPE;
	if (pod->name == NULL || pod->name[0] == '\0' || pod->status == NULL)
		return "has not " POD_SHAPE;
	if (strlen(pod->name) > MAX_POD_NAME)
		return "has a name that no pod can have";
	pod->listed = true;
	if (pod->secret != NULL && strcmp(pod->secret, pod_secret_name(pod->name)) != 0)
		pod->trouble = TROUBLE_SECRET;
	if (!pod_status_known(pod->status))
	{
		pod->status = NULL;
		pod->trouble = TROUBLE_UNREADABLE;
	}
	return NULL;
}

/* Collects pods of a list, and what get-pod-status said. */
typedef struct PodReader
{
	PodList list;
	TimestampTz observed_at;
	MemoryContext one_pod; /* while it is parsed */
	bool complete;         /* every element so far has a name */
	bool has_nameless;     /* some have none at all; one pod stands for all of them */
	char *problem;         /* why the first of those that cannot be read cannot be */
} PodReader;

/* Notes why a pod cannot be read, of the first of them. */
static void
note_problem(PodReader *reader, const char *problem)
{
	if (reader->problem == NULL)
		reader->problem = pstrdup(problem);
}

/* Adds an element of challenge_pods; why it cannot be read, or NULL: it was, even if its status is an unknown word. */
static const char *
take_pod(JsonbContainer *object, PodReader *reader)
{
	Pod *pod = pods_add(&reader->list);
	const char *problem = read_pod(object, pod);

	if (problem != NULL)
		pods_drop_last(&reader->list);
	else if (pod->status == NULL)
		note_problem(reader, "has a status that is not known");
	return problem;
}

/* A pod that cannot be read: its name, where it has one, is known. */
static void
skip_pod(PodReader *reader, char *name, const char *problem)
{
	bool has_name = name != NULL && name[0] != '\0';

	reader->complete &= has_name && strlen(name) <= MAX_POD_NAME;
	note_problem(reader, problem);
	if (!has_name && reader->has_nameless)
		return;
	reader->has_nameless |= !has_name;
	pods_add_unreadable(&reader->list, has_name ? name : NULL);
}

/* An element of challenge_pods in a snapshot; NULL: it is no object. */
static void
read_snapshot_pod(JsonbContainer *object, void *context)
{
	PodReader *reader = context;
	const char *problem = NO_OBJECT;
	char *name = NULL;

	if (object != NULL)
	{
		problem = take_pod(object, reader);
		if (problem == NULL)
			return;
		(void) read_text(object, "name", &name);
	}
	skip_pod(reader, name, problem);
}

/* When an answer was asked for: so many milliseconds before the observation was handed over. */
static TimestampTz
read_asked(JsonbContainer *object, TimestampTz observed_at, const char *must)
{
	JsonbValue *value = member(object, "age_ms");
	double age;

	if (value == NULL)
		return observed_at;
	if (value->type != jbvNumeric)
		refuse_snapshot(must);
	age = DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(value->val.numeric)));
	if (!(age >= 0 && age <= LONGEST_AGE_MS))
		refuse_snapshot(must);
	return observed_at - (TimestampTz) (age * 1000);
}

/* An element of statuses. */
static void
read_status(JsonbContainer *object, void *context)
{
	static const char must[] = "give statuses with the texts name and status: CREATING, ACTIVE,"
	                           " TERMINATING, ERROR, not_found or unknown, and the number age_ms";
	PodReader *reader = context;
	Pod *pod;

	if (object == NULL)
		refuse_snapshot("give statuses that are objects");
	pod = pods_add(&reader->list);
	pod->name = member_text(object, "name", must);
	pod->status = member_text(object, "status", must);
	pod->asked = read_asked(object, reader->observed_at, must);
	if (pod->name == NULL || pod->name[0] == '\0' || pod->status == NULL)
		refuse_snapshot(must);
	if (strcmp(pod->status, UNKNOWN) == 0)
		pod->status = NULL;
	else if (strcmp(pod->status, NOT_FOUND) != 0 && !pod_status_known(pod->status))
		refuse_snapshot(must);
}

static void
read_pods(JsonbContainer *root, TimestampTz observed_at, Observation *observation)
{
	JsonbContainer *listed =
	    member_array(root, "challenge_pods", "have an array in challenge_pods");
	JsonbContainer *statuses = member_array(root, "statuses", "have an array in statuses");
	PodReader reader = {
	    .list = pods_make((listed != NULL ? (int) JsonContainerSize(listed) : 0) +
	                      (statuses != NULL ? (int) JsonContainerSize(statuses) : 0)),
	    .observed_at = observed_at,
	    .complete = true,
	};

	observation->has_list = listed != NULL;
	observation->listed = for_each_object(listed, read_snapshot_pod, &reader);
	(void) for_each_object(statuses, read_status, &reader);
	observation->complete = reader.complete;
	observation->trouble = reader.problem;
	observation->pods = pods_observed(&reader.list);
}

/* Collects secrets: those with a value at the front, those without at the back. */
typedef struct SecretList
{
	Secret *secrets;
	int found;
	int missing;
	int size;
	TimestampTz observed_at;
} SecretList;

/* An element of secrets.  What is in a secret that is not the pod's own is nobody's flag. */
static void
read_secret(JsonbContainer *object, void *context)
{
	static const char must[] =
	    "give secrets with the texts name, secret_name and value, and the number age_ms";
	SecretList *list = context;
	Secret secret;

	if (object == NULL)
		refuse_snapshot("give secrets that are objects");
	secret = (Secret){.name = member_text(object, "name", must),
	                  .secret = member_text(object, "secret_name", must),
	                  .value = member_text(object, "value", must),
	                  .asked = read_asked(object, list->observed_at, must)};
	if (secret.name == NULL || secret.secret == NULL)
		refuse_snapshot(must);
	if (secret.value != NULL && is_flag(secret.value) &&
	    strcmp(secret.secret, pod_secret_name(secret.name)) == 0)
		list->secrets[list->found++] = secret;
	else
		list->secrets[list->size - ++list->missing] = secret;
}

static NullableDatum
asked_array(const Secret *secrets, int count)
{
	Datum *values = palloc(sizeof(Datum) * Max(count, 1));

	for (int i = 0; i < count; i++)
		values[i] = TimestampTzGetDatum(secrets[i].asked);
	return (NullableDatum){.value = PointerGetDatum(construct_array(
	                           values, count, TIMESTAMPTZOID, sizeof(TimestampTz), true, 'd'))};
}

static void
read_secrets(JsonbContainer *root, TimestampTz observed_at, Observation *observation)
{
	JsonbContainer *array = member_array(root, "secrets", "have an array in secrets");
	SecretList list = {.size = array != NULL ? (int) JsonContainerSize(array) : 0,
	                   .observed_at = observed_at};
	Secret *missing;

	list.secrets = palloc(sizeof(Secret) * Max(list.size, 1));
	(void) for_each_object(array, read_secret, &list);
	missing = &list.secrets[list.size - list.missing];
	observation->flags = (ObservedFlags){
	    .count = list.found,
	    .names = pods_text_array(&list.secrets[0].name, list.found, sizeof(Secret)),
	    .values = pods_text_array(&list.secrets[0].value, list.found, sizeof(Secret)),
	    .asked = asked_array(list.secrets, list.found),
	    .missing_count = list.missing,
	    .missing = pods_text_array(&missing->name, list.missing, sizeof(Secret)),
	};
}

/* Collects requests to end pods. */
typedef struct EndList
{
	End *ends;
	int count;
} EndList;

/* An element of ends. */
static void
read_end(JsonbContainer *object, void *context)
{
	static const char must[] = "give ends with the text name and the truth accepted";
	EndList *list = context;
	JsonbValue *accepted;
	End *end = &list->ends[list->count++];

	if (object == NULL)
		refuse_snapshot("give ends that are objects");
	end->name = member_text(object, "name", must);
	accepted = member(object, "accepted");
	if (end->name == NULL || accepted == NULL || accepted->type != jbvBool)
		refuse_snapshot(must);
	end->accepted = accepted->val.boolean;
}

static void
read_ends(JsonbContainer *root, Observation *observation)
{
	JsonbContainer *array = member_array(root, "ends", "have an array in ends");
	int size = array != NULL ? (int) JsonContainerSize(array) : 0;
	EndList list = {.ends = palloc(sizeof(End) * Max(size, 1))};
	Datum *accepted = palloc(sizeof(Datum) * Max(size, 1));

	(void) for_each_object(array, read_end, &list);
	for (int i = 0; i < list.count; i++)
		accepted[i] = BoolGetDatum(list.ends[i].accepted);
	observation->ends = (ObservedEnds){
	    .count = list.count,
	    .names = pods_text_array(&list.ends[0].name, list.count, sizeof(End)),
	    .accepted = {.value = PointerGetDatum(
	                     construct_array(accepted, list.count, BOOLOID, 1, true, 'c'))},
	};
}

static void
read_problems(JsonbContainer *root, Observation *observation)
{
	static const char must[] = "have an object of texts in problems";
	JsonbValue *value = member(root, "problems");
	JsonbContainer *problems;

	if (value == NULL)
		return;
	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		refuse_snapshot(must);
	problems = value->val.binary.data;
	observation->problems = (ObservedProblems){
	    .told = true,
	    .ends = member_text(problems, "ends", must),
	    .statuses = member_text(problems, "statuses", must),
	    .flags = member_text(problems, "secrets", must),
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
observation_read(Jsonb *snapshot, TimestampTz observed_at, Observation *observation)
{
	JsonbContainer *root = &snapshot->root;

	if (!JB_ROOT_IS_OBJECT(snapshot))
		refuse_snapshot("be an object");
	observation->error = member_text(root, "error", "have a text in error");
	observation->duration_ms = read_duration(root);
	read_pods(root, observed_at, observation);
	read_secrets(root, observed_at, observation);
	read_ends(root, observation);
	read_problems(root, observation);
	if (observation->error != NULL && observation->has_list)
		refuse_snapshot("have either challenge_pods or error");
	if (observation->error == NULL && !observation->has_list && member(root, "statuses") == NULL &&
	    member(root, "secrets") == NULL && member(root, "ends") == NULL)
		refuse_snapshot("have one of challenge_pods, error, statuses, secrets and ends");
}

/* The name of an element that is unreadable otherwise: the one string of that name in it; NULL: there is none. */
static char *
name_of_element(const PodText *element)
{
	Refusal refusal = {0};
	JsonbValue value;
	Jsonb *name;

	if (element->names != 1)
		return NULL;
	name = json_text_parse(pnstrdup(element->name, element->name_length), JSON_VALUES, &refusal);
	if (name == NULL || !JB_ROOT_IS_SCALAR(name) || !JsonbExtractScalar(&name->root, &value) ||
	    value.type != jbvString)
		return NULL;
	return pnstrdup(value.val.string.val, value.val.string.len);
}

/* Why an element cannot be read, or NULL: it was. */
static const char *
read_element(const PodText *element, PodReader *reader, MemoryContext all_pods)
{
	Refusal refusal = {0};
	Jsonb *object =
	    json_text_parse(pnstrdup(element->text, element->length), JSON_DOCUMENT_VALUES, &refusal);

	if (object == NULL)
		return refusal.message;
	if (!JB_ROOT_IS_OBJECT(object))
		return NO_OBJECT;
	/* Two statuses of one pod would contradict each other; jsonb keeps the last. */
	if (element->members > JsonContainerSize(&object->root))
		return "has two members of one name";
	MemoryContextSwitchTo(all_pods);
	return take_pod(&object->root, reader);
}

/* One element, parsed alone; of what that takes only the texts of the pod outlive it. */
static void
read_listed_pod(const PodText *element, void *context)
{
	PodReader *reader = context;
	MemoryContext all_pods = MemoryContextSwitchTo(reader->one_pod);
	const char *problem = read_element(element, reader, all_pods);

	CHECK_FOR_INTERRUPTS();
	if (problem != NULL)
	{
		char *name;

		MemoryContextSwitchTo(reader->one_pod);
		name = name_of_element(element);
		MemoryContextSwitchTo(all_pods);
		skip_pod(reader, name == NULL ? NULL : pstrdup(name), problem);
	}
	MemoryContextSwitchTo(all_pods);
	MemoryContextReset(reader->one_pod);
}

/* The texts of the pods live only until the arrays are made of them. */
void
observation_read_list(const char *text, int length, Observation *observation)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext all_pods =
	    AllocSetContextCreate(caller, "edurange list of pods", ALLOCSET_DEFAULT_SIZES);
	PodReader reader;

	MemoryContextSwitchTo(all_pods);
	reader = (PodReader){
	    .list = pods_make(256),
	    .one_pod = AllocSetContextCreate(all_pods, "edurange pod", ALLOCSET_DEFAULT_SIZES),
	    .complete = true,
	};
	observation->has_list = true;
	observation->listed = pod_list_cut(text, length, read_listed_pod, &reader);
	observation->complete = reader.complete;
	MemoryContextSwitchTo(caller);
	observation->trouble = reader.problem == NULL ? NULL : pstrdup(reader.problem);
	observation->pods = pods_observed(&reader.list);
	MemoryContextDelete(all_pods);
}
