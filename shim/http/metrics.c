/*
 * metrics.c
 *	  What the shim has done and is doing, in the format of Prometheus.
 *
 * Requests and awards are counted here, by route; the other numbers are those of base/counters.h, and
 * what there is to say about the sync worker comes from the database in this format already.
 * Counting is an addition to an atomic number and takes no lock.  Labels are patterns of routes, never
 * paths, so that their number is fixed.
 */
#include "http/metrics.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/counters.h"

static const double bounds[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                0.1,    0.25,  0.5,    1,     2.5,  5,     10};

#define STATUSES 600
#define BOUNDS (sizeof(bounds) / sizeof(bounds[0]))

/* Of one route; the last one is for requests that found none. */
typedef struct RouteMetrics
{
	atomic_ulong requests[STATUSES]; /* by status */
	atomic_ulong within[BOUNDS + 1]; /* the last one: longer than all bounds */
	atomic_ulong microseconds;
} RouteMetrics;

static struct
{
	RouteMetrics *routes;
	atomic_ulong awards[AWARD_COUNT];
} metrics;

/* The numbers of base/counters.h; of some there is one for each tier. */
static const struct
{
	const char *name;
	const char *type;
	const char *help;
	Counter counter;
	bool each_tier;
} numbers[] = {
#define ONE(id, name, type, help) {name, type, help, COUNTER_##id, false},
#define EACH_TIER(id, name, type, help) {name, type, help, COUNTER_##id, true},
    COUNTERS(ONE, EACH_TIER)
#undef ONE
#undef EACH_TIER
};

static const char *const award_names[AWARD_COUNT] = {
    [AWARD_QUESTION] = "question",
    [AWARD_CHALLENGE] = "challenge",
    [AWARD_CORRECTION] = "correction",
};

bool
metrics_init(void)
{
	metrics.routes = calloc(route_count + 1, sizeof(RouteMetrics));
	return metrics.routes != NULL;
}

static void
add(atomic_ulong *number, unsigned long amount)
{
	atomic_fetch_add_explicit(number, amount, memory_order_relaxed);
}

void
metrics_request(const Route *route, unsigned status, double seconds)
{
	RouteMetrics *of = &metrics.routes[route != NULL ? (size_t) (route - routes) : route_count];
	size_t bound = 0;

	while (bound < BOUNDS && seconds > bounds[bound])
		bound++;
	add(&of->requests[status], 1);
	add(&of->within[bound], 1);
	add(&of->microseconds, (unsigned long) (seconds * 1e6));
}

void
metrics_award(Award award)
{
	add(&metrics.awards[award], 1);
}

static void
put_head(FILE *text, const char *name, const char *type, const char *help)
{
	fprintf(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
put_requests(FILE *text)
{
	static const char name[] = "edurange_http_requests_total";

	put_head(text, name, "counter",
	         "Requests by route, method and status; 0: the client went away.");
	for (size_t i = 0; i <= route_count; i++)
	{
		for (int status = 0; status < STATUSES; status++)
		{
			unsigned long count = atomic_load(&metrics.routes[i].requests[status]);

			if (count > 0)
				fprintf(text, "%s{method=\"%s\",route=\"%s\",status=\"%d\"} %lu\n", name,
				        i < route_count ? routes[i].method : "",
				        i < route_count ? routes[i].path : "", status, count);
		}
	}
}

/* The histogram of one route, unless it was never asked. */
static void
put_histogram(FILE *text, const char *name, const RouteMetrics *of, const char *labels)
{
	unsigned long sum = 0;
	unsigned long within[BOUNDS + 1];

	for (size_t i = 0; i <= BOUNDS; i++)
		within[i] = sum += atomic_load(&of->within[i]);
	if (sum == 0)
		return;
	for (size_t i = 0; i < BOUNDS; i++)
		fprintf(text, "%s_bucket{%s,le=\"%g\"} %lu\n", name, labels, bounds[i], within[i]);
	fprintf(text, "%s_bucket{%s,le=\"+Inf\"} %lu\n", name, labels, sum);
	fprintf(text, "%s_sum{%s} %.6f\n", name, labels, (double) atomic_load(&of->microseconds) / 1e6);
	fprintf(text, "%s_count{%s} %lu\n", name, labels, sum);
}

static void
put_latencies(FILE *text)
{
	static const char name[] = "edurange_http_request_duration_seconds";
	char labels[256];

	put_head(text, name, "histogram",
	         "Time from a request's first line to its end, or until it waits for news.");
	for (size_t i = 0; i <= route_count; i++)
	{
		snprintf(labels, sizeof(labels), "method=\"%s\",route=\"%s\"",
		         i < route_count ? routes[i].method : "", i < route_count ? routes[i].path : "");
		put_histogram(text, name, &metrics.routes[i], labels);
	}
}

static void
put_numbers(FILE *text)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
	{
		const char *name = numbers[i].name;
		Counter counter = numbers[i].counter;

		put_head(text, name, numbers[i].type, numbers[i].help);
		for (int tier = 0; numbers[i].each_tier && tier < TIER_COUNT; tier++)
			fprintf(text, "%s{tier=\"%s\"} %ld\n", name,
			        tier == TIER_NONE ? "open" : tier_name(tier), counter_value(counter + tier));
		if (!numbers[i].each_tier)
			fprintf(text, "%s %ld\n", name, counter_value(counter));
	}
}

static void
put_awards(FILE *text)
{
	static const char name[] = "edurange_awards_total";

	put_head(text, name, "counter",
	         "Answers that awarded or corrected points, repeated ones aside.");
	for (int i = AWARD_NONE + 1; i < AWARD_COUNT; i++)
		fprintf(text, "%s{kind=\"%s\"} %lu\n", name, award_names[i],
		        atomic_load(&metrics.awards[i]));
}

/* Whether the database answers, and what it says about the sync worker. */
static void
put_database(FILE *text, const DatabaseResult *result)
{
	/* a server's error has its text, what no server reported has none */
	const bool answers = result->ok || result->message != NULL;

	put_head(text, "edurange_database_up", "gauge", "Does the database answer?");
	fprintf(text, "edurange_database_up %d\n", answers);
	if (result->ok && result->text != NULL)
		fputs(result->text, text);
}

char *
metrics_text(const DatabaseResult *result)
{
	char *body = NULL;
	size_t length;
	FILE *text = open_memstream(&body, &length);

	if (text == NULL)
		return NULL;
	put_head(text, "edurange_build_info", "gauge", "The version of the shim.");
	fprintf(text, "edurange_build_info{version=\"%s\"} 1\n", EDURANGE_VERSION);
	put_requests(text);
	put_latencies(text);
	put_numbers(text);
	put_awards(text);
	put_database(text, result);
	fclose(text);
	return body;
}
