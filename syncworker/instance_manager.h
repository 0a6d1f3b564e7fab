/*
 * instance_manager.h
 *	  What is asked of the Instance Manager, and what its answers say.
 */
#ifndef EDURANGE_INSTANCE_MANAGER_H
#define EDURANGE_INSTANCE_MANAGER_H

#include "postgres.h"

#include <jansson.h>

#include "http.h"

/* Whom to ask. */
typedef struct ImTarget
{
	const char *base_url;
	const char *password_file; /* empty: there is none */
} ImTarget;

/* What is asked about one pod. */
typedef enum ImQuestion
{
	IM_END,
	IM_STATUS,
	IM_SECRET,
	IM_QUESTIONS /* how many there are */
} ImQuestion;

/* The lists of edurange.sync_apply() in which questions are wanted and answers go. */
extern const char *const im_lists[IM_QUESTIONS];
extern const char *const im_routes[IM_QUESTIONS];

/* Each makes a request, to be begun and freed by the caller. */
extern void im_make_list_request(const ImTarget *target, HttpRequest *request);
extern void im_make_schema_request(const ImTarget *target, HttpRequest *request);
extern void im_make_probe(const ImTarget *target, HttpRequest *request);
extern void im_make_question(const ImTarget *target, ImQuestion question, const json_t *wanted,
                             HttpRequest *request);

/* Why a request that is done brought no document; NULL: it did. */
extern const char *im_document_problem(const HttpRequest *request, char *buffer, size_t size);
extern const char *im_schema_problem(const HttpRequest *request, char *buffer, size_t size);

/* The answer to a question that was sent, in the words of edurange.sync_apply(). */
extern json_t *
im_read_answer(ImQuestion question, const json_t *wanted, const HttpRequest *request);

/* Does the answer say anything that was asked for? */
extern bool im_is_of_use(ImQuestion question, const json_t *answer, const HttpRequest *request);

/* The same as if it said nothing: what counts is that it was asked. */
extern json_t *im_answer_without_news(ImQuestion question, const json_t *answer);

#endif
