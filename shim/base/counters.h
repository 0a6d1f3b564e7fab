/*
 * counters.h
 *	  What the shim has done and is doing, in numbers that any thread may change.
 *
 * Whoever does something counts it here, and http/metrics.c prints it: so no room needs to know who
 * asks.
 */
#pragma once

#include "base/tier.h"

/* clang-format off */
/* Of each its name in Prometheus, its type there and its help.  Of those for each tier there is one number for each. */
#define COUNTERS(ONE, EACH_TIER) \
	ONE(RETRIES, "edurange_database_retries_total", "counter", \
		"Statements sent again because they had been rolled back.") \
	ONE(CONNECT_FAILED, "edurange_database_connect_failures_total", "counter", \
		"Attempts to connect to the database that failed.") \
	ONE(WRONG_TOKENS, "edurange_wrong_tokens_total", "counter", "Tokens that were unknown, expired or revoked.") \
	ONE(REFUSED_CONNECTIONS, "edurange_http_connections_refused_total", "counter", "HTTP connections over a limit.") \
	ONE(TIMED_OUT_CONNECTIONS, "edurange_http_connections_timed_out_total", "counter", \
		"HTTP connections whose client was too slow.") \
	ONE(REQUESTS, "edurange_http_requests_in_flight", "gauge", "Requests being received or answered.") \
	ONE(HTTP_CONNECTIONS, "edurange_http_connections", "gauge", "Open HTTP connections.") \
	ONE(LISTENERS, "edurange_listeners", "gauge", "Who listens to a board or waits for a feed.") \
	ONE(FEED_DELAY, "edurange_feed_delay_seconds", "gauge", \
		"How long an entry of the ledger has been waiting for another transaction to end before feeds have it.") \
	ONE(BODY_BYTES, "edurange_http_body_bytes", "gauge", "Bytes of the bodies of requests and answers in memory.") \
	ONE(FILE_BYTES, "edurange_http_file_bytes", "gauge", "Bytes of answers that wait in files.") \
	ONE(LOST_LINES, "edurange_log_lines_lost_total", "counter", \
		"Lines of the log that standard error did not take at once.") \
	ONE(ANSWER_BYTES, "edurange_database_answer_bytes", "gauge", \
		"Bytes of answers of the database that are not complete.") \
	EACH_TIER(QUEUE, "edurange_database_queue", "gauge", "Statements that wait for a database connection.") \
	EACH_TIER(DATABASE, "edurange_database_connections", "gauge", "Open connections to the database.")

#define ONE(id, name, type, help) COUNTER_##id,
#define EACH_TIER(id, name, type, help) COUNTER_##id, COUNTER_LAST_##id = COUNTER_##id + TIER_COUNT - 1,
typedef enum Counter
{
	COUNTERS(ONE, EACH_TIER)
	COUNTER_COUNT
} Counter;
#undef ONE
#undef EACH_TIER
/* clang-format on */

extern void counter_add(Counter counter, long change);
extern long counter_value(Counter counter);
