/*
 * round.c
 *	  One round of the sync worker: ask for the list of pods, apply it, ask what that leaves open.
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
#include "utils/timestamp.h"

#include "database.h"
#include "instance_manager.h"
#include "round.h"
#include "settings.h"

#define MAX_BACKOFF_MS 60000
#define MAX_PROBE_MS 2000
#define CALM_MS 60000
#define REMEMBERED_PROBLEMS 8
#define SCHEMA_INTERVAL_MS (3600 * 1000)
#define SCHEMA_RETRY_MS 60000
#define SCHEMA_SOURCE "Instance Manager"

/* How the rounds have gone lately. */
static struct
{
	int failures;         /* in a row */
	TimestampTz list_due; /* when the list may be asked for again */
	bool away;            /* the Instance Manager gave no answer at all */
	bool probe_answered;  /* the last probe was; false when there was none since a list came */
	bool database_fails;  /* and not the Instance Manager */
	bool held;
	bool reported;
	TimestampTz schema_due; /* when the schema is asked for again */
	bool schema_reported;   /* that it could not be taken */
	TimestampTz last_failure;
	char problems[REMEMBERED_PROBLEMS][200];
	int next;
} history;

/* Settings that one round goes by. */
typedef struct RoundSettings
{
	ImTarget target;
	long interval_ms;
	int concurrency;
	bool takes_schema;
} RoundSettings;

/* Whether the problem was logged already; remembers it. */
static bool
problem_known(const char *problem)
{
	for (int i = 0; i < REMEMBERED_PROBLEMS; i++)
		if (strncmp(history.problems[i], problem, sizeof(history.problems[i]) - 1) == 0)
			return true;
	strlcpy(history.problems[history.next], problem, sizeof(history.problems[history.next]));
	history.next = (history.next + 1) % REMEMBERED_PROBLEMS;
	return false;
}

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

/* Logs each reason once, until nothing has failed for CALM_MS. */
static void
report_problem(const char *what, const char *problem)
{
	history.last_failure = GetCurrentTimestamp();
	if (problem_known(problem))
		return;
	history.reported = true;
	ereport(WARNING, (errmsg("could not %s: %s", what, problem)));
}

/* Counts a failed round and puts the next list off. */
static void
note_failure(const char *what, const char *problem, long wait_ms)
{
	history.failures++;
	history.list_due = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), wait_ms);
	report_problem(what, problem);
}

/* Counts a round that went well. */
static void
note_success(void)
{
	if (history.reported)
		ereport(LOG, (errmsg("synchronization with the Instance Manager works again")));
	history.failures = 0;
	history.list_due = 0;
	history.away = false;
	history.probe_answered = false;
	history.database_fails = false;
	history.reported = false;
	if (TimestampDifferenceMilliseconds(history.last_failure, GetCurrentTimestamp()) > CALM_MS)
		memset(history.problems, 0, sizeof(history.problems));
}

/* Says once that so many pods have vanished together that the list is not believed. */
static void
note_held(int held)
{
	if (held > 0 && !history.held)
		ereport(WARNING,
		        (errmsg("%d instances lost their pods at once and are kept", held),
		         errdetail("Each ends only when the Instance Manager says that its pod is gone.")));
	history.held = held > 0;
}

static double
milliseconds_since(TimestampTz begin)
{
	return (double) (GetCurrentTimestamp() - begin) / 1000.0;
}

/* A call of the database failed. */
static void
note_database_failure(const char *what, const char *problem, const RoundSettings *settings)
{
	history.database_fails = true;
	note_failure(what, problem, backoff_ms(settings->interval_ms, MAX_BACKOFF_MS));
}

/*
 * Asks what sync_apply() wanted to know, and applies the answers.  True: there is more, and the
 * Instance Manager answers.
 */
static bool
ask_and_apply(const RoundSettings *settings, const char *wanted)
{
	TimestampTz begin = GetCurrentTimestamp();
	ImEvidence evidence;
	ApplyResult result = {0};
	bool more;

	if (wanted == NULL)
		return false;
	pgstat_report_activity(STATE_RUNNING, "asking for pods and flags");
	im_ask(&settings->target, settings->concurrency, wanted, &evidence);
	if (evidence.problem[0] != '\0')
		report_problem("ask the Instance Manager", evidence.problem);
	if (evidence.text != NULL)
	{
		ApplyInput input = {.text = evidence.text,
		                    .length = strlen(evidence.text),
		                    .encoding = PG_UTF8,
		                    .observed_at = begin,
		                    .duration_ms = milliseconds_since(begin)};

		if (!database_apply(APPLY_EVIDENCE, &input, &result))
			note_database_failure("apply the answers", result.problem, settings);
	}
	more = evidence.left > 0 && evidence.answered > 0;
	im_evidence_free(&evidence);
	return more;
}

/* Records in the database that there is no list, as far as it takes that. */
static void
apply_problem(const RoundSettings *settings, const char *problem, int encoding,
              TimestampTz observed_at)
{
	ApplyResult result = {0};
	ApplyInput input = {.text = problem,
	                    .length = strlen(problem),
	                    .encoding = encoding,
	                    .observed_at = observed_at,
	                    .duration_ms = milliseconds_since(observed_at)};

	if (database_apply(APPLY_PROBLEM, &input, &result) && !history.away)
		ask_and_apply(settings, result.wanted);
}

/*
 * The list did not come.  While probes are answered the pauses are as long as a list may take, so that
 * at most half of the time is spent on lists.
 */
static void
miss_list(const RoundSettings *settings, const ImReply *reply, TimestampTz observed_at)
{
	long longest = history.probe_answered ? settings->target.timeout_ms : MAX_BACKOFF_MS;

	history.away = !reply->reached && !history.probe_answered;
	note_failure("read the list of pods", reply->problem,
	             reply->answered ? 0 : backoff_ms(settings->interval_ms, longest));
	apply_problem(settings, reply->problem, 0, observed_at);
}

/* Why the schema could not be taken, in the caller's buffer; true: it is the active one. */
static bool
take_schema(const RoundSettings *settings, bool *changed, char *problem, size_t size)
{
	ImReply reply;
	bool taken = false;

	pgstat_report_activity(STATE_RUNNING, "asking for the schema");
	if (im_get_schema(&settings->target, &reply))
		taken =
		    database_set_schema(reply.body, reply.length, SCHEMA_SOURCE, changed, problem, size);
	else
		strlcpy(problem, reply.problem, size);
	im_reply_free(&reply);
	return taken;
}

/* Takes the Instance Manager's schema when that is wanted and due; the one before it stays else. */
static void
take_schema_if_due(const RoundSettings *settings)
{
	char problem[200] = "";
	bool changed = false;
	bool taken;

	if (!settings->takes_schema || history.schema_due > GetCurrentTimestamp())
		return;
	taken = take_schema(settings, &changed, problem, sizeof(problem));
	if (changed)
		ereport(LOG,
		        (errmsg("the Instance Manager's schema of challenge definitions is active now")));
	if (!taken && !history.schema_reported)
		ereport(WARNING, (errmsg("could not take the Instance Manager's schema: %s", problem)));
	history.schema_reported = !taken;
	history.schema_due = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
	                                                 taken ? SCHEMA_INTERVAL_MS : SCHEMA_RETRY_MS);
}

/*
 * An answer came, be it a list or not.  True: there is more to ask for than there was time.  The
 * answer, up to 32 MiB, is not kept while that is asked for.
 */
static bool
apply_list(const RoundSettings *settings, ImReply *reply, TimestampTz observed_at)
{
	ApplyResult result = {0};
	bool more;
	bool applied;
	ApplyInput input = {.text = reply->body,
	                    .length = reply->length,
	                    .encoding = PG_UTF8,
	                    .observed_at = observed_at,
	                    .duration_ms = milliseconds_since(observed_at)};

	history.away = false;
	applied = database_apply(APPLY_LIST, &input, &result);
	im_reply_free(reply);
	if (!applied)
	{
		if (result.refused)
			note_failure("apply the list of pods", result.problem, 0);
		else
			note_database_failure("apply the list of pods", result.problem, settings);
		apply_problem(settings, result.problem, GetDatabaseEncoding(), observed_at);
		return false;
	}
	if (result.installation != READY)
		return false;
	note_success();
	note_held(result.held);
	more = ask_and_apply(settings, result.wanted);
	take_schema_if_due(settings);
	return more;
}

/*
 * The round as it should be.  True: there is more to do at once.  The time of the observation is taken
 * before the question: what happens while the list is on its way may not be in it.
 */
static bool
poll(const RoundSettings *settings)
{
	TimestampTz observed_at = GetCurrentTimestamp();
	ImReply reply;
	bool more = false;

	pgstat_report_activity(STATE_RUNNING, "polling");
	if (im_list_pods(&settings->target, &reply))
		more = apply_list(settings, &reply, observed_at);
	else
		miss_list(settings, &reply, observed_at);
	im_reply_free(&reply);
	return more;
}

/* The round while the list is not to be asked for.  True: the Instance Manager is back. */
static bool
probe(const RoundSettings *settings)
{
	ImTarget target = settings->target;
	bool was_away = history.away;

	if (history.database_fails)
		return false;
	pgstat_report_activity(STATE_RUNNING, "probing");
	target.timeout_ms = Min(target.timeout_ms, MAX_PROBE_MS);
	history.probe_answered = im_answers(&target);
	history.away = !history.probe_answered;
	if (!history.away && !was_away)
	{
		ApplyResult result = {0};
		ApplyInput input = {.text = "{\"statuses\": [], \"secrets\": []}",
		                    .observed_at = GetCurrentTimestamp()};

		input.length = strlen(input.text);
		if (database_apply(APPLY_EVIDENCE, &input, &result))
			ask_and_apply(settings, result.wanted);
	}
	return was_away && !history.away;
}

void
round_start_anew(void)
{
	history.failures = 0;
	history.list_due = 0;
	history.schema_due = 0;
}

/* Says once what only an operator can change. */
static void
report_installation(Installation installation)
{
	static Installation reported = READY;

	if (installation != reported && (installation == NO_FUNCTION || installation == NO_RIGHT))
		ereport(WARNING, (errmsg("the sync worker is %s", installation_text[installation])));
	if (installation == NO_ROLE)
		ereport(LOG, (errmsg("the sync worker ends: %s", installation_text[installation])));
	reported = installation;
}

long
round_run(void)
{
	RoundSettings settings = {
	    .target = {setting("edurange.instance_manager_url", ""),
	               setting_number("edurange.sync_timeout", "10000")},
	    .interval_ms = setting_number("edurange.sync_interval", "2000"),
	    .concurrency = (int) setting_number("edurange.sync_concurrency", "8"),
	    .takes_schema = strcmp(setting("edurange.sync_schema", "off"), "on") == 0,
	};
	Installation installation = NO_EXTENSION;
	char problem[200];
	bool more = false;

	if (strcmp(setting("edurange.sync_enabled", "on"), "on") != 0 ||
	    *settings.target.base_url == '\0')
	{
		pgstat_report_activity(STATE_IDLE, *settings.target.base_url == '\0'
		                                       ? "idle: edurange.instance_manager_url is empty"
		                                       : "idle: edurange.sync_enabled is off");
		return ROUND_NEVER;
	}
	if (!database_look(&installation, problem, sizeof(problem)))
		note_database_failure("look for extension edurange", problem, &settings);
	else
		report_installation(installation);
	if (installation == NO_ROLE)
		return ROUND_LAST;
	if (installation == READY && (history.list_due <= GetCurrentTimestamp() || probe(&settings)))
		more = poll(&settings);
	pgstat_report_activity(STATE_IDLE, installation_text[installation]);
	return more ? 0 : settings.interval_ms;
}
