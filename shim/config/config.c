/*
 * config.c
 *	  One table of settings: environment variable, default, bounds and help of each.
 *
 * The command line wins over the environment.  An empty value is as none.  A secret comes from the
 * environment or from the file that VARIABLE_FILE names, never from the command line, which others
 * on the machine can read.  The connection is worked out here, so that whatever is wrong with it is
 * said before anything starts.  docs/settings.md is made from the table and its headings.
 */
#include "config/config.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LOOPS 16
#define AT(field) offsetof(Config, field)

/* clang-format off */
#define TEXT(variable, field, initial, help)                                                       \
	{variable, SETTING_TEXT, AT(field), initial, 0, 0, help}
#define SECRET(variable, field, help) {variable, SETTING_SECRET, AT(field), NULL, 0, 0, help}
#define INTEGER(variable, field, initial, min, max, help)                                          \
	{variable, SETTING_INTEGER, AT(field), initial, min, max, help}
#define SWITCH(variable, field, initial, help)                                                     \
	{variable, SETTING_SWITCH, AT(field), initial, 0, 0, help}

const Setting settings[] = {
	/* Database */
	SECRET("DIRECT_DATABASE_URL", direct_database_url,
		"URL of the database, past any connection pooler; wins over DATABASE_URL"),
	SECRET("DATABASE_URL", database_url, "URL of the database; {tier} in the name of the login "
		"stands for the tier that a connection is for; wins over POSTGRES_*"),
	TEXT("POSTGRES_HOST", postgres_host, NULL, "host of the database, where no URL is given"),
	TEXT("POSTGRES_NAME", postgres_name, NULL, "name of the database, where no URL is given"),
	TEXT("POSTGRES_USER", postgres_user, NULL, "login at the database, where no URL is given"),
	SECRET("POSTGRES_PASSWORD", postgres_password,
		"password at the database, where no URL is given"),
	SECRET("EDURANGE_READ_DATABASE_URL", read_database_url,
		"URL of replicas, for routes whose answer may be a little old"),
	INTEGER("EDURANGE_POOL_SIZE", pool_size, "8", 1, 256,
		"database connections for each tier and kind (reads, writes, slow calls), opened as needed"),
	INTEGER("EDURANGE_POOL_TIMEOUT", pool_timeout, "5", 1, 300,
		"seconds that a request waits until it is sent to the database"),
	INTEGER("EDURANGE_QUEUE_LENGTH", queue_length, "4096", 1, 1000000,
		"requests of a tier and kind that may wait to be sent to the database"),
	INTEGER("EDURANGE_STATEMENT_TIMEOUT", statement_timeout, "10000", 100, 600000,
		"milliseconds that a statement may take"),
	INTEGER("EDURANGE_IMPORT_TIMEOUT", import_timeout, "60000", 100, 600000,
		"milliseconds that importing a document or installing a pack may take"),

	/* HTTP */
	TEXT("EDURANGE_HOST", host, "127.0.0.1", "address to listen on"),
	INTEGER("EDURANGE_PORT", port, "8000", 0, 65535,
		"port to listen on; 0 takes a free one and logs it"),
	INTEGER("EDURANGE_METRICS_PORT", metrics_port, "0", 0, 65535,
		"port that serves /metrics without a token; 0: none"),
	INTEGER("EDURANGE_THREADS", threads, "0", 0, 64,
		"event loops, each a thread with database connections of its own; 0: one for each core"),
	INTEGER("EDURANGE_DRAIN_TIMEOUT", drain_timeout, "20", 0, 600,
		"seconds that requests in flight get to finish after SIGTERM"),

	/* Security */
	TEXT("EDURANGE_ANONYMOUS_TIER", anonymous_tier, "none",
		"what a request without a token may do: none, player, service or admin"),
	TEXT("EDURANGE_CORS_ORIGINS", cors_origins, NULL,
		"origins whose pages may read answers, separated by commas; * for all"),
	SWITCH("EDURANGE_ALLOW_ROOT", allow_root, "false", "start also as root"),

	/* Limits */
	INTEGER("EDURANGE_CONNECTION_LIMIT", connection_limit, "2000", 64, 100000,
		"HTTP connections at the same time"),
	INTEGER("EDURANGE_LISTENER_LIMIT", listener_limit, "1000", 1, 100000,
		"of them, those that listen to a board or wait for a feed; never more than three quarters of all"),
	INTEGER("EDURANGE_CONNECTION_TIMEOUT", connection_timeout, "30", 1, 3600,
		"seconds after which an idle HTTP connection is closed"),
	INTEGER("EDURANGE_BODY_TIMEOUT", body_timeout, "60", 1, 3600,
		"seconds that the body of a request may take to come in; an answer may take five times that to go out"),
	INTEGER("EDURANGE_MAX_HEADER", max_header, "6144", 1024, 49152,
		"bytes that the head of a request may have, its first line included"),
	INTEGER("EDURANGE_BODY_BUDGET", body_budget, "67108864", 33554432, 1073741824,
		"bytes of request bodies and answers that may be in memory, until large ones are refused (503)"),
	INTEGER("EDURANGE_MAX_RESPONSE", max_response, "67108864", 65536, 1073741824,
		"bytes that the answer to a read may have"),
};
/* clang-format on */

#define SETTING_COUNT (sizeof(settings) / sizeof(settings[0]))

const size_t setting_count = SETTING_COUNT;

_Static_assert(SETTING_COUNT <= 64, "Config.given has one bit for each setting");

#define FLAG_ACTION 1000 /* behind the settings: what is to be done instead of running */

/* Where the setting's value is: a text, an int or a bool. */
static void *
value_of(const Config *config, const Setting *setting)
{
	return (char *) config + setting->offset;
}

const char *
setting_flag(const Setting *setting, char flag[FLAG_LENGTH])
{
	static const char prefix[] = "EDURANGE_";
	const char *from = setting->variable;
	size_t used = 0;

	if (strncmp(from, prefix, strlen(prefix)) == 0)
		from += strlen(prefix);
	for (; *from != '\0' && used < FLAG_LENGTH - 1; from++)
		flag[used++] = *from == '_' ? '-' : (char) tolower((unsigned char) *from);
	flag[used] = '\0';
	return flag;
}

/* Was the setting in this place of Config given by somebody? */
static bool
is_given(const Config *config, size_t offset)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
	{
		if (settings[i].offset == offset)
			return (config->given >> i & 1) != 0;
	}
	return false;
}

/* Says what a setting must be; always false. */
static bool
complain(const Setting *setting, const char *wanted)
{
	char flag[FLAG_LENGTH];

	if (setting->kind == SETTING_SECRET)
		fprintf(stderr, "edurange_shim: %s %s\n", setting->variable, wanted);
	else
		fprintf(stderr, "edurange_shim: %s (--%s) %s\n", setting->variable,
		        setting_flag(setting, flag), wanted);
	return false;
}

/* Stores one value; false, and says which setting, when it is not allowed. */
static bool
set_value(Config *config, const Setting *setting, const char *value)
{
	char wanted[64];
	long number;
	char *end;

	switch (setting->kind)
	{
		case SETTING_TEXT:
		case SETTING_SECRET:
			*(const char **) value_of(config, setting) = value;
			return true;
		case SETTING_SWITCH:
			*(bool *) value_of(config, setting) = strcmp(value, "true") == 0;
			return strcmp(value, "true") == 0 || strcmp(value, "false") == 0 ||
			       complain(setting, "must be true or false");
		case SETTING_INTEGER:
			break;
	}
	errno = 0;
	number = strtol(value, &end, 10);
	if (errno != 0 || end == value || *end != '\0' || isspace((unsigned char) value[0]) ||
	    number < setting->min || number > setting->max)
	{
		snprintf(wanted, sizeof(wanted), "must be a whole number from %d to %d", setting->min,
		         setting->max);
		return complain(setting, wanted);
	}
	*(int *) value_of(config, setting) = (int) number;
	return true;
}

/* The content of a file without the ends of line behind it, to be freed; NULL with errno. */
static char *
read_secret(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t room = 0;
	ssize_t length;

	if (file == NULL)
		return NULL;
	length = getdelim(&text, &room, '\0', file);
	if (length < 0 && (ferror(file) || text == NULL))
	{
		free(text);
		text = NULL;
	}
	fclose(file);
	while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
		length--;
	if (text != NULL)
		text[length > 0 ? length : 0] = '\0';
	return text;
}

/* Reads a secret from the file that VARIABLE_FILE names, if there is such a variable. */
static bool
read_secret_file(Config *config, size_t index)
{
	const Setting *setting = &settings[index];
	char variable[FLAG_LENGTH];
	char reason[256];
	const char *path;
	char *value;

	snprintf(variable, sizeof(variable), "%s_FILE", setting->variable);
	path = getenv(variable);
	if (path == NULL || path[0] == '\0')
		return true;
	if ((config->given >> index & 1) != 0)
		return complain(setting, "is given twice: by itself and by the variable with _FILE");
	errno = 0;
	value = read_secret(path);
	if (value == NULL)
	{
		snprintf(reason, sizeof(reason), "could not be read from the file that %s names: %s",
		         variable, strerror(errno));
		return complain(setting, reason);
	}
	if (value[0] == '\0')
	{
		free(value);
		return complain(setting, "is empty in the file that the variable with _FILE names");
	}
	*(const char **) value_of(config, setting) = value;
	config->given |= UINT64_C(1) << index;
	config->from_file |= UINT64_C(1) << index;
	return true;
}

/* Reads defaults, then the environment. */
static bool
read_environment(Config *config)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
	{
		const char *value = getenv(settings[i].variable);

		if (settings[i].initial != NULL && !set_value(config, &settings[i], settings[i].initial))
			return false;
		if (value != NULL && value[0] != '\0')
		{
			if (!set_value(config, &settings[i], value))
				return false;
			config->given |= UINT64_C(1) << i;
		}
		if (settings[i].kind == SETTING_SECRET && !read_secret_file(config, i))
			return false;
	}
	return true;
}

/* Acts on one flag that getopt found. */
static ConfigAction
use_flag(Config *config, int flag, const char *value, ConfigAction action)
{
	if (flag >= (int) SETTING_COUNT)
		return flag == '?' ? CONFIG_BROKEN : (ConfigAction) (flag - FLAG_ACTION);
	if (!set_value(config, &settings[flag], value))
		return CONFIG_BROKEN;
	config->given |= UINT64_C(1) << flag;
	return action;
}

/* Reads the command line. */
static ConfigAction
read_flags(Config *config, int argc, char **argv)
{
	struct option options[SETTING_COUNT + 5];
	char flags[SETTING_COUNT][FLAG_LENGTH];
	ConfigAction action = CONFIG_RUN;
	size_t count = 0;
	int flag;

	for (size_t i = 0; i < SETTING_COUNT; i++)
	{
		if (settings[i].kind != SETTING_SECRET)
			options[count++] = (struct option){setting_flag(&settings[i], flags[i]),
			                                   required_argument, NULL, (int) i};
	}
	options[count++] = (struct option){"help", no_argument, NULL, FLAG_ACTION + CONFIG_HELP};
	options[count++] = (struct option){"version", no_argument, NULL, FLAG_ACTION + CONFIG_VERSION};
	options[count++] =
	    (struct option){"check-config", no_argument, NULL, FLAG_ACTION + CONFIG_CHECK};
	options[count++] = (struct option){"routes", no_argument, NULL, FLAG_ACTION + CONFIG_ROUTES};
	options[count] = (struct option){0};
	opterr = 0; /* getopt would repeat the value, too, which may be a secret */
	while ((flag = getopt_long(argc, argv, "", options, NULL)) != -1)
	{
		const char *given = argv[optind - 1];

		if (flag == '?')
			fprintf(stderr,
			        "edurange_shim: \"%.*s\" is no flag, or has a value too many or too few\n",
			        (int) strcspn(given, "="), given);
		action = use_flag(config, flag, optarg, action);
		if (action > CONFIG_CHECK)
			return action;
	}
	if (optind < argc)
	{
		fprintf(stderr, "edurange_shim: unexpected argument \"%s\"\n", argv[optind]);
		return CONFIG_BROKEN;
	}
	return action;
}

/* Takes the connection from a URL, and the pool's size where no setting of our own gives it. */
static bool
use_url(Config *config, const char *variable, const char *url)
{
	DsnPool pool = {0};

	if (!dsn_from_url(variable, url, &config->connection, &pool))
		return false;
	if (pool.connections > 0 && !is_given(config, AT(pool_size)))
		config->pool_size = pool.connections;
	if (pool.seconds > 0 && !is_given(config, AT(pool_timeout)))
		config->pool_timeout = pool.seconds;
	return true;
}

/* How many cores this process may use, up to what is of use. */
static int
count_cores(void)
{
	cpu_set_t cores;
	int count = sched_getaffinity(0, sizeof(cores), &cores) == 0 ? CPU_COUNT(&cores) : 1;

	return count < MAX_LOOPS ? count : MAX_LOOPS;
}

/* Works out what the texts mean together. */
static bool
derive(Config *config)
{
	DsnPool ignored;

	if (!tier_from_name(config->anonymous_tier, &config->anonymous))
	{
		fprintf(stderr, "edurange_shim: EDURANGE_ANONYMOUS_TIER (--anonymous-tier) must be none, "
		                "player, service or admin\n");
		return false;
	}
	if (config->threads == 0)
		config->threads = count_cores();
	if (config->read_database_url != NULL &&
	    !dsn_from_url("EDURANGE_READ_DATABASE_URL", config->read_database_url,
	                  &config->read_connection, &ignored))
		return false;
	if (config->direct_database_url != NULL)
		return use_url(config, "DIRECT_DATABASE_URL", config->direct_database_url);
	if (config->database_url != NULL)
		return use_url(config, "DATABASE_URL", config->database_url);
	dsn_add(&config->connection, "host", config->postgres_host);
	dsn_add(&config->connection, "dbname", config->postgres_name);
	dsn_add(&config->connection, "user", config->postgres_user);
	dsn_add(&config->connection, "password", config->postgres_password);
	return true;
}

/* By its name the database knows that others than front ends may ask for anybody's points. */
static void
name_connections(Config *config)
{
	static char name[64];

	snprintf(name, sizeof(name), "edurange_shim%s%s",
	         config->anonymous >= TIER_PLAYER ? ", without a token " : "",
	         config->anonymous >= TIER_PLAYER ? config->anonymous_tier : "");
	dsn_add(&config->connection, "application_name", name);
	if (config->read_connection.count > 0)
		dsn_add(&config->read_connection, "application_name", name);
}

/* Reads everything; what is wrong has been said on standard error. */
ConfigAction
config_read(Config *config, int argc, char **argv)
{
	ConfigAction action = read_environment(config) ? read_flags(config, argc, argv) : CONFIG_BROKEN;

	if (action <= CONFIG_CHECK && !derive(config))
		return CONFIG_BROKEN;
	name_connections(config);
	return action;
}

/* Prints the settings in effect; of a secret only whether it is set. */
void
config_print(const Config *config)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
	{
		const Setting *setting = &settings[i];
		const char *text = NULL;

		switch (setting->kind)
		{
			case SETTING_INTEGER:
				printf("%s=%d\n", setting->variable, *(int *) value_of(config, setting));
				continue;
			case SETTING_SWITCH:
				printf("%s=%s\n", setting->variable,
				       *(bool *) value_of(config, setting) ? "true" : "false");
				continue;
			case SETTING_SECRET:
				if (*(const char **) value_of(config, setting) != NULL)
					text = (config->from_file >> i & 1) != 0 ? "(set by a file)" : "(set)";
				break;
			case SETTING_TEXT:
				text = *(const char **) value_of(config, setting);
				break;
		}
		printf("%s=%s\n", setting->variable, text != NULL ? text : "(not set)");
	}
}
