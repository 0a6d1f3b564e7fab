/*
 * round.c
 *	  What the sync worker does when: lists, probes, the schema, and questions about single pods.
 *
 * A server that answers is asked for the list every interval, even if it answered with an error.  One
 * that does not answer is left alone for a while, longer each time, up to a minute.  Meanwhile every
 * interval sends one small request, a probe, whose answer tells two cases apart:
 *
 * - Probes were not answered and now one is: the Instance Manager is back, and the list is due at once.
 * - Probes are answered all the time: only the list fails.  Then single pods are asked for, and the
 *   pauses between lists grow to edurange.sync_timeout only.
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/backend_status.h"
#include "utils/timestamp.h"

#include "answers.h"
#include "clock.h"
#include "database.h"
#include "problems.h"
#include "questions.h"
#include "round.h"
#include "settings.h"

#define MAX_BACKOFF_MS 60000
#define MAX_PROBE_MS 2000
#define SCHEMA_INTERVAL_MS (3600 * 1000)
#define SCHEMA_RETRY_MS 60000
#define SCHEMA_SOURCE "Instance Manager"
/* How often the log is told that instances are held, where that comes and goes. */
#define TELL_MS (3600 * 1000)

/* How it has gone lately; times are of clock.h, 0 is at once. */
static struct
{
	int failures;        /* of lists, in a row */
	int64 turn_due;      /* when the list or a probe is asked for next */
	int64 list_due;      /* when the list may be asked for again */
	int64 schema_due;    /* when the schema is asked for again */
	int64 database_due;  /* when the database may be tried again, where it fails */
	bool away;           /* the Instance Manager gave no answer at all */
	bool probe_answered; /* the last probe was; false when there was none since a list came */
	bool database_fails; /* and not the Instance Manager */
	int64 held_told_due; /* when the log is told again that instances are held */
	Installation installation;
} history;

/* One request of a kind of which there is never more than one under way. */
typedef struct Errand
{
	bool running;
	HttpRequest request;
} Errand;

static Errand list;
static Errand probe;
static Errand schema;

/* Settings that the worker goes by. */
typedef struct RoundSettings
{
	ImTarget target;
	QuestionLimits limits;
	long interval_ms;
	bool takes_schema;
} RoundSettings;

/* Time to stay away after so many failures: growing up to a longest one, with jitter. */
static long
backoff_ms(long interval, long longest)
{
	long limit = Max(interval, longest);
	long delay = interval;

	for (int i = 0; i < history.failures && delay < limit; i++)
		delay *= 2;
	delay = Min(delay, limit);
	return (long) ((0.5 + pg_prng_double(&pg_global_prng_state) / 2) * (double) delay);
}

/* Counts a list that failed and puts the next one off. */
static void
note_failure(ProblemArea area, const char *problem, long wait_ms)
{
	history.failures++;
	history.list_due = clock_ms() + wait_ms;
	problem_report(area, problem);
}

/* Counts a list that was applied. */
static void
note_success(void)
{
	problem_over(PROBLEM_LIST);
	problem_over(PROBLEM_DATABASE);
	history.failures = 0;
	history.list_due = 0;
	history.away = false;
	history.probe_answered = false;
	history.database_fails = false;
}

/* A call of the database failed: it is left alone for a while. */
static void
note_database_failure(const RoundSettings *settings, const char *problem)
{
	long wait = backoff_ms(settings->interval_ms, MAX_BACKOFF_MS);

	history.database_fails = true;
	history.database_due = clock_ms() + wait;
	note_failure(PROBLEM_DATABASE, problem, wait);
}

/* Says that so many pods have vanished together that the list is not believed. */
static void
note_held(int held)
{
	if (held == 0 || clock_ms() < history.held_told_due)
		return;
	history.held_told_due = clock_ms() + TELL_MS;
	ereport(WARNING,
	        (errmsg("%d instances lost their pods at once and are kept", held),
	         errdetail("Each ends only when the Instance Manager says that its pod is gone.")));
}

/* What the database wants to know is asked, unless it does not say, or there is nobody to ask. */
static void
take_wanted(const ApplyResult *result)
{
	if (history.away || result->wanted == NULL)
		questions_forget();
	else
		questions_want(result->wanted);
}

/* Hands over that there is nothing new, for what is wanted now; false, with the reason: it does not say. */
static bool
apply_nothing(ApplyResult *result)
{
	ApplyInput input = {.text = "{\"statuses\": [], \"secrets\": []}",
	                    .observed_at = GetCurrentTimestamp()};

	input.length = strlen(input.text);
	return database_apply(APPLY_EVIDENCE, &input, result);
}

static void
errand_begin(Errand *errand, long timeout_ms)
{
	errand->running = true;
	http_begin(&errand->request, timeout_ms);
}

static void
errand_end(Errand *errand)
{
	http_free(&errand->request);
	errand->running = false;
}

static void
errand_cancel(Errand *errand)
{
	if (errand->running)
		http_cancel(&errand->request);
	errand->running = false;
}

/* Begins no more, and gives up what is under way. */
static void
stop_asking(void)
{
	errand_cancel(&list);
	errand_cancel(&probe);
	errand_cancel(&schema);
	questions_cancel();
}

/* When a request was sent, by the clock that the database goes by. */
static TimestampTz
asked_at(const HttpRequest *request)
{
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), request->begun_at - clock_ms());
}

/* Records in the database that there is no list, as far as it takes that. */
static void
apply_problem(const HttpRequest *request, const char *problem, int encoding)
{
	ApplyResult result = {0};
	ApplyInput input = {.text = problem,
	                    .length = strlen(problem),
	                    .encoding = encoding,
	                    .observed_at = asked_at(request),
	                    .duration_ms = (double) (clock_ms() - request->begun_at)};

	if (database_apply(APPLY_PROBLEM, &input, &result))
		take_wanted(&result);
}

/*
 * The list did not come.  While probes are answered the pauses are as long as a list may take, so that
 * at most half of the time is spent on lists.
 */
static void
miss_list(const RoundSettings *settings, const char *problem)
{
	long longest = history.probe_answered ? settings->limits.timeout_ms : MAX_BACKOFF_MS;
	bool answered = list.request.status != 0;

	history.away = !list.request.sent && !history.probe_answered;
	note_failure(PROBLEM_LIST, problem, answered ? 0 : backoff_ms(settings->interval_ms, longest));
	apply_problem(&list.request, problem, 0);
}

/* An answer came, be it a list or not.  It may have 32 MiB, and is not kept longer than it is read. */
static void
apply_list(const RoundSettings *settings)
{
	HttpRequest *request = &list.request;
	ApplyResult result = {0};
	ApplyInput input = {.text = request->body,
	                    .length = request->length,
	                    .encoding = PG_UTF8,
	                    .observed_at = asked_at(request),
	                    .duration_ms = (double) (clock_ms() - request->begun_at)};

	history.away = false;
	if (!database_apply(APPLY_LIST, &input, &result))
	{
		if (result.refused)
			note_failure(PROBLEM_LIST, result.problem, 0);
		else
			note_database_failure(settings, result.problem);
		apply_problem(request, result.problem, GetDatabaseEncoding());
		return;
	}
	if (result.installation != READY)
		return;
	note_success();
	note_held(result.held);
	take_wanted(&result);
}

/* Takes the list that came, or did not; the next one is due an interval later. */
static void
end_list(const RoundSettings *settings)
{
	char buffer[200];
	const char *problem;

	if (!list.running || !list.request.done)
		return;
	problem = im_document_problem(&list.request, buffer, sizeof(buffer));
	if (problem == NULL)
		apply_list(settings);
	else
		miss_list(settings, problem);
	errand_end(&list);
	if (history.turn_due != 0)
		history.turn_due = clock_ms() + settings->interval_ms;
}

/* Takes the answer to a probe.  Whoever was away and answers is asked for the list at once. */
static void
end_probe(const RoundSettings *settings)
{
	bool was_away = history.away;

	if (!probe.running || !probe.request.done)
		return;
	history.probe_answered = probe.request.status != 0;
	history.away = !history.probe_answered;
	errand_end(&probe);
	if (was_away && !history.away)
	{
		history.turn_due = 0;
		history.list_due = 0;
		return;
	}
	if (!history.away)
	{
		ApplyResult result = {0};

		if (apply_nothing(&result))
			take_wanted(&result);
	}
	else
		questions_forget();
	if (history.turn_due != 0)
		history.turn_due = clock_ms() + settings->interval_ms;
}

/* Takes the Instance Manager's schema, if it is one; the one before it stays else. */
static void
end_schema(void)
{
	char problem[200] = "";
	const char *refused;
	bool changed = false;
	bool taken;

	if (!schema.running || !schema.request.done)
		return;
	refused = im_schema_problem(&schema.request, problem, sizeof(problem));
	taken =
	    refused == NULL && database_set_schema(schema.request.body, schema.request.length,
	                                           SCHEMA_SOURCE, &changed, problem, sizeof(problem));
	errand_end(&schema);
	if (changed)
		ereport(LOG,
		        (errmsg("the Instance Manager's schema of challenge definitions is active now")));
	if (taken)
		problem_over(PROBLEM_SCHEMA);
	else
		problem_report(PROBLEM_SCHEMA, refused != NULL ? refused : problem);
	history.schema_due = clock_ms() + (taken ? SCHEMA_INTERVAL_MS : SCHEMA_RETRY_MS);
}

/*
 * Hands over the answers that have come, a few at a time.  Where a place is free for an end that was decided a while
 * ago it is decided anew, with the answers or without: no list need have come meanwhile.
 */
static void
end_answers(const RoundSettings *settings)
{
	ApplyResult result = {0};
	bool old;

	questions_end();
	if (history.database_fails && history.database_due > clock_ms())
		return;
	old = !history.database_fails && questions_are_old(&settings->limits);
	if (!old && (!answers_wait() || answers_due_ms() > 0))
		return;
	if (answers_wait() ? answers_apply(&result) : apply_nothing(&result))
	{
		take_wanted(&result);
		history.database_fails = false;
	}
	else
		note_database_failure(settings, result.problem);
}

/* What only an operator can change is said in the log. */
static void
report_installation(void)
{
	Installation now = history.installation;

	if (now == NO_ROLE)
		ereport(LOG, (errmsg("the sync worker ends: %s", installation_text[now])));
	else if (now == NO_FUNCTION || now == NO_RIGHT)
		problem_report(PROBLEM_INSTALLATION, installation_text[now] + strlen("idle: "));
	else if (now == READY)
		problem_over(PROBLEM_INSTALLATION);
}

/* The list is due, or a probe in its place; first it is seen whether there is what takes them. */
static void
begin_turn(const RoundSettings *settings)
{
	char problem[200];

	history.turn_due = clock_ms() + settings->interval_ms;
	history.installation = NO_EXTENSION;
	if (!database_look(&history.installation, problem, sizeof(problem)))
	{
		note_database_failure(settings, problem);
		return;
	}
	report_installation();
	if (history.installation != READY)
		questions_cancel();
	else if (history.list_due <= clock_ms())
	{
		im_make_list_request(&settings->target, &list.request);
		errand_begin(&list, settings->limits.timeout_ms);
	}
	else if (!history.database_fails)
	{
		im_make_probe(&settings->target, &probe.request);
		errand_begin(&probe, Min(settings->limits.timeout_ms, MAX_PROBE_MS));
	}
}

/* Begins what is due.  The schema waits for a list that came: then there is somebody to ask. */
static void
begin_what_is_due(const RoundSettings *settings)
{
	int64 now = clock_ms();

	if (!list.running && !probe.running && history.turn_due <= now)
		begin_turn(settings);
	if (history.installation != READY)
		return;
	if (settings->takes_schema && !schema.running && history.schema_due <= now &&
	    history.failures == 0 && !list.running)
	{
		im_make_schema_request(&settings->target, &schema.request);
		errand_begin(&schema, settings->limits.timeout_ms);
	}
	if (!history.database_fails)
		questions_begin(&settings->target, &settings->limits);
}

/* Shows what goes on, and since when, to whoever looks at pg_stat_activity. */
static void
show_activity(BackendState state, const char *text)
{
	if (MyBEEntry == NULL || MyBEEntry->st_state != state ||
	    strcmp(MyBEEntry->st_activity_raw, text) != 0)
		pgstat_report_activity(state, text);
}

static void
report_activity(void)
{
	if (list.running)
		show_activity(STATE_RUNNING, "polling");
	else if (probe.running)
		show_activity(STATE_RUNNING, "probing");
	else if (schema.running)
		show_activity(STATE_RUNNING, "asking for the schema");
	else if (questions_running() > 0)
		show_activity(STATE_RUNNING, "asking for pods and flags");
	else
		show_activity(STATE_IDLE, installation_text[history.installation]);
}

static void
sooner(long *delay, long other)
{
	if (other >= 0 && other < *delay)
		*delay = other;
}

/* Milliseconds until something is due.  What comes meanwhile ends the wait. */
static long
time_left(const RoundSettings *settings)
{
	int64 now = clock_ms();
	long delay = settings->interval_ms;

	if (!list.running && !probe.running)
		sooner(&delay, (long) Max(history.turn_due - now, 0));
	if (answers_wait())
		sooner(&delay, history.database_fails ? (long) Max(history.database_due - now, 1)
		                                      : answers_due_ms());
	sooner(&delay, questions_due_ms());
	return delay;
}

void
round_start_anew(void)
{
	history.failures = 0;
	history.turn_due = 0;
	history.list_due = 0;
	history.schema_due = 0;
	history.database_due = 0;
}

/* Gives up what was asked of somebody who is not to be asked any more. */
static void
notice_another_url(const char *url)
{
	static char *asked = NULL;

	if (asked != NULL && strcmp(asked, url) == 0)
		return;
	stop_asking();
	free(asked);
	asked = strdup(url);
}

long
round_run(void)
{
	RoundSettings settings = {
	    .target = {setting("edurange.instance_manager_url", ""),
	               setting("edurange.instance_manager_password_file", "")},
	    .limits = {(int) setting_number("edurange.sync_concurrency", "16"),
	               setting_number("edurange.sync_timeout", "10000")},
	    .interval_ms = setting_number("edurange.sync_interval", "2000"),
	    .takes_schema = strcmp(setting("edurange.sync_schema", "off"), "on") == 0,
	};

	notice_another_url(settings.target.base_url);
	if (*settings.target.base_url == '\0')
	{
		stop_asking();
		pgstat_report_activity(STATE_IDLE, "idle: edurange.instance_manager_url is empty");
		return ROUND_NEVER;
	}
	end_list(&settings);
	end_probe(&settings);
	end_schema();
	end_answers(&settings);
	begin_what_is_due(&settings);
	if (history.installation == NO_ROLE)
		return ROUND_LAST;
	report_activity();
	return time_left(&settings);
}
