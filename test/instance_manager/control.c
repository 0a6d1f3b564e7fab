/*
 * control.c
 *	  Routes under /control, by which a test decides what the simulator pretends.
 */
#include <string.h>

#include "faults.h"
#include "pods.h"
#include "server.h"

/* Puts the outcome of a change into the reply. */
static void
report(Reply *reply, bool done, const char *problem)
{
	if (done)
		reply->body = json_pack("{s:b}", "ok", 1);
	else
	{
		reply->status = 400;
		reply->body = json_pack("{s:s}", "error", problem);
	}
}

static void
control_pods_get(const Request *request, Reply *reply)
{
	(void) request;
	reply->body = json_deep_copy(pods_all());
}

/* One pod, or an array of them; an array with a bad member stops there. */
static void
control_pods_post(const Request *request, Reply *reply)
{
	char problem[200] = "";
	bool done = true;

	if (json_is_array(request->body))
	{
		for (size_t i = 0; done && i < json_array_size(request->body); i++)
			done = pods_put(json_array_get(request->body, i), problem, sizeof(problem));
	}
	else
		done = pods_put(request->body, problem, sizeof(problem));
	report(reply, done, problem);
}

static void
control_pods_delete(const Request *request, Reply *reply)
{
	if (pods_remove(request->tail))
		report(reply, true, NULL);
	else
	{
		reply->status = 404;
		reply->body = json_pack("{s:s}", "error", "there is no such pod");
	}
}

static void
control_fault_get(const Request *request, Reply *reply)
{
	(void) request;
	reply->body = faults_all();
}

static void
control_fault_post(const Request *request, Reply *reply)
{
	char problem[200] = "";

	report(reply, faults_set(request->body, problem, sizeof(problem)), problem);
}

static void
control_fault_delete(const Request *request, Reply *reply)
{
	faults_clear(request_argument(request, "route"));
	report(reply, true, NULL);
}

static void
control_requests_get(const Request *request, Reply *reply)
{
	(void) request;
	reply->body = server_counters();
}

static void
control_asked_get(const Request *request, Reply *reply)
{
	(void) request;
	reply->body = server_asked();
}

static void
control_requests_delete(const Request *request, Reply *reply)
{
	(void) request;
	server_reset_counters();
	report(reply, true, NULL);
}

const Route control_routes[] = {
    {.method = "GET", .path = "/control/pods", .handle = control_pods_get},
    {.method = "POST", .path = "/control/pods", .handle = control_pods_post},
    {.method = "DELETE",
     .path = "/control/pods/",
     .handle = control_pods_delete,
     .takes_tail = true},
    {.method = "GET", .path = "/control/fault", .handle = control_fault_get},
    {.method = "POST", .path = "/control/fault", .handle = control_fault_post},
    {.method = "DELETE", .path = "/control/fault", .handle = control_fault_delete},
    {.method = "GET", .path = "/control/asked", .handle = control_asked_get},
    {.method = "GET", .path = "/control/requests", .handle = control_requests_get},
    {.method = "DELETE", .path = "/control/requests", .handle = control_requests_delete},
    {.method = NULL},
};
