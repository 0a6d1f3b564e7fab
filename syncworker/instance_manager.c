/*
 * instance_manager.c
 *	  What is asked of the Instance Manager, and what its answers say.
 *
 * The answers are put into the words that edurange.sync_apply() takes; what they mean for an
 * instance is decided there.  An answer that is not wholly as it should be says nothing.
 */
#include "postgres.h"

#include <curl/curl.h>
#include <jansson.h>

#include "http.h"
#include "instance_manager.h"

#define LIST_ROUTE "list-challenge-pods"
#define SCHEMA_ROUTE "schema"
#define STATUS_ROUTE "get-pod-status"
#define SECRET_ROUTE "get-secret"
#define END_ROUTE "end-challenge"

/* Asked for only to see whether somebody answers; no pod is called so. */
#define PROBE_NAME "edurange-probe"

#define NOT_FOUND "not_found"
#define NO_URL "edurange.instance_manager_url is not a plain http or https URL"

/* "name=value"; NULL without memory. */
static char *
query_text(const char *name, const char *value)
{
	size_t size = strlen(name) + strlen(value) + 2;
	char *text = malloc(size);

	if (text != NULL)
		snprintf(text, size, "%s=%s", name, value);
	return text;
}

/*
 * Path of a route below the path of a base URL: slashes are single, and "/api" is appended unless
 * it is there.  The caller frees; NULL without memory.
 */
static char *
route_path(const char *base, const char *route)
{
	static const char api[] = "/api";
	size_t size = strlen(base) + strlen(api) + strlen(route) + 2;
	char *path = malloc(size);
	size_t length = 0;
	bool has_api;

	if (path == NULL)
		return NULL;
	for (const char *p = base; *p != '\0'; p++)
		if (*p != '/' || length == 0 || path[length - 1] != '/')
			path[length++] = *p;
	if (length > 0 && path[length - 1] == '/')
		length--;
	path[length] = '\0';
	has_api = length >= strlen(api) && strcmp(path + length - strlen(api), api) == 0;
	snprintf(path + length, size - length, "%s/%s", has_api ? "" : api, route);
	return path;
}

/* Whether the URL is one that can be extended by a path: http or https, nothing after the path. */
static bool
base_url_usable(CURLU *url)
{
	char *scheme = NULL;
	char *rest = NULL;
	bool usable;

	usable = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	         (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
	         curl_url_get(url, CURLUPART_QUERY, &rest, 0) == CURLUE_NO_QUERY &&
	         curl_url_get(url, CURLUPART_FRAGMENT, &rest, 0) == CURLUE_NO_FRAGMENT;
	curl_free(scheme);
	curl_free(rest);
	return usable;
}

/*
 * The URL of a route, about a pod if one is named; NULL when the base URL is no good.  The caller
 * frees.
 */
static char *
route_url(const char *base_url, const char *route, const char *pod_name)
{
	CURLU *url = curl_url();
	char *base_path = NULL;
	char *path = NULL;
	char *query = NULL;
	char *whole = NULL;
	char *result = NULL;

	if (pod_name != NULL)
		query = query_text("pod_name", pod_name);
	if (url != NULL && curl_url_set(url, CURLUPART_URL, base_url, 0) == CURLUE_OK &&
	    base_url_usable(url) && curl_url_get(url, CURLUPART_PATH, &base_path, 0) == CURLUE_OK &&
	    (path = route_path(base_path, route)) != NULL &&
	    curl_url_set(url, CURLUPART_PATH, path, 0) == CURLUE_OK &&
	    (pod_name == NULL ||
	     (query != NULL && curl_url_set(url, CURLUPART_QUERY, query,
	                                    CURLU_URLENCODE | CURLU_APPENDQUERY) == CURLUE_OK)) &&
	    curl_url_get(url, CURLUPART_URL, &whole, 0) == CURLUE_OK)
		result = strdup(whole);
	free(path);
	free(query);
	curl_free(base_path);
	curl_free(whole);
	curl_url_cleanup(url);
	return result;
}

/* Why a request has no response that counts: the reason, or its status. */
static const char *
request_problem(const HttpRequest *request, char *buffer, size_t size)
{
	if (request->status == 0)
		snprintf(buffer, size, "%s",
		         request->problem[0] != '\0' ? request->problem : "out of a resource");
	else
		snprintf(buffer, size, "HTTP %ld", request->status);
	return buffer;
}

/* Asks for a document.  True: the reply has what came with 200; else the reason. */
static bool
get_document(const ImTarget *target, const char *route, ImReply *reply)
{
	HttpRequest request = {.url = route_url(target->base_url, route, NULL)};
	HttpLimits limits = {1, target->timeout_ms, target->timeout_ms};
	const char *problem = NULL;

	memset(reply, 0, sizeof(*reply));
	if (request.url == NULL)
		problem = NO_URL;
	else
	{
		http_run(&request, 1, &limits);
		reply->reached = request.reached;
		reply->answered = request.status != 0;
		if (request.status != 200)
			problem = request_problem(&request, reply->problem, sizeof(reply->problem));
		else if (request.body == NULL)
			problem = "empty response";
	}
	if (problem == NULL)
	{
		reply->body = request.body;
		reply->length = request.length;
		request.body = NULL;
	}
	else if (problem != reply->problem)
		strlcpy(reply->problem, problem, sizeof(reply->problem));
	http_free(&request);
	return reply->body != NULL;
}

/* Frees the body of a reply. */
void
im_reply_free(ImReply *reply)
{
	free(reply->body);
	reply->body = NULL;
	reply->length = 0;
}

/* Asks for the list of pods.  Whether it is one is judged where it is applied. */
bool
im_list_pods(const ImTarget *target, ImReply *reply)
{
	return get_document(target, LIST_ROUTE, reply);
}

/* Why a reply is no schema, or NULL; whether it can be used shows when it is set. */
static const char *
schema_problem(const ImReply *reply)
{
	json_t *document = json_loadb(reply->body, reply->length, JSON_REJECT_DUPLICATES, NULL);
	const char *problem = NULL;

	if (document == NULL)
		problem = "the response is not valid JSON";
	else if (json_object_size(document) == 0)
		problem = "the response is no JSON schema";
	json_decref(document);
	return problem;
}

/* Asks for the schema of challenge definitions. */
bool
im_get_schema(const ImTarget *target, ImReply *reply)
{
	const char *problem;

	if (!get_document(target, SCHEMA_ROUTE, reply))
		return false;
	problem = schema_problem(reply);
	if (problem == NULL)
		return true;
	im_reply_free(reply);
	strlcpy(reply->problem, problem, sizeof(reply->problem));
	return false;
}

/* Whether somebody answers over HTTP, whatever the answer: one small request. */
bool
im_answers(const ImTarget *target)
{
	HttpRequest request = {.url = route_url(target->base_url, STATUS_ROUTE, PROBE_NAME)};
	HttpLimits limits = {1, target->timeout_ms, target->timeout_ms};
	bool answers = false;

	if (request.url != NULL)
	{
		http_run(&request, 1, &limits);
		answers = request.status != 0;
	}
	http_free(&request);
	return answers;
}

/* Makes the request for an element of one of the lists of what is wanted. */
typedef void (*MakeRequest)(const ImTarget *target, const json_t *wanted, HttpRequest *request);

/* Puts what came of it into the evidence, or notes in problem that nothing did. */
typedef void (*ReadAnswer)(const json_t *wanted, const HttpRequest *request, ImEvidence *evidence,
                           json_t *list);

static const char *
member_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* A request with a JSON object of one text as its content. */
static void
make_post(const ImTarget *target, const char *route, const char *key, const char *value,
          HttpRequest *request)
{
	json_t *content = json_pack("{s:s}", key, value);

	request->url = route_url(target->base_url, route, NULL);
	request->content = json_dumps(content, JSON_COMPACT);
	json_decref(content);
}

static void
make_end_request(const ImTarget *target, const json_t *wanted, HttpRequest *request)
{
	make_post(target, END_ROUTE, "deployment_name", member_text(wanted, "name"), request);
}

static void
make_status_request(const ImTarget *target, const json_t *wanted, HttpRequest *request)
{
	request->url = route_url(target->base_url, STATUS_ROUTE, member_text(wanted, "name"));
}

static void
make_secret_request(const ImTarget *target, const json_t *wanted, HttpRequest *request)
{
	make_post(target, SECRET_ROUTE, "secret_name", member_text(wanted, "secret_name"), request);
}

/* Remembers the first thing that went wrong. */
static void
note_problem(ImEvidence *evidence, const char *route, const HttpRequest *request)
{
	char buffer[sizeof(request->problem)];

	if (evidence->problem[0] != '\0')
		return;
	snprintf(evidence->problem, sizeof(evidence->problem), "%s: %s", route,
	         request_problem(request, buffer, sizeof(buffer)));
}

/* The end of a pod is only requested; later lists show it. */
static void
read_end_answer(const json_t *wanted, const HttpRequest *request, ImEvidence *evidence,
                json_t *list)
{
	if (request->status < 200 || request->status > 299)
		note_problem(evidence, END_ROUTE, request);
}

/*
 * A status counts with 200, and "not found" with 404 and the words of the Instance Manager: the 404
 * of a proxy proves nothing.
 */
static void
read_status_answer(const json_t *wanted, const HttpRequest *request, ImEvidence *evidence,
                   json_t *list)
{
	static const char *const known[] = {"CREATING", "ACTIVE", "TERMINATING", "ERROR"};
	const char *name = member_text(wanted, "name");
	json_t *answer =
	    request->body == NULL ? NULL : json_loadb(request->body, request->length, 0, NULL);
	const char *status = member_text(answer, "status");
	const char *about = member_text(answer, "name");
	const char *evident = "unknown";

	if (status != NULL && request->status == 404 && strcmp(status, NOT_FOUND) == 0)
		evident = NOT_FOUND;
	for (int i = 0; i < lengthof(known); i++)
		if (status != NULL && request->status == 200 && strcmp(status, known[i]) == 0 &&
		    (about == NULL || strcmp(about, name) == 0))
			evident = known[i];
	if (request->status == 0)
		note_problem(evidence, STATUS_ROUTE, request);
	json_array_append_new(list, json_pack("{s:s, s:s}", "name", name, "status", evident));
	json_decref(answer);
}

/* A flag counts with 200; whether it can be one is judged where it is stored. */
static void
read_secret_answer(const json_t *wanted, const HttpRequest *request, ImEvidence *evidence,
                   json_t *list)
{
	json_t *answer = request->status != 200 || request->body == NULL
	                     ? NULL
	                     : json_loadb(request->body, request->length, 0, NULL);
	json_t *result = json_deep_copy(wanted);
	json_t *value = json_object_get(answer, "secret_value");

	if (json_is_string(value))
		json_object_set(result, "value", value);
	if (request->status == 0)
		note_problem(evidence, SECRET_ROUTE, request);
	json_array_append_new(list, result);
	json_decref(answer);
}

/* The lists of what is wanted, in the order in which they are asked. */
static const struct
{
	const char *list;
	MakeRequest make;
	ReadAnswer read;
} kinds[] = {
    {"ends", make_end_request, read_end_answer},
    {"statuses", make_status_request, read_status_answer},
    {"secrets", make_secret_request, read_secret_answer},
};

#define KIND_COUNT lengthof(kinds)

static size_t
count_wanted(const json_t *wanted)
{
	size_t count = 0;

	for (int i = 0; i < KIND_COUNT; i++)
		count += json_array_size(json_object_get(wanted, kinds[i].list));
	return count;
}

/* Reads the answers to what was asked; what was not begun stays wanted. */
static void
read_answers(const json_t *wanted, HttpRequest *requests, ImEvidence *evidence)
{
	json_t *document = json_pack("{}"); /* the server has a json_object() of its own */
	HttpRequest *request = requests;

	for (int i = 0; i < KIND_COUNT; i++)
	{
		json_t *list = json_array();
		json_t *element;
		size_t n;

		json_array_foreach(json_object_get(wanted, kinds[i].list), n, element)
		{
			evidence->left += request->begun ? 0 : 1;
			evidence->answered += request->status != 0 ? 1 : 0;
			if (request->begun)
				kinds[i].read(element, request, evidence, list);
			http_free(request++);
		}
		json_object_set_new(document, kinds[i].list, list);
	}
	evidence->text = json_dumps(document, JSON_COMPACT);
	json_decref(document);
}

/*
 * Asks for all that is wanted: {"ends": [{name}], "statuses": [{name}], "secrets": [{name,
 * secret_name}]}.  The evidence has the answers in the same shape, with status and value.
 */
void
im_ask(const ImTarget *target, int concurrency, const char *wanted_text, ImEvidence *evidence)
{
	json_t *wanted = json_loads(wanted_text, 0, NULL);
	size_t count = count_wanted(wanted);
	HttpRequest *requests = calloc(Max(count, 1), sizeof(HttpRequest));
	HttpLimits limits = {concurrency, target->timeout_ms, target->timeout_ms};
	HttpRequest *request = requests;

	memset(evidence, 0, sizeof(*evidence));
	if (requests != NULL && count > 0)
	{
		for (int i = 0; i < KIND_COUNT; i++)
		{
			json_t *element;
			size_t n;

			json_array_foreach(json_object_get(wanted, kinds[i].list), n, element) kinds[i].make(
			    target, element, request++);
		}
		http_run(requests, count, &limits);
		read_answers(wanted, requests, evidence);
	}
	free(requests);
	json_decref(wanted);
}

/* Frees what the evidence holds. */
void
im_evidence_free(ImEvidence *evidence)
{
	free(evidence->text);
	evidence->text = NULL;
}
