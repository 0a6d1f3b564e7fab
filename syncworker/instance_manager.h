/*
 * instance_manager.h
 *	  Asks the Instance Manager over HTTP.
 */
#ifndef EDURANGE_INSTANCE_MANAGER_H
#define EDURANGE_INSTANCE_MANAGER_H

#include <stdbool.h>
#include <stddef.h>

/* Whom to ask, and how long each request may take. */
typedef struct ImTarget
{
	const char *base_url;
	long timeout_ms;
} ImTarget;

/* What came as a document, or the reason why nothing did. */
typedef struct ImReply
{
	char *body; /* ends in a zero byte; NULL when the request failed */
	size_t length;
	bool answered; /* there was a whole response, whatever it said */
	bool reached;  /* somebody took the connection */
	char problem[160];
} ImReply;

/* The answers to what edurange.sync_apply() wanted to know. */
typedef struct ImEvidence
{
	char *text;        /* JSON; NULL: nothing was asked */
	int answered;      /* requests that had a response */
	int left;          /* requests that there was no time for */
	char problem[200]; /* the first thing that went wrong, or empty */
} ImEvidence;

extern bool im_list_pods(const ImTarget *target, ImReply *reply);
extern bool im_get_schema(const ImTarget *target, ImReply *reply);
extern void im_reply_free(ImReply *reply);
extern bool im_answers(const ImTarget *target);
extern void
im_ask(const ImTarget *target, int concurrency, const char *wanted_text, ImEvidence *evidence);
extern void im_evidence_free(ImEvidence *evidence);

#endif
