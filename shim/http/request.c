/*
 * request.c
 *	  A request from its first byte to the end of its response, as the files that serve it share it.
 */
#include "http/request.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/counters.h"

/* Does none begin any more? */
static atomic_bool ended;

void
request_end_all(void)
{
	atomic_store(&ended, true);
}

void *
request_begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
	Worker *worker = cls;
	Request *request;

	/* counted first: who waits for the end sees it, or is seen here */
	counter_add(COUNTER_REQUESTS, 1);
	request = atomic_load(&ended) ? NULL : calloc(1, sizeof(Request));
	if (request == NULL)
	{
		counter_add(COUNTER_REQUESTS, -1);
		return NULL;
	}
	request->worker = worker;
	request->config = worker->config;
	request->connection = connection;
	request->client = client_of(connection);
	if (request->client != NULL)
		request->client->request = request;
	request->raw_uri = uri;
	request->raw_uri_length = strlen(uri);
	request->uri = strdup(uri);
	clock_gettime(CLOCK_MONOTONIC, &request->begun);
	return request;
}

int64_t
request_age_us(const Request *request)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - request->begun.tv_sec) * INT64_C(1000000) +
	       (now.tv_nsec - request->begun.tv_nsec) / 1000;
}

void
request_free(Request *request)
{
	if (request->client != NULL)
		request->client->request = NULL;
	failure_clear(&request->failure);
	identity_free(&request->identity);
	values_free(&request->values);
	upload_free(&request->upload);
	json_decref(request->members);
	free(request->reply);
	free(request->file);
	spool_free(&request->spool);
	free(request->body.bytes);
	free(request->uri);
	counter_add(COUNTER_BODY_BYTES, -(long) request->held);
	if (request->phase == PHASE_WAITING && !request->suspended)
		LIST_REMOVE(request, others);
	free(request);
	counter_add(COUNTER_REQUESTS, -1);
}

bool
request_hold(Request *request, size_t bytes)
{
	long most = request->config->body_budget;

	counter_add(COUNTER_BODY_BYTES, (long) bytes - (long) request->held);
	request->held = bytes;
	if (bytes <= SMALL_BODY)
		most *= SMALL_FACTOR;
	if (request->failure.info == NULL && bytes > TINY_BODY &&
	    counter_value(COUNTER_BODY_BYTES) > most)
		failure_set(&request->failure, EDURANGE_TOO_BUSY,
		            "the service holds as much as it has memory for; try again");
	return request->failure.info == NULL;
}

const char *
request_header(const Request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

void
request_resume(Request *request)
{
	if (!request->suspended)
		return;
	request->suspended = false;
	request->worker->resumed = true;
	MHD_resume_connection(request->connection);
}

void
request_finish(Request *request)
{
	request->phase = PHASE_ANSWERED;
	request_resume(request);
}
