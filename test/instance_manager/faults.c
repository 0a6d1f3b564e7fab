/*
 * faults.c
 *	  Faults that can be switched on: ways in which an answer can be missing, late or wrong.
 *
 * A fault is for one route ("route") or for all of them, and lasts until it is cleared or has been
 * used "count" times.  The fault of a route wins over the one for all.  One with "match" is only for questions
 * about pods whose names begin so.  The set of faults is
 * touched under the dispatcher's lock only; applying one to a reply needs no lock.
 */
#include "faults.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANY_ROUTE "*"

typedef struct FaultContext
{
	const json_t *fault;
	const Route *route;
	const char *path;
	Reply *reply;
} FaultContext;

/* A kind of fault: its name, the parameters it takes, what it does to a reply. */
typedef struct FaultKind
{
	const char *name;
	const char *parameters[4];
	void (*apply)(const FaultContext *context);
} FaultKind;

static json_t *faults;

/* Begins without any fault. */
void
faults_start(void)
{
	faults = json_object();
}

/* Forgets every fault. */
void
faults_stop(void)
{
	json_decref(faults);
	faults = NULL;
}

static json_int_t
number(const FaultContext *context, const char *name, json_int_t otherwise)
{
	json_t *value = json_object_get(context->fault, name);

	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static bool
text_is(const FaultContext *context, const char *name, const char *expected)
{
	const char *text = json_string_value(json_object_get(context->fault, name));

	return text != NULL && strcmp(text, expected) == 0;
}

static void
replace_body(Reply *reply, json_t *body)
{
	json_decref(reply->body);
	reply->body = body;
}

static void
replace_text(Reply *reply, const char *text, const char *content_type)
{
	replace_body(reply, NULL);
	free(reply->text);
	reply->text = strdup(text);
	reply->content_type = content_type;
}

/* Closes the connection without an answer. */
static void
apply_refuse(const FaultContext *context)
{
	context->reply->hang_up = true;
}

static void
apply_error500(const FaultContext *context)
{
	replace_body(context->reply, NULL);
	context->route->fail(context->reply);
}

/* What the real one answers when it cannot reach Kubernetes. */
static void
apply_empty_list(const FaultContext *context)
{
	if (json_object_get(context->reply->body, "challenge_pods") != NULL)
		replace_body(context->reply, json_pack("{s:[]}", "challenge_pods"));
}

static bool
contains_text(const json_t *array, const char *text)
{
	size_t i;
	json_t *value;

	json_array_foreach(array, i, value)
	{
		if (text != NULL && json_is_string(value) && strcmp(json_string_value(value), text) == 0)
			return true;
	}
	return false;
}

/* Leaves out the pods named in "names", or else the first "pods" (default: half) of the list. */
static void
apply_drop_pods(const FaultContext *context)
{
	json_t *list = json_object_get(context->reply->body, "challenge_pods");
	json_t *names = json_object_get(context->fault, "names");
	json_int_t left = number(context, "pods", (json_int_t) (json_array_size(list) + 1) / 2);
	size_t i = 0;

	while (i < json_array_size(list))
	{
		const char *name = json_string_value(json_object_get(json_array_get(list, i), "name"));

		if (json_is_array(names) ? contains_text(names, name) : left-- > 0)
			json_array_remove(list, i);
		else
			i++;
	}
}

/* Half a document: as a whole answer, or ("mode": "cut") as an answer that breaks off. */
static void
apply_truncated_json(const FaultContext *context)
{
	char *whole = json_dumps(context->reply->body, JSON_COMPACT);
	size_t length = whole == NULL ? 0 : strlen(whole);
	size_t kept = (size_t) number(context, "bytes", (json_int_t) length / 2);

	if (whole == NULL)
		return;
	if (kept > length)
		kept = length;
	if (text_is(context, "mode", "cut"))
		context->reply->cut_at = kept > 0 ? kept : 1;
	else
	{
		whole[kept] = '\0';
		replace_text(context->reply, whole, "application/json");
	}
	free(whole);
}

/* JSON of another shape; "where" says how deep: body, list, elements or pods (the default). */
static void
apply_wrong_types(const FaultContext *context)
{
	json_t *list = json_object_get(context->reply->body, "challenge_pods");
	size_t i;
	json_t *pod;

	if (list == NULL || text_is(context, "where", "body"))
		replace_body(context->reply, json_pack("[s, i]", "challenge_pods", 1));
	else if (text_is(context, "where", "list"))
		replace_body(context->reply, json_pack("{s:{s:i}}", "challenge_pods", "pods", 1));
	else if (text_is(context, "where", "elements"))
		replace_body(context->reply, json_pack("{s:[s, i, n]}", "challenge_pods", "pod", 7));
	else
	{
		json_array_foreach(list, i, pod)
		{
			json_object_set_new(pod, "status", json_integer(1));
			json_object_set_new(pod, "webosUrl", json_array());
			json_object_set_new(pod, "user_id", json_object());
		}
	}
}

static void
apply_delay(const FaultContext *context)
{
	context->reply->delay_ms = (long) number(context, "ms", 1000);
}

static void
apply_slow_bytes(const FaultContext *context)
{
	context->reply->pace_ms = (long) number(context, "ms", 100);
}

/* A document padded to "bytes"; "announced": true sends its length first. */
static void
apply_huge_body(const FaultContext *context)
{
	context->reply->pad_to = (uint64_t) number(context, "bytes", 64 * 1024 * 1024);
	context->reply->unknown_length = !json_is_true(json_object_get(context->fault, "announced"));
}

/* A proxy's error page; "status" says with which status. */
static void
apply_html(const FaultContext *context)
{
	context->reply->status = (unsigned int) number(context, "status", 200);
	replace_text(context->reply,
	             "<!DOCTYPE html>\n<html><body><h1>Bad gateway</h1></body></html>\n",
	             "text/html; charset=utf-8");
}

/* Leads back to itself, or away ("to": another URL). */
static void
apply_redirect_loop(const FaultContext *context)
{
	const char *to = json_string_value(json_object_get(context->fault, "to"));

	context->reply->status = 302;
	context->reply->location = strdup(to != NULL ? to : context->path);
	replace_text(context->reply, "", "text/html; charset=utf-8");
}

/* The right body under another status ("status"), with which it says nothing. */
static void
apply_wrong_status(const FaultContext *context)
{
	context->reply->status = (unsigned int) number(context, "status", 500);
}

/* Answers about another pod ("name") than was asked for, which is in "pod_status". */
static void
apply_other_pod(const FaultContext *context)
{
	const char *name = json_string_value(json_object_get(context->fault, "name"));
	const char *status = json_string_value(json_object_get(context->fault, "pod_status"));

	context->reply->status = 200;
	replace_body(context->reply, json_pack("{s:s, s:s}", "name", name ? name : "another-pod",
	                                       "status", status ? status : "TERMINATING"));
}

/* Kubernetes does not answer: no pods, and no word about any.  Ends are queued all the same. */
static void
apply_kubernetes_down(const FaultContext *context)
{
	if (strcmp(context->route->name, "list-challenge-pods") == 0)
		apply_empty_list(context);
	else if (strcmp(context->route->name, "get-pod-status") == 0 ||
	         strcmp(context->route->name, "get-secret") == 0)
		apply_error500(context);
}

/* It looks at another cluster, in good faith: other pods, and ours are not found. */
static void
apply_other_cluster(const FaultContext *context)
{
	const char *route = context->route->name;

	if (strcmp(route, "list-challenge-pods") == 0)
		replace_body(context->reply, json_pack("{s:[{s:s, s:s, s:s}]}", "challenge_pods", "name",
		                                       "of-another-cluster", "status", "ACTIVE", "webosUrl",
		                                       "https://other.test"));
	else if (strcmp(route, "get-pod-status") == 0)
	{
		context->reply->status = 404;
		replace_body(context->reply,
		             json_pack("{s:s, s:s}", "error", "Pod not found", "status", "not_found"));
	}
	else if (strcmp(route, "get-secret") == 0)
	{
		context->reply->status = 404;
		replace_body(context->reply,
		             json_pack("{s:s, s:s}", "error", "Secret not found", "secret_value", "null"));
	}
}

/* Makes one byte of each character from U+0080 to U+00FF: no text any more. */
static void
make_latin1(char *text)
{
	const unsigned char *from = (const unsigned char *) text;
	unsigned char *to = (unsigned char *) text;

	while (*from != '\0')
	{
		if ((*from & 0xfc) == 0xc0)
		{
			*to++ = (unsigned char) (from[0] << 6 | (from[1] & 0x3f));
			from += 2;
		}
		else
			*to++ = *from++;
	}
	*to = '\0';
}

/*
 * Puts "text" in front of the list's elements, as it is: whatever a pod could look like; with "latin1": true in bytes
 * that are no UTF-8.
 */
static void
apply_raw_pods(const FaultContext *context)
{
	static const char head[] = "{\"challenge_pods\":[";
	json_t *list = json_object_get(context->reply->body, "challenge_pods");
	const char *raw = json_string_value(json_object_get(context->fault, "text"));
	char *elements = list == NULL ? NULL : json_dumps(list, JSON_COMPACT);
	char *whole;

	if (elements == NULL || raw == NULL)
		return;
	if (asprintf(&whole, "%s%s%s%s}", head, raw, json_array_size(list) > 0 ? "," : "",
	             elements + 1) >= 0)
	{
		if (json_is_true(json_object_get(context->fault, "latin1")))
			make_latin1(whole);
		replace_text(context->reply, whole, "application/json");
		free(whole);
	}
	free(elements);
}

/* Each pod twice, with two addresses, in an order that changes each time. */
static void
apply_listed_twice(const FaultContext *context)
{
	static unsigned int turn;
	json_t *list = json_object_get(context->reply->body, "challenge_pods");
	bool ahead = turn++ % 2 == 0;
	size_t count = json_array_size(list);

	for (size_t i = 0; i < count; i++)
	{
		json_t *pod = json_array_get(list, ahead ? 2 * i : i);
		json_t *again = json_deep_copy(pod);

		json_object_set_new(again, "webosUrl", json_string("https://another.test"));
		if (ahead)
			json_array_insert_new(list, 2 * i, again);
		else
			json_array_append_new(list, again);
	}
}

/* Labels as some releases make them: small letters and dashes. */
static void
apply_labels(const FaultContext *context)
{
	static const char *const labels[] = {"user_id", "competition_id", "challenge_name",
	                                     "challenge_type"};
	size_t i;
	json_t *pod;

	json_array_foreach(json_object_get(context->reply->body, "challenge_pods"), i, pod)
	{
		for (size_t n = 0; n < sizeof(labels) / sizeof(labels[0]); n++)
		{
			const char *text = json_string_value(json_object_get(pod, labels[n]));
			char *label = strdup(text == NULL ? "" : text);

			for (char *c = label; c != NULL && *c != '\0'; c++)
				*c = isalnum((unsigned char) *c) ? (char) tolower((unsigned char) *c) : '-';
			json_object_set_new(pod, labels[n], json_string(label));
			free(label);
		}
	}
}

static const FaultKind kinds[] = {
    {"refuse", {NULL}, apply_refuse},
    {"error500", {NULL}, apply_error500},
    {"empty_list", {NULL}, apply_empty_list},
    {"drop_pods", {"names", "pods", NULL}, apply_drop_pods},
    {"truncated_json", {"mode", "bytes", NULL}, apply_truncated_json},
    {"wrong_types", {"where", NULL}, apply_wrong_types},
    {"delay", {"ms", NULL}, apply_delay},
    {"slow_bytes", {"ms", NULL}, apply_slow_bytes},
    {"huge_body", {"bytes", "announced", NULL}, apply_huge_body},
    {"html", {"status", NULL}, apply_html},
    {"redirect_loop", {"to", NULL}, apply_redirect_loop},
    {"wrong_status", {"status", NULL}, apply_wrong_status},
    {"other_pod", {"name", "pod_status", NULL}, apply_other_pod},
    {"kubernetes_down", {NULL}, apply_kubernetes_down},
    {"other_cluster", {NULL}, apply_other_cluster},
    {"raw_pods", {"text", "latin1", NULL}, apply_raw_pods},
    {"listed_twice", {NULL}, apply_listed_twice},
    {"labels", {NULL}, apply_labels},
};

static const FaultKind *
kind_named(const char *name)
{
	for (size_t i = 0; name != NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

static bool
route_known(const char *name)
{
	for (const Route *route = api_routes; route->method != NULL; route++)
		if (strcmp(route->name, name) == 0)
			return true;
	return false;
}

/* The type that a parameter must have, by its name; names are shared by all kinds. */
static bool
parameter_accepts(const char *key, const json_t *value)
{
	static const char *const texts[] = {"fault", "route",      "mode", "where", "to",
	                                    "name",  "pod_status", "text", "match", NULL};

	for (size_t i = 0; texts[i] != NULL; i++)
		if (strcmp(key, texts[i]) == 0)
			return json_is_string(value);
	if (strcmp(key, "names") == 0)
		return json_is_array(value);
	if (strcmp(key, "announced") == 0 || strcmp(key, "latin1") == 0)
		return json_is_boolean(value);
	return json_is_integer(value) && json_integer_value(value) >= 0;
}

static bool
parameter_known(const FaultKind *kind, const char *key)
{
	if (strcmp(key, "fault") == 0 || strcmp(key, "route") == 0 || strcmp(key, "count") == 0 ||
	    strcmp(key, "match") == 0)
		return true;
	for (size_t i = 0; kind->parameters[i] != NULL; i++)
		if (strcmp(kind->parameters[i], key) == 0)
			return true;
	return false;
}

/* Switches a fault on, in place of the one that its route had; says what is wrong if it cannot. */
bool
faults_set(const json_t *wanted, char *problem, size_t size)
{
	const FaultKind *kind = kind_named(json_string_value(json_object_get(wanted, "fault")));
	const char *route = json_string_value(json_object_get(wanted, "route"));
	const char *key;
	json_t *value;

	if (kind == NULL)
	{
		snprintf(problem, size, "parameter \"fault\" does not name a fault");
		return false;
	}
	json_object_foreach((json_t *) wanted, key, value)
	{
		if (!parameter_known(kind, key) || !parameter_accepts(key, value))
		{
			snprintf(problem, size, "parameter \"%s\" is not known or has the wrong type", key);
			return false;
		}
	}
	if (route != NULL && !route_known(route))
	{
		snprintf(problem, size, "parameter \"route\" does not name a route");
		return false;
	}
	json_object_set_new(faults, route == NULL ? ANY_ROUTE : route, json_deep_copy(wanted));
	return true;
}

/* Switches off the fault of one route, or all of them (route NULL). */
void
faults_clear(const char *route)
{
	if (route == NULL)
		json_object_clear(faults);
	else
		json_object_del(faults, route);
}

/* The faults that are on, keyed by route; the caller owns the copy. */
json_t *
faults_all(void)
{
	return json_deep_copy(faults);
}

/* Whether the fault is for questions about this pod, or (NULL) about none. */
static bool
is_for(const json_t *fault, const char *pod)
{
	const char *match = json_string_value(json_object_get(fault, "match"));

	return match == NULL || (pod != NULL && strncmp(pod, match, strlen(match)) == 0);
}

/*
 * The fault that the next answer of this route has, counted as used; NULL for none.  pod: which one the request is
 * about, or NULL.
 */
json_t *
faults_take(const char *route, const char *pod)
{
	const char *key = json_object_get(faults, route) != NULL ? route : ANY_ROUTE;
	json_t *fault = json_object_get(faults, key);
	json_t *count = json_object_get(fault, "count");
	json_t *taken;

	if (fault == NULL || !is_for(fault, pod))
		return NULL;
	taken = json_deep_copy(fault);
	if (count != NULL)
	{
		json_integer_set(count, json_integer_value(count) - 1);
		if (json_integer_value(count) <= 0)
			json_object_del(faults, key);
	}
	return taken;
}

/* Spoils the reply. */
void
faults_apply(const json_t *fault, const Route *route, const char *path, Reply *reply)
{
	FaultContext context = {fault, route, path, reply};
	const FaultKind *kind = kind_named(json_string_value(json_object_get(fault, "fault")));

	if (kind != NULL)
		kind->apply(&context);
}
