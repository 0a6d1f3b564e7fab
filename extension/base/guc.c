/*
 * guc.c
 *	  Every setting, with its default, unit and meaning.
 *
 * The worker is a module of its own and reads its settings by name.
 */
#include "postgres.h"

#include <ctype.h>

#include "jit/jit.h"
#include "miscadmin.h"
#include "parser/parse_expr.h"
#include "parser/parser.h"
#include "pgtime.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/plancache.h"
#include "utils/rls.h"

#include "base/guc.h"

char *guc_database;
char *guc_server_marker;
bool guc_sync_enabled;
int guc_sync_interval;
int guc_sync_timeout;
bool guc_webos_compatibility;
int guc_idempotency_retention;
int guc_batch_lock_timeout;
int guc_attempt_limit;
int guc_attempt_window;
int guc_attempt_lock;
int guc_sync_grace;
int guc_sync_mass_grace;
int guc_sync_creating_deadline;
int guc_sync_queued_deadline;
int guc_sync_quarantine;
int guc_sync_end_interval;
int guc_sync_end_attempts;
int guc_instance_retention;

static char *instance_manager_url;
static char *instance_manager_password_file;
static int sync_concurrency;
static bool allow_drop; /* read by the guard that migrate() makes, by name */
static bool sync_schema;

static emit_log_hook_type log_before;

/* The end of a scheme and "://" that a text begins with, or its beginning. */
static char *
behind_scheme(char *text)
{
	char *end = text;

	while (isalnum((unsigned char) *end))
		end++;
	return end > text && strncmp(end, "://", 3) == 0 ? end + 3 : text;
}

/* The last "@" among the first bytes of a text, or NULL. */
static char *
last_at(char *text, size_t length)
{
	while (length > 0 && text[length - 1] != '@')
		length--;
	return length > 0 ? &text[length - 1] : NULL;
}

/*
 * Takes the password out of the URL that so many bytes of a text begin with; false: there is none.  Who asks stands
 * before the last "@" ahead of the path, the password behind the first colon of that.  What is no URL is shown, too:
 * where a colon stands without the number of a port behind it, a slash may be one of a password.
 */
static bool
take_out_password(char *text, size_t size)
{
	char *user = behind_scheme(text);
	size_t length = user > text + size ? 0 : text + size - user;
	size_t host = Min(strcspn(user, "/?#"), length);
	char *colon = memchr(user, ':', host);
	char *end = last_at(user, host);

	if (end == NULL && colon != NULL && *user != '[')
	{
		size_t digits = strspn(colon + 1, "0123456789");

		if (digits == 0 || colon + 1 + digits != user + host)
			end = last_at(user, length);
	}
	if (colon == NULL || end == NULL || colon > end)
		return false;
	memmove(colon, end, strlen(end) + 1);
	return true;
}

/* Settings are shown to whoever looks. */
static bool
check_url(char **url, void **extra, GucSource source)
{
	/* (each session reads the configuration, and one of them says so) */
	if (*url != NULL && take_out_password(*url, strlen(*url)))
		ereport(IsUnderPostmaster && source == PGC_S_FILE ? DEBUG3 : WARNING,
		        (errmsg("the password in \"edurange.instance_manager_url\" is left out"),
		         errhint("Put it in a file and name that in"
		                 " \"edurange.instance_manager_password_file\".")));
	return true;
}

/* What follows the name of the setting in a text, however it is spelled there; NULL: it is not in it. */
static char *
behind_url_setting(const char *text)
{
	static const char name[] = "instance_manager_url";

	for (; text != NULL && (text = strpbrk(text, "iI")) != NULL; text++)
		if (pg_strncasecmp(text, name, strlen(name)) == 0)
			return unconstify(char *, text) + strlen(name);
	return NULL;
}

/*
 * The server itself logs what stands in its configuration, and statements that others set it by.  A value is taken to
 * end with the last of its quotation marks: too little may be left of such a line, but never too much.
 */
static void
keep_out_of_log(ErrorData *error)
{
	char *rest = error->message;

	while ((rest = behind_url_setting(rest)) != NULL)
	{
		char *value = strpbrk(*rest == '"' ? rest + 1 : rest, "\"'");
		char *end = value == NULL ? NULL : strrchr(value, *value);

		if (end > value)
			(void) take_out_password(value + 1, end - value - 1);
	}
	if (behind_url_setting(debug_query_string) != NULL)
		error->hide_stmt = true;
	if (log_before != NULL)
		log_before(error);
}

/* The database is fixed at start; a module loaded later in a session finds the start's value. */
static void
define_worker_settings(void)
{
	DefineCustomStringVariable(
	    "edurange.database",
	    "Database whose instances the sync worker keeps true; empty: no worker.", NULL,
	    &guc_database, "edurange",
	    process_shared_preload_libraries_in_progress ? PGC_POSTMASTER : PGC_SIGHUP, 0, NULL, NULL,
	    NULL);
	DefineCustomStringVariable(
	    "edurange.server_marker",
	    "File outside of the data directory whose text tells this server from a copy of it.",
	    "It need not be there. A sync worker that finds itself in a copy does nothing.",
	    &guc_server_marker, "/etc/machine-id", PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomStringVariable("edurange.instance_manager_url",
	                           "Base URL of the Instance Manager; empty: the worker idles.",
	                           "It may name a user, but holds no password: that comes from a file.",
	                           &instance_manager_url, "", PGC_SIGHUP, 0, check_url, NULL, NULL);
	DefineCustomStringVariable(
	    "edurange.instance_manager_password_file",
	    "File with the password for the Instance Manager in its first line; empty: there is none.",
	    "It is read anew for each request.", &instance_manager_password_file, "", PGC_SIGHUP,
	    GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomBoolVariable("edurange.sync_enabled", "Whether the sync worker polls.",
	                         "While it does not, it is not in the database.", &guc_sync_enabled,
	                         true, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("edurange.sync_interval", "Time between two polls.", NULL,
	                        &guc_sync_interval, 2000, 100, 3600 * 1000, PGC_SIGHUP, GUC_UNIT_MS,
	                        NULL, NULL, NULL);
	DefineCustomIntVariable("edurange.sync_timeout",
	                        "Time after which a request to the Instance Manager is given up.", NULL,
	                        &guc_sync_timeout, 10 * 1000, 100, 600 * 1000, PGC_SIGHUP, GUC_UNIT_MS,
	                        NULL, NULL, NULL);
	DefineCustomIntVariable("edurange.sync_concurrency",
	                        "Requests about single pods at the same time: half of them for flags, a"
	                        " quarter each for statuses and ends, at least one.",
	                        "What was asked in vain before has half as many beside them.",
	                        &sync_concurrency, 16, 1, 256, PGC_SIGHUP, 0, NULL, NULL, NULL);
}

/* What edurange.sync_apply() goes by when it judges an observation. */
static void
define_sync_settings(void)
{
	DefineCustomIntVariable(
	    "edurange.sync_grace", "Time for which a pod must be missing before its instance ends.",
	    "The Instance Manager must say so then, too: not found.", &guc_sync_grace, 30 * 1000, 0,
	    24 * 3600 * 1000, PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable(
	    "edurange.sync_mass_grace",
	    "Time for which instances are held when many of their pods are not found at once.",
	    "Counted once a pod of ours was seen meanwhile; an operator may let go earlier.",
	    &guc_sync_mass_grace, 600 * 1000, 0, 24 * 3600 * 1000, PGC_SUSET, GUC_UNIT_MS, NULL, NULL,
	    NULL);
	DefineCustomIntVariable(
	    "edurange.sync_creating_deadline",
	    "Time after which an instance that is CREATING without a pod goes to ERROR.", NULL,
	    &guc_sync_creating_deadline, 900 * 1000, 1000, 24 * 3600 * 1000, PGC_SUSET, GUC_UNIT_MS,
	    NULL, NULL, NULL);
	DefineCustomIntVariable(
	    "edurange.sync_queued_deadline",
	    "Time after which an instance that is QUEUED without a pod goes to ERROR.",
	    "The Instance Manager gives each start ten minutes, after its wait in the queue.",
	    &guc_sync_queued_deadline, 1800 * 1000, 1000, 24 * 3600 * 1000, PGC_SUSET, GUC_UNIT_MS,
	    NULL, NULL, NULL);
	DefineCustomIntVariable(
	    "edurange.sync_quarantine",
	    "Time for which a pod without an instance must be seen before it is adopted.", NULL,
	    &guc_sync_quarantine, 60 * 1000, 0, 24 * 3600 * 1000, PGC_SUSET, GUC_UNIT_MS, NULL, NULL,
	    NULL);
	DefineCustomIntVariable(
	    "edurange.sync_end_interval",
	    "Time a pod gets to end before its end is requested again; doubled each time.", NULL,
	    &guc_sync_end_interval, 60 * 1000, 100, 24 * 3600 * 1000, PGC_SUSET, GUC_UNIT_MS, NULL,
	    NULL, NULL);
	DefineCustomIntVariable(
	    "edurange.sync_end_attempts",
	    "Requests to end a pod after which its instance goes from TERMINATING to ERROR.", NULL,
	    &guc_sync_end_attempts, 5, 1, 100, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("edurange.instance_retention",
	                        "Time for which instances that are TERMINATED are kept; 0: for ever.",
	                        "Counted from when the sync worker first saw them so.",
	                        &guc_instance_retention, 30 * 24 * 60, 0, 10 * 365 * 24 * 60, PGC_SUSET,
	                        GUC_UNIT_MIN, NULL, NULL, NULL);
	DefineCustomBoolVariable(
	    "edurange.sync_schema",
	    "Whether the sync worker takes the Instance Manager's schema of challenge definitions.",
	    "It is made active in the place of the built-in one.", &sync_schema, false, PGC_SIGHUP, 0,
	    NULL, NULL, NULL);
}

/* How many attempts at a question are allowed, and for how long more are refused. */
static void
define_attempt_settings(void)
{
	DefineCustomIntVariable(
	    "edurange.attempt_limit",
	    "Attempts at a question within the window after which more are refused.",
	    "Counted for each user, question and group challenge; 0: no limit.", &guc_attempt_limit, 10,
	    0, 1000, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
	    "edurange.attempt_window", "Time within which the attempts of the limit must lie.", NULL,
	    &guc_attempt_window, 60, 1, 24 * 3600, PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable(
	    "edurange.attempt_lock", "Time after the last allowed attempt for which more are refused.",
	    NULL, &guc_attempt_lock, 300, 1, 24 * 3600, PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
}

/* Defines all settings; called once when the module is loaded. */
void
guc_define(void)
{
	log_before = emit_log_hook;
	emit_log_hook = keep_out_of_log;
	define_worker_settings();
	define_sync_settings();
	define_attempt_settings();
	DefineCustomIntVariable("edurange.idempotency_retention",
	                        "Time for which an idempotency key stands for its first request.", NULL,
	                        &guc_idempotency_retention, 24 * 60, 1, 30 * 24 * 60, PGC_SUSET,
	                        GUC_UNIT_MIN, NULL, NULL, NULL);
	DefineCustomIntVariable(
	    "edurange.batch_lock_timeout",
	    "Time for which a batch of several calls waits for one lock; 0: as long as a call alone.",
	    "A batch that gives up is undone, and its calls are to be made in smaller ones.",
	    &guc_batch_lock_timeout, 250, 0, 600 * 1000, PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomBoolVariable(
	    "edurange.webos_compatibility",
	    "Lets a player see the answers of non-flag questions and assert completions.",
	    "Needed by a WebOS that judges answers itself, and only for questions that it judges as the server"
	    " does; of flags while the user's own instance is ACTIVE and shows one. Flags are never shown.",
	    &guc_webos_compatibility, false, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable(
	    "edurange.allow_drop",
	    "Lets tables of the platform and of schema edurange be dropped in this session.",
	    "The guard that edurange.migrate() makes refuses it otherwise.", &allow_drop, false,
	    PGC_USERSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("edurange");
}

void
guc_set_locally(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
	                         false);
}

void
guc_limit_lock_wait(int milliseconds)
{
	if (milliseconds > 0 && (LockTimeout == 0 || LockTimeout > milliseconds))
		guc_set_locally("lock_timeout", psprintf("%d", milliseconds));
}

/* Do times without a zone mean UTC?  Zones are kept for ever, so that the one that did last time is known. */
static bool
is_utc(void)
{
	static const pg_tz *known = NULL;
	const char *name;

	if (session_timezone == known)
		return true;
	name = pg_get_timezone_name(session_timezone);
	if (strcmp(name, "UTC") != 0 && strcmp(name, "Etc/UTC") != 0 && strcmp(name, "GMT") != 0)
		return false;
	known = session_timezone;
	return true;
}

/*
 * Each setting that changes what values look like as text, how statements of ours are read, or which rows and plans
 * there are; and whether it is as it has to be.
 */
#define SETTINGS_OF_VALUES(X)                                                                      \
	X(DateStyle == USE_ISO_DATES && DateOrder == DATEORDER_MDY, "DateStyle", "ISO, MDY")           \
	X(IntervalStyle == INTSTYLE_POSTGRES, "IntervalStyle", "postgres")                             \
	X(is_utc(), "TimeZone", "UTC")                                                                 \
	X(extra_float_digits > 0, "extra_float_digits", "1")                                           \
	X(bytea_output == BYTEA_OUTPUT_HEX, "bytea_output", "hex")                                     \
	X(!quote_all_identifiers, "quote_all_identifiers", "off")
#define SETTINGS(X)                                                                                \
	X(!row_security, "row_security", "off")                                                        \
	X(standard_conforming_strings, "standard_conforming_strings", "on")                            \
	SETTINGS_OF_VALUES(X)                                                                          \
	X(Array_nulls, "array_nulls", "on")                                                            \
	X(!Transform_null_equals, "transform_null_equals", "off")                                      \
	X(!jit_enabled, "jit", "off")                                                                  \
	X(plan_cache_mode == PLAN_CACHE_MODE_AUTO, "plan_cache_mode", "auto")

/* They are seldom other than by default, and then nothing has to be done. */
void
guc_settle(void)
{
#define SETTLE(holds, name, value)                                                                 \
	if (!(holds))                                                                                  \
		guc_set_locally(name, value);
	SETTINGS(SETTLE)
#undef SETTLE
}

bool
guc_values_are_settled(void)
{
#define HOLDS(holds, name, value) (holds) &&
	return SETTINGS_OF_VALUES(HOLDS) true;
#undef HOLDS
}
