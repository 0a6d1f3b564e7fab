/*
 * instance_manager.h
 *	  Asks the Instance Manager over HTTP.
 */
#ifndef EDURANGE_INSTANCE_MANAGER_H
#define EDURANGE_INSTANCE_MANAGER_H

#include <stdbool.h>
#include <stddef.h>

/* What came of a request: a document that was checked, or the reason why there is none. */
typedef struct ImReply
{
	char *body; /* UTF-8 JSON, ends in a zero byte; NULL when the request failed */
	size_t length;
	char problem[160];
} ImReply;

extern void im_start(void);
extern bool im_list_pods(const char *base_url, long timeout_ms, ImReply *reply);
extern void im_reply_free(ImReply *reply);

#endif
