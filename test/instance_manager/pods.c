/*
 * pods.c
 *	  The pods that the simulator pretends to run, and how the Instance Manager describes them.
 *
 * A pod is a JSON object: the fields that the control route may set (table below), and some that
 * the simulator keeps (created, gone, ready).  A start waits in a queue until its pod appears.  All functions are called under the dispatcher's lock.
 */
#include "pods.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server.h"

/* A field of a pod that may be set from outside, and what it is when nobody set it. */
typedef struct PodField
{
	const char *name;
	json_type type;
	bool nullable;
	const char *text; /* default of a text field */
	bool truth;       /* default of a boolean field */
} PodField;

static const PodField fields[] = {
    {"name", JSON_STRING, false, NULL, false},
    {"status", JSON_STRING, false, "ACTIVE", false},
    {"user_id", JSON_STRING, false, "unknown", false},
    {"competition_id", JSON_STRING, false, "unknown", false},
    {"challenge_type", JSON_STRING, false, "unknown", false},
    {"challenge_name", JSON_STRING, false, "unknown", false},
    {"flag", JSON_STRING, true, NULL, false},
    {"webos_url", JSON_STRING, true, NULL, false},
    {"listed", JSON_TRUE, false, NULL, true},
    {"containers", JSON_TRUE, false, NULL, true},
    {"phase", JSON_STRING, true, NULL, false}, /* of Kubernetes; status follows from it */
    {"termination_delay_ms", JSON_INTEGER, true, NULL, false},
    {"extra", JSON_OBJECT, true, NULL, false},
};

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

static const char *const statuses[] = {"CREATING", "ACTIVE", "TERMINATING", "ERROR", NULL};

static PodSettings settings;
static json_t *pods;
static json_t *queue;                   /* array of pods to come, with the time when each appears */
static json_int_t next_due = INT64_MAX; /* when a pod appears, is ready or is gone next */

/* Something becomes of a pod then: until the first such time nothing needs to be looked at. */
static void
expect(json_int_t when)
{
	if (when < next_due)
		next_due = when;
}

/* Begins with no pod at all. */
void
pods_start(const PodSettings *chosen)
{
	settings = *chosen;
	pods = json_object();
	queue = json_array();
}

/* Forgets every pod. */
void
pods_stop(void)
{
	json_decref(pods);
	json_decref(queue);
	pods = queue = NULL;
}

/* The rule of Kubernetes and of the Instance Manager: a lower-case DNS label of at most 63. */
bool
pods_name_valid(const char *name)
{
	static const char inner[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t length = strlen(name);

	return length >= 1 && length <= 63 && strspn(name, inner) == length && name[0] != '-' &&
	       name[length - 1] != '-';
}

static const PodField *
field_named(const char *name)
{
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

static bool
field_accepts(const PodField *field, const json_t *value)
{
	if (json_is_null(value))
		return field->nullable;
	if (field->type == JSON_TRUE)
		return json_is_boolean(value);
	return json_typeof(value) == field->type;
}

static bool
status_known(const char *status)
{
	for (size_t i = 0; statuses[i] != NULL; i++)
		if (strcmp(statuses[i], status) == 0)
			return true;
	return false;
}

/* Whether the object describes a pod; if not, says in problem which field is wrong. */
static bool
fields_valid(const json_t *given, char *problem, size_t size)
{
	const char *key;
	json_t *value;
	const char *status;
	const char *name;

	if (!json_is_object(given))
	{
		snprintf(problem, size, "a pod must be a JSON object");
		return false;
	}
	json_object_foreach((json_t *) given, key, value)
	{
		const PodField *field = field_named(key);

		if (field == NULL || !field_accepts(field, value))
		{
			snprintf(problem, size, "parameter \"%s\" %s", key,
			         field == NULL ? "is not known" : "has the wrong type");
			return false;
		}
	}
	name = json_string_value(json_object_get(given, "name"));
	if (name == NULL || *name == '\0')
	{
		snprintf(problem, size, "parameter \"name\" is missing");
		return false;
	}
	status = json_string_value(json_object_get(given, "status"));
	if (status != NULL && !status_known(status))
	{
		snprintf(problem, size,
		         "parameter \"status\" must be CREATING, ACTIVE, TERMINATING or ERROR");
		return false;
	}
	return true;
}

static json_t *
pod_new(void)
{
	json_t *pod = json_object();

	for (size_t i = 0; i < FIELD_COUNT; i++)
	{
		json_t *value = json_null();

		if (fields[i].type == JSON_TRUE)
			value = json_boolean(fields[i].truth);
		else if (fields[i].text != NULL)
			value = json_string(fields[i].text);
		json_object_set_new(pod, fields[i].name, value);
	}
	json_object_set_new(pod, "created", json_integer(time(NULL)));
	return pod;
}

/* Adds the pod, or changes the given fields of the one that has this name. */
bool
pods_put(const json_t *given, char *problem, size_t size)
{
	const char *name;
	json_t *pod;

	if (!fields_valid(given, problem, size))
		return false;
	name = json_string_value(json_object_get(given, "name"));
	pod = pods_find(name);
	if (pod == NULL)
	{
		pod = pod_new();
		json_object_set_new(pods, name, pod);
	}
	json_object_update(pod, (json_t *) given);
	return true;
}

/* Takes the pod away at once; says whether there was one. */
bool
pods_remove(const char *name)
{
	return json_object_del(pods, name) == 0;
}

/* Begins the end of a pod: it is TERMINATING now and disappears after its delay. */
bool
pods_terminate(const char *name)
{
	json_t *pod = pods_find(name);
	json_t *delay;
	json_int_t gone;

	if (pod == NULL)
		return false;
	delay = json_object_get(pod, "termination_delay_ms");
	gone = server_now_ms() +
	       (json_is_integer(delay) ? json_integer_value(delay) : settings.termination_delay_ms);
	json_object_set_new(pod, "status", json_string("TERMINATING"));
	json_object_set_new(pod, "gone", json_integer(gone));
	expect(gone);
	return true;
}

/*
 * Queues the start of a pod.  A start of the same name makes the pod anew, with another flag.  Returns its place in
 * the queue; 0: that is full.
 */
int
pods_queue(const json_t *fields)
{
	static unsigned int number;
	json_t *start = json_deep_copy(fields);
	json_int_t appears = server_now_ms() + settings.start_delay_ms;

	if (json_array_size(queue) >= START_QUEUE)
	{
		json_decref(start);
		return 0;
	}
	json_object_set_new(start, "flag",
	                    json_sprintf("EDU-{%08x-%u}", (unsigned int) random(), ++number));
	json_object_set_new(start, "appears", json_integer(appears));
	json_array_append_new(queue, start);
	expect(appears);
	return (int) json_array_size(queue);
}

/* Lets pods appear whose start has come, and those be ready that have been there for as long. */
static void
advance(void)
{
	const char *name;
	json_t *pod;

	while (json_array_size(queue) > 0)
	{
		json_t *start = json_array_get(queue, 0);

		if (json_integer_value(json_object_get(start, "appears")) > server_now_ms())
		{
			expect(json_integer_value(json_object_get(start, "appears")));
			break;
		}
		pod = pod_new();
		json_object_update(pod, start);
		json_object_del(pod, "appears");
		json_object_set_new(pod, "phase", json_string("Pending"));
		json_object_set_new(pod, "containers", json_false());
		json_object_set_new(pod, "ready", json_integer(server_now_ms() + settings.start_delay_ms));
		json_object_set_new(pods, json_string_value(json_object_get(pod, "name")), pod);
		json_array_remove(queue, 0);
	}
	json_object_foreach(pods, name, pod)
	{
		json_t *ready = json_object_get(pod, "ready");

		if (ready == NULL)
			continue;
		if (json_integer_value(ready) > server_now_ms())
		{
			expect(json_integer_value(ready));
			continue;
		}
		json_object_set_new(pod, "phase", json_string("Running"));
		json_object_set_new(pod, "containers", json_true());
		json_object_del(pod, "ready");
	}
}

/* The status that the Instance Manager gives a pod: its own, or what it makes of the phase. */
static const char *
pod_status(const json_t *pod)
{
	const char *status = json_string_value(json_object_get(pod, "status"));
	const char *phase = json_string_value(json_object_get(pod, "phase"));

	if (phase == NULL || strcmp(status, "TERMINATING") == 0)
		return status;
	if (strcmp(phase, "Pending") == 0)
		return "CREATING";
	return strcmp(phase, "Running") == 0 || strcmp(phase, "Succeeded") == 0 ? "ACTIVE" : "ERROR";
}

/* Removes the pods whose end has come, so that every reader sees them gone on time. */
static void
reap(void)
{
	const char *name;
	json_t *pod;
	void *next;

	if (server_now_ms() < next_due)
		return;
	next_due = INT64_MAX;
	advance();
	json_object_foreach_safe(pods, next, name, pod)
	{
		json_t *gone = json_object_get(pod, "gone");

		if (gone == NULL)
			continue;
		if (json_integer_value(gone) <= server_now_ms())
			json_object_del(pods, name);
		else
			expect(json_integer_value(gone));
	}
}

/* The pod of this name, or NULL; borrowed. */
json_t *
pods_find(const char *name)
{
	reap();
	return json_object_get(pods, name);
}

/* Every pod, keyed by name; borrowed. */
json_t *
pods_all(void)
{
	reap();
	return pods;
}

/* The pod as list-challenge-pods describes it; a web challenge has no terminal and no console. */
json_t *
pods_list_entry(const json_t *pod)
{
	const char *name = json_string_value(json_object_get(pod, "name"));
	json_t *chosen = json_object_get(pod, "webos_url");
	json_t *extra = json_object_get(pod, "extra");
	bool web = strcmp(json_string_value(json_object_get(pod, "challenge_type")), "web") == 0;
	json_t *url = json_is_string(chosen) ? json_incref(chosen)
	                                     : json_sprintf("https://%s.%s", name, settings.domain);
	json_t *terminal = json_sprintf("https://terminal-%s.%s", name, settings.domain);
	json_t *challenge = json_sprintf("https://challenge-%s.%s", name, settings.domain);
	json_t *entry;

	entry =
	    json_pack("{s:s, s:s, s:O, s:O, s:O, s:O, s:{s:O?, s:O?}, s:O, s:O?, s:o}", "name", name,
	              "status", pod_status(pod), "user_id", json_object_get(pod, "user_id"),
	              "competition_id", json_object_get(pod, "competition_id"), "challenge_type",
	              json_object_get(pod, "challenge_type"), "challenge_name",
	              json_object_get(pod, "challenge_name"), "urls", "terminal", web ? NULL : terminal,
	              "challenge", web ? challenge : NULL, "webosUrl", url, "webConsoleUrl",
	              web ? NULL : url, "flag_secret_name", json_sprintf("flag-secret-%s", name));
	if (json_is_object(extra))
		json_object_update(entry, extra);
	json_decref(url);
	json_decref(terminal);
	json_decref(challenge);
	return entry;
}

/*
 * The pod as get-pod-status describes it.  NULL for a pod whose containers have no status yet: the
 * Instance Manager fails on those.
 */
json_t *
pods_status_entry(const json_t *pod)
{
	const char *name = json_string_value(json_object_get(pod, "name"));
	const char *status = pod_status(pod);
	bool running = strcmp(status, "ACTIVE") == 0;
	time_t created = json_integer_value(json_object_get(pod, "created"));
	struct tm utc;
	char created_text[32];

	if (!json_is_true(json_object_get(pod, "containers")))
		return NULL;
	gmtime_r(&created, &utc);
	strftime(created_text, sizeof(created_text), "%Y-%m-%dT%H:%M:%S+00:00", &utc);
	return json_pack("{s:s, s:s, s:o, s:{s:s, s:s, s:O, s:O, s:O, s:O},"
	                 " s:[{s:s, s:s, s:b, s:i, s:s}], s:s, s:o, s:s}",
	                 "name", name, "status", status, "uptime",
	                 running ? json_integer(time(NULL) - created) : json_null(), "labels", "app",
	                 "ctfchal", "instance", name, "user", json_object_get(pod, "user_id"),
	                 "competition_id", json_object_get(pod, "competition_id"), "challenge_type",
	                 json_object_get(pod, "challenge_type"), "challenge_name",
	                 json_object_get(pod, "challenge_name"), "containers", "name",
	                 "challenge-container", "image", "edurange/challenge:latest", "ready", running,
	                 "restartCount", 0, "state", running ? "running" : "waiting", "node",
	                 "simulated-node", "podIP", running ? json_string("10.0.0.1") : json_null(),
	                 "creationTimestamp", created_text);
}
