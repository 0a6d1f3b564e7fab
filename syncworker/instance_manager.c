/*
 * instance_manager.c
 *	  What is asked of the Instance Manager, and what its answers say.
 *
 * The answers are put into the words that edurange.sync_apply() takes; what they mean for an
 * instance is decided there.  An answer that is not wholly as it should be says nothing.
 */
#include "postgres.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <unistd.h>

#include "storage/fd.h"

#include "instance_manager.h"

#define LIST_ROUTE "list-challenge-pods"
#define SCHEMA_ROUTE "schema"

/* Asked for only to see whether somebody answers; no pod is called so. */
#define PROBE_NAME "edurange-probe"

#define NOT_FOUND "not_found"
#define UNKNOWN "unknown"
#define NO_URL "edurange.instance_manager_url is not a plain http or https URL"
#define MAX_PASSWORD 1024

/*
 * How large answers may be: the list; the schema, of which the database takes no larger one; and those about a single
 * pod, of which many come at once.
 */
#define MAX_LIST (32 * 1024 * 1024)
#define MAX_SCHEMA (1024 * 1024)
#define MAX_ANSWER (64 * 1024)

const char *const im_lists[] = {
    [IM_END] = "ends", [IM_STATUS] = "statuses", [IM_SECRET] = "secrets"};
const char *const im_routes[] = {
    [IM_END] = "end-challenge", [IM_STATUS] = "get-pod-status", [IM_SECRET] = "get-secret"};

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

/* Takes a part out of the URL, which is shown nowhere then; NULL: there is none.  The caller frees. */
static char *
take_part(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	char *copy = NULL;

	if (curl_url_get(url, part, &text, CURLU_URLDECODE) == CURLUE_OK)
		copy = strdup(text);
	curl_free(text);
	(void) curl_url_set(url, part, NULL, 0);
	return copy;
}

/* The first line of the password's file; NULL, with the reason, when there is none.  The caller frees. */
static char *
read_password(const char *path, char *problem, size_t size)
{
	char line[MAX_PASSWORD + 2] = "";
	int file = OpenTransientFile(path, O_RDONLY | O_NONBLOCK); /* be it a pipe, too */
	ssize_t length = file < 0 ? -1 : read(file, line, sizeof(line) - 1);

	if (length <= 0)
		snprintf(problem, size, "edurange.instance_manager_password_file: %s",
		         length < 0 ? strerror(errno) : "the file is empty");
	if (file >= 0)
		CloseTransientFile(file);
	line[strcspn(line, "\r\n")] = '\0';
	if (problem[0] == '\0' && strlen(line) > MAX_PASSWORD)
		snprintf(problem, size, "edurange.instance_manager_password_file: the line is too long");
	return problem[0] == '\0' ? strdup(line) : NULL;
}

/*
 * Gives a request the URL of a route, about a pod if one is named, who asks, and how large the answer may be.  Where the base URL or the
 * password's file is no good the request has the reason.
 */
static void
set_route(const ImTarget *target, const char *route, const char *pod_name, size_t most,
          HttpRequest *request)
{
	CURLU *url = curl_url();
	char *base_path = NULL;
	char *path = NULL;
	char *query = NULL;
	char *whole = NULL;

	request->most = most;
	if (pod_name != NULL)
		query = query_text("pod_name", pod_name);
	if (url != NULL && curl_url_set(url, CURLUPART_URL, target->base_url, 0) == CURLUE_OK &&
	    base_url_usable(url) && curl_url_get(url, CURLUPART_PATH, &base_path, 0) == CURLUE_OK &&
	    (path = route_path(base_path, route)) != NULL &&
	    curl_url_set(url, CURLUPART_PATH, path, 0) == CURLUE_OK &&
	    (pod_name == NULL ||
	     (query != NULL && curl_url_set(url, CURLUPART_QUERY, query,
	                                    CURLU_URLENCODE | CURLU_APPENDQUERY) == CURLUE_OK)))
	{
		request->user = take_part(url, CURLUPART_USER);
		free(take_part(url, CURLUPART_PASSWORD));
		if (curl_url_get(url, CURLUPART_URL, &whole, 0) == CURLUE_OK)
			request->url = strdup(whole);
	}
	if (request->url == NULL)
		strlcpy(request->problem, NO_URL, sizeof(request->problem));
	else if (target->password_file[0] != '\0')
		request->password =
		    read_password(target->password_file, request->problem, sizeof(request->problem));
	free(path);
	free(query);
	curl_free(base_path);
	curl_free(whole);
	curl_url_cleanup(url);
}

/* Asks for the list of pods.  Whether what comes is one is judged where it is applied. */
void
im_make_list_request(const ImTarget *target, HttpRequest *request)
{
	set_route(target, LIST_ROUTE, NULL, MAX_LIST, request);
}

/* Asks for the schema of challenge definitions. */
void
im_make_schema_request(const ImTarget *target, HttpRequest *request)
{
	set_route(target, SCHEMA_ROUTE, NULL, MAX_SCHEMA, request);
}

/* One small request, whose answer says that somebody answers, whatever it says. */
void
im_make_probe(const ImTarget *target, HttpRequest *request)
{
	set_route(target, im_routes[IM_STATUS], PROBE_NAME, MAX_ANSWER, request);
}

static const char *
member_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* A question about a pod: a status by GET, the others with a JSON object of one text to POST. */
void
im_make_question(const ImTarget *target, ImQuestion question, const json_t *wanted,
                 HttpRequest *request)
{
	const char *name = member_text(wanted, "name");
	json_t *content = NULL;

	set_route(target, im_routes[question], question == IM_STATUS ? name : NULL, MAX_ANSWER,
	          request);
	request->once = question == IM_END; /* it is counted */
	if (question == IM_END)
		content = json_pack("{s:s}", "deployment_name", name);
	else if (question == IM_SECRET)
		content = json_pack("{s:s}", "secret_name", member_text(wanted, "secret_name"));
	if (content != NULL)
		request->content = json_dumps(content, JSON_COMPACT);
	json_decref(content);
}

const char *
im_document_problem(const HttpRequest *request, char *buffer, size_t size)
{
	if (request->status == 200 && request->body != NULL)
		return NULL;
	if (request->status == 200)
		strlcpy(buffer, "empty response", size);
	else if (request->status != 0)
		snprintf(buffer, size, "HTTP %ld", request->status);
	else
		strlcpy(buffer, request->problem, size);
	return buffer;
}

/* Whether a schema can be used shows when it is set.  Refused here is what jsonb would hide: that a key is there twice. */
const char *
im_schema_problem(const HttpRequest *request, char *buffer, size_t size)
{
	const char *problem = im_document_problem(request, buffer, size);
	json_t *document;

	if (problem != NULL)
		return problem;
	document = json_loadb(request->body, request->length, JSON_REJECT_DUPLICATES, NULL);
	if (document == NULL)
		problem = "the response is not valid JSON";
	else if (json_object_size(document) == 0)
		problem = "the response is no JSON schema";
	json_decref(document);
	return problem;
}

/*
 * A status counts with 200, and "not found" with 404 and the words of the Instance Manager: the 404
 * of a proxy proves nothing.
 */
static const char *
evident_status(const char *name, const json_t *answer, long http_status)
{
	static const char *const known[] = {"CREATING", "ACTIVE", "TERMINATING", "ERROR"};
	const char *status = member_text(answer, "status");
	const char *about = member_text(answer, "name");

	if (status == NULL)
		return UNKNOWN;
	if (http_status == 404 && strcmp(status, NOT_FOUND) == 0)
		return NOT_FOUND;
	for (int i = 0; i < lengthof(known); i++)
		if (http_status == 200 && strcmp(status, known[i]) == 0 &&
		    (about == NULL || strcmp(about, name) == 0))
			return known[i];
	return UNKNOWN;
}

json_t *
im_read_answer(ImQuestion question, const json_t *wanted, const HttpRequest *request)
{
	const char *name = member_text(wanted, "name");
	json_t *document =
	    request->body == NULL ? NULL : json_loadb(request->body, request->length, 0, NULL);
	json_t *value = json_object_get(document, "secret_value");
	json_t *answer = NULL;

	switch (question)
	{
		case IM_END: /* only requested; later lists show it */
			answer = json_pack("{s:s, s:b}", "name", name, "accepted",
			                   request->status >= 200 && request->status <= 299);
			break;
		case IM_STATUS:
			answer = json_pack("{s:s, s:s}", "name", name, "status",
			                   evident_status(name, document, request->status));
			break;
		case IM_SECRET: /* whether it can be a flag is judged where it is stored */
			answer = json_pack("{s:s, s:s}", "name", name, "secret_name",
			                   member_text(wanted, "secret_name"));
			if (request->status == 200 && json_is_string(value))
				json_object_set(answer, "value", value);
			break;
		case IM_QUESTIONS:
			break;
	}
	json_decref(document);
	return answer;
}

bool
im_is_of_use(ImQuestion question, const json_t *answer, const HttpRequest *request)
{
	if (question == IM_STATUS)
		return answer != NULL && strcmp(member_text(answer, "status"), UNKNOWN) != 0;
	return request->status >= 200 && request->status <= 299;
}

json_t *
im_answer_without_news(ImQuestion question, const json_t *answer)
{
	json_t *blank = json_deep_copy(answer);

	if (question == IM_STATUS)
		json_object_set_new(blank, "status", json_string(UNKNOWN));
	else if (question == IM_SECRET)
		json_object_del(blank, "value");
	return blank;
}
