/*
 * routes.c
 *	  The Instance Manager's own routes, with the bodies and oddities of the real one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pods.h"
#include "server.h"

static const char *schema_path;

/* Remembers which file GET /api/schema serves; NULL makes that route fail. */
void
routes_start(const char *schema_file)
{
	schema_path = schema_file;
}

/* Every route reports failure with "error"; two of them add a key of their own. */
static void
fail_plain(Reply *reply)
{
	reply->status = 500;
	reply->body = json_pack("{s:s}", "error", "internal error");
}

static void
fail_status(Reply *reply)
{
	reply->status = 500;
	reply->body = json_pack("{s:s, s:s}", "error", "cluster error", "status", "error");
}

static void
fail_secret(Reply *reply)
{
	reply->status = 500;
	reply->body = json_pack("{s:s, s:s}", "error", "internal error", "secret_value", "null");
}

static void
refuse(Reply *reply, unsigned int status, const char *message)
{
	reply->status = status;
	reply->body = json_pack("{s:s}", "error", message);
}

/* The text of a key of the body; NULL when it is missing, empty or no text. */
static const char *
body_text(const Request *request, const char *key)
{
	const char *text = json_string_value(json_object_get(request->body, key));

	return text != NULL && *text != '\0' ? text : NULL;
}

static void
list_challenge_pods(const Request *request, Reply *reply)
{
	json_t *list = json_array();
	const char *name;
	json_t *pod;

	(void) request;
	json_object_foreach(pods_all(), name, pod)
	{
		if (json_is_true(json_object_get(pod, "listed")))
			json_array_append_new(list, pods_list_entry(pod));
	}
	reply->body = json_pack("{s:o}", "challenge_pods", list);
}

static void
get_pod_status(const Request *request, Reply *reply)
{
	const char *name = request_argument(request, "pod_name");
	json_t *pod;

	if (name == NULL || !pods_name_valid(name))
	{
		refuse(reply, 400, "pod_name must be a lower-case DNS label of at most 63 characters");
		return;
	}
	pod = pods_find(name);
	if (pod == NULL)
	{
		reply->status = 404;
		reply->body = json_pack("{s:s, s:s}", "error", "Pod not found", "status", "not_found");
		return;
	}
	reply->body = pods_status_entry(pod);
	if (reply->body == NULL)
		fail_plain(reply);
}

/* The pod whose flag a secret name means: the named secret, its variants, or the pod itself. */
static json_t *
pod_of_secret(const char *secret)
{
	static const char *const prefixes[] = {"flag-secret-", "ctfchal-", "flag-", ""};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
	{
		size_t length = strlen(prefixes[i]);
		json_t *pod = NULL;

		if (strncmp(secret, prefixes[i], length) == 0)
			pod = pods_find(secret + length);
		if (pod != NULL)
			return pod;
	}
	return NULL;
}

static void
get_secret(const Request *request, Reply *reply)
{
	const char *secret = body_text(request, "secret_name");
	json_t *flag;

	if (secret == NULL)
	{
		refuse(reply, 400, "secret_name is missing");
		return;
	}
	flag = json_object_get(pod_of_secret(secret), "flag");
	if (json_is_string(flag))
		reply->body = json_pack("{s:O}", "secret_value", flag);
	else
	{
		reply->status = 404;
		reply->body = json_pack("{s:s, s:s}", "error", "Secret not found", "secret_value", "null");
	}
}

static void
get_schema(const Request *request, Reply *reply)
{
	(void) request;
	if (schema_path != NULL)
		reply->body = json_load_file(schema_path, 0, NULL);
	if (reply->body == NULL)
		fail_plain(reply);
}

/*
 * Queues a start, as the real one does: 202 with the place in the queue, 429 when that is full.  The challenge is
 * named and typed by its document.
 */
static void
start_challenge(const Request *request, Reply *reply)
{
	static const char *const needed[] = {"user_id", "competition_id", "deployment_name"};
	static unsigned int task;
	json_t *cdf = json_object_get(request->body, "cdf_content");
	json_t *metadata = json_object_get(cdf, "metadata");
	json_t *name = json_object_get(metadata, "name");
	json_t *type = json_object_get(metadata, "challenge_type");
	json_t *pod;
	int place;

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (body_text(request, needed[i]) == NULL)
		{
			refuse(reply, 400, "user_id, competition_id and deployment_name are needed");
			return;
		}
	if (!json_is_object(cdf) || !pods_name_valid(body_text(request, "deployment_name")))
	{
		refuse(reply, 400, "cdf_content must be an object, deployment_name a DNS label");
		return;
	}
	pod = json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", body_text(request, "deployment_name"),
	                "user_id", body_text(request, "user_id"), "competition_id",
	                body_text(request, "competition_id"), "challenge_name",
	                json_is_string(name) ? json_string_value(name) : "unknown", "challenge_type",
	                json_is_string(type) ? json_string_value(type) : "unknown");
	place = pods_queue(pod);
	json_decref(pod);
	reply->status = place > 0 ? 202 : 429;
	if (place > 0)
		reply->body = json_pack("{s:b, s:b, s:o, s:s, s:i, s:i, s:s}", "success", 1, "queued", 1,
		                        "task_id", json_sprintf("start-%u", ++task), "message",
		                        "The start of the challenge is queued", "queue_position", place,
		                        "priority", 2, "status", "queued");
	else
		reply->body = json_pack("{s:s, s:i}", "error", "The queue is full", "retryAfter", 60);
}

/* Accepts whatever it is asked to end, as the real queue does; an unknown name changes nothing. */
static void
end_challenge(const Request *request, Reply *reply)
{
	static unsigned int task;
	const char *name = body_text(request, "deployment_name");

	if (name == NULL)
	{
		refuse(reply, 400, "deployment_name is missing");
		return;
	}
	pods_terminate(name);
	reply->status = 202;
	reply->body = json_pack("{s:b, s:s, s:o, s:s}", "success", 1, "message",
	                        "The end of the challenge is queued", "task_id",
	                        json_sprintf("task-%u", ++task), "status", "queued");
}

const Route api_routes[] = {
    {.method = "GET",
     .path = "/api/list-challenge-pods",
     .name = "list-challenge-pods",
     .handle = list_challenge_pods,
     .fail = fail_plain},
    {.method = "GET",
     .path = "/api/get-pod-status",
     .name = "get-pod-status",
     .handle = get_pod_status,
     .fail = fail_status},
    {.method = "POST",
     .path = "/api/get-secret",
     .name = "get-secret",
     .handle = get_secret,
     .fail = fail_secret},
    {.method = "GET",
     .path = "/api/schema",
     .name = "schema",
     .handle = get_schema,
     .fail = fail_plain},
    {.method = "POST",
     .path = "/api/start-challenge",
     .name = "start-challenge",
     .handle = start_challenge,
     .fail = fail_plain},
    {.method = "POST",
     .path = "/api/end-challenge",
     .name = "end-challenge",
     .handle = end_challenge,
     .fail = fail_plain},
    {.method = NULL},
};
