/*
 * config.c
 *	  One table of settings: environment variable, flag, default, bounds and help of each.
 *
 * The command line wins over the environment.  An empty value is as none.  The connection is
 * worked out here, so that whatever is wrong with it is said before anything starts.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <libpq-fe.h>

#include "routes.h"

typedef enum SettingKind
{
	SETTING_TEXT,
	SETTING_SECRET, /* text that is never printed */
	SETTING_INTEGER
} SettingKind;

typedef struct Setting
{
	const char *variable;
	const char *flag;
	SettingKind kind;
	size_t offset; /* in Config */
	const char *initial;
	int min;
	int max;
	const char *help;
} Setting;

#define AT(field) offsetof(Config, field)

static const Setting settings[] = {
    {"DIRECT_DATABASE_URL", "direct-database-url", SETTING_SECRET, AT(direct_database_url), NULL, 0,
     0, "URL of the database, past any connection pooler; wins over DATABASE_URL"},
    {"DATABASE_URL", "database-url", SETTING_SECRET, AT(database_url), NULL, 0, 0,
     "URL of the database; wins over POSTGRES_*"},
    {"POSTGRES_HOST", "postgres-host", SETTING_TEXT, AT(postgres_host), NULL, 0, 0,
     "host of the database, where no URL is given"},
    {"POSTGRES_NAME", "postgres-name", SETTING_TEXT, AT(postgres_name), NULL, 0, 0,
     "name of the database, where no URL is given"},
    {"POSTGRES_USER", "postgres-user", SETTING_TEXT, AT(postgres_user), NULL, 0, 0,
     "login at the database, where no URL is given"},
    {"POSTGRES_PASSWORD", "postgres-password", SETTING_SECRET, AT(postgres_password), NULL, 0, 0,
     "password at the database, where no URL is given"},
    {"EDURANGE_HOST", "host", SETTING_TEXT, AT(host), "127.0.0.1", 0, 0, "address to listen on"},
    {"EDURANGE_PORT", "port", SETTING_INTEGER, AT(port), "8000", 0, 65535,
     "port to listen on; 0 takes a free one and logs it"},
    {"EDURANGE_ANONYMOUS_TIER", "anonymous-tier", SETTING_TEXT, AT(anonymous_tier), "none", 0, 0,
     "what a request without a token may do: none, player, service or admin"},
    {"EDURANGE_THREADS", "threads", SETTING_INTEGER, AT(threads), "4", 1, 64,
     "threads that serve HTTP"},
    {"EDURANGE_POOL_SIZE", "pool-size", SETTING_INTEGER, AT(pool_size), "8", 1, 256,
     "database connections for each tier"},
    {"EDURANGE_POOL_TIMEOUT", "pool-timeout", SETTING_INTEGER, AT(pool_timeout), "5", 1, 300,
     "seconds that a request waits for a database connection"},
    {"EDURANGE_STATEMENT_TIMEOUT", "statement-timeout", SETTING_INTEGER, AT(statement_timeout),
     "10000", 100, 600000, "milliseconds that a statement may take"},
    {"EDURANGE_MAX_BODY", "max-body", SETTING_INTEGER, AT(max_body), "16777216", 1024, 268435456,
     "bytes that a request body may have"},
    {"EDURANGE_CONNECTION_LIMIT", "connection-limit", SETTING_INTEGER, AT(connection_limit), "1000",
     64, 100000, "HTTP connections at the same time"},
    {"EDURANGE_CONNECTION_TIMEOUT", "connection-timeout", SETTING_INTEGER, AT(connection_timeout),
     "30", 1, 3600, "seconds after which an idle HTTP connection is closed"},
    {"EDURANGE_DRAIN_TIMEOUT", "drain-timeout", SETTING_INTEGER, AT(drain_timeout), "20", 0, 600,
     "seconds that requests in flight get to finish after SIGTERM"},
};

#define SETTING_COUNT (sizeof(settings) / sizeof(settings[0]))

/* What Prisma's client reads in a URL and libpq does not know. */
static const char *const prisma_parameters[] = {
    "schema",
    "connection_limit",
    "pool_timeout",
    "socket_timeout",
    "statement_cache_size",
    "max_connection_lifetime",
    "max_idle_connection_lifetime",
    "pgbouncer",
    "sslidentity",
    "sslaccept",
};

enum
{
	FLAG_HELP = 1000,
	FLAG_VERSION,
	FLAG_CHECK,
	FLAG_ROUTES
};

static const char **
text_field(Config *config, const Setting *setting)
{
	return (const char **) ((char *) config + setting->offset);
}

static int *
integer_field(Config *config, const Setting *setting)
{
	return (int *) ((char *) config + setting->offset);
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

/* Stores one value; false, and says which setting, when it is not allowed. */
static bool
set_value(Config *config, const Setting *setting, const char *value)
{
	long number;
	char *end;

	if (setting->kind != SETTING_INTEGER)
	{
		*text_field(config, setting) = value;
		return true;
	}
	errno = 0;
	number = strtol(value, &end, 10);
	if (errno != 0 || end == value || *end != '\0' || isspace((unsigned char) value[0]) ||
	    number < setting->min || number > setting->max)
	{
		fprintf(stderr, "edurange_shim: %s (--%s) must be a whole number from %d to %d\n",
		        setting->variable, setting->flag, setting->min, setting->max);
		return false;
	}
	*integer_field(config, setting) = (int) number;
	return true;
}

static void
print_help(void)
{
	printf("edurange_shim: the HTTP interface of the EDURange database controller\n\n"
	       "Usage: edurange_shim [--SETTING=VALUE ...]\n\n");
	for (size_t i = 0; i < SETTING_COUNT; i++)
	{
		const Setting *setting = &settings[i];

		printf("  --%s=VALUE  (%s)\n      %s", setting->flag, setting->variable, setting->help);
		if (setting->initial != NULL)
			printf(" [%s]", setting->initial);
		printf("\n");
	}
	printf("\n  --check-config  print the settings in effect and exit\n"
	       "  --routes        print method, path and tier of each route and exit\n"
	       "  --help          print this and exit\n"
	       "  --version       print the version and exit\n\n"
	       "Without a URL and without POSTGRES_*, libpq's own variables (PGHOST, ...) are used.\n"
	       "A command line can be read by others on the machine: keep passwords out of it.\n");
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
		if (value == NULL || value[0] == '\0')
			continue;
		if (!set_value(config, &settings[i], value))
			return false;
		config->given |= 1u << i;
	}
	return true;
}

/* Reads the command line. */
static ConfigAction
read_flags(Config *config, int argc, char **argv)
{
	struct option options[SETTING_COUNT + 5] = {
	    [SETTING_COUNT] = {"help", no_argument, NULL, FLAG_HELP},
	    [SETTING_COUNT + 1] = {"version", no_argument, NULL, FLAG_VERSION},
	    [SETTING_COUNT + 2] = {"check-config", no_argument, NULL, FLAG_CHECK},
	    [SETTING_COUNT + 3] = {"routes", no_argument, NULL, FLAG_ROUTES},
	};
	ConfigAction action = CONFIG_RUN;
	int flag;

	for (size_t i = 0; i < SETTING_COUNT; i++)
		options[i] = (struct option){settings[i].flag, required_argument, NULL, (int) i};
	while ((flag = getopt_long(argc, argv, "", options, NULL)) != -1)
	{
		switch (flag)
		{
			case FLAG_HELP:
				print_help();
				return CONFIG_DONE;
			case FLAG_VERSION:
				printf("edurange_shim %s\n", EDURANGE_VERSION);
				return CONFIG_DONE;
			case FLAG_ROUTES:
				routes_print();
				return CONFIG_DONE;
			case FLAG_CHECK:
				action = CONFIG_CHECK;
				break;
			case '?': /* getopt has named the flag */
				return CONFIG_BROKEN;
			default:
				if (!set_value(config, &settings[flag], optarg))
					return CONFIG_BROKEN;
				config->given |= 1u << flag;
		}
	}
	if (optind < argc)
	{
		fprintf(stderr, "edurange_shim: unexpected argument \"%s\"\n", argv[optind]);
		return CONFIG_BROKEN;
	}
	return action;
}

static bool
is_prisma_parameter(const char *parameter, size_t length)
{
	for (size_t i = 0; i < sizeof(prisma_parameters) / sizeof(prisma_parameters[0]); i++)
	{
		if (strlen(prisma_parameters[i]) == length &&
		    strncmp(prisma_parameters[i], parameter, length) == 0)
			return true;
	}
	return false;
}

/*
 * Takes over what a parameter of Prisma's asks for, where it means something here and the setting
 * of our own was not given.  False for a connection pooler, which prepared statements and the role
 * of a connection do not survive.
 */
static bool
apply_prisma_parameter(Config *config, const char *variable, const char *name, const char *value)
{
	long number = strtol(value, NULL, 10);

	if (strcmp(name, "pgbouncer") == 0 && strcasecmp(value, "true") == 0)
	{
		fprintf(stderr,
		        "edurange_shim: %s has pgbouncer=true: statements are prepared and each "
		        "connection has a role of its own, which a pooler does not keep; set "
		        "DIRECT_DATABASE_URL to the database itself\n",
		        variable);
		return false;
	}
	if (strcmp(name, "connection_limit") == 0 && !is_given(config, AT(pool_size)) && number >= 1 &&
	    number <= 256)
		config->pool_size = (int) number;
	if (strcmp(name, "pool_timeout") == 0 && !is_given(config, AT(pool_timeout)) && number >= 1 &&
	    number <= 300)
		config->pool_timeout = (int) number;
	return true;
}

/* The URL without Prisma's parameters, to be freed; NULL when one of them rules it out. */
static char *
strip_url(Config *config, const char *variable, const char *url)
{
	const char *query = strchr(url, '?');
	char *stripped = strdup(url);
	char separator = '?';
	size_t used;

	if (query == NULL || stripped == NULL)
		return stripped;
	used = (size_t) (query - url);
	for (const char *at = query + 1; *at != '\0';)
	{
		size_t length = strcspn(at, "&");
		size_t name_length = strcspn(at, "=&");

		if (is_prisma_parameter(at, name_length))
		{
			char name[64];
			char value[64];

			snprintf(name, sizeof(name), "%.*s", (int) name_length, at);
			snprintf(value, sizeof(value), "%.*s", (int) (length - name_length),
			         at + name_length + (at[name_length] == '='));
			value[strcspn(value, "&")] = '\0';
			if (!apply_prisma_parameter(config, variable, name, value))
			{
				free(stripped);
				return NULL;
			}
		}
		else if (length > 0)
		{
			stripped[used++] = separator;
			separator = '&';
			memcpy(stripped + used, at, length);
			used += length;
		}
		at += length + (at[length] == '&');
	}
	stripped[used] = '\0';
	return stripped;
}

static void
add_option(ConnectionOptions *options, const char *keyword, const char *value)
{
	if (value == NULL || value[0] == '\0' || options->count == MAX_CONNECTION_OPTIONS)
		return;
	options->keywords[options->count] = strdup(keyword);
	options->values[options->count] = strdup(value);
	options->count++;
}

/* Takes a URL apart.  libpq's complaint is not repeated, since it may quote the password. */
static bool
use_url(Config *config, const char *variable, const char *url)
{
	PQconninfoOption *parsed;
	char *stripped;

	if (strncmp(url, "postgres://", 11) != 0 && strncmp(url, "postgresql://", 13) != 0)
	{
		fprintf(stderr, "edurange_shim: %s must begin with postgresql:// or postgres://\n",
		        variable);
		return false;
	}
	stripped = strip_url(config, variable, url);
	if (stripped == NULL)
		return false;
	parsed = PQconninfoParse(stripped, NULL);
	free(stripped);
	if (parsed == NULL)
	{
		fprintf(stderr, "edurange_shim: %s is not a URL that libpq understands\n", variable);
		return false;
	}
	for (PQconninfoOption *option = parsed; option->keyword != NULL; option++)
		add_option(&config->connection, option->keyword, option->val);
	PQconninfoFree(parsed);
	return true;
}

/* Works out what the texts mean together. */
static bool
derive(Config *config)
{
	if (!tier_from_name(config->anonymous_tier, &config->anonymous))
	{
		fprintf(stderr, "edurange_shim: EDURANGE_ANONYMOUS_TIER (--anonymous-tier) must be none, "
		                "player, service or admin\n");
		return false;
	}
	if (config->direct_database_url != NULL)
		return use_url(config, "DIRECT_DATABASE_URL", config->direct_database_url);
	if (config->database_url != NULL)
		return use_url(config, "DATABASE_URL", config->database_url);
	add_option(&config->connection, "host", config->postgres_host);
	add_option(&config->connection, "dbname", config->postgres_name);
	add_option(&config->connection, "user", config->postgres_user);
	add_option(&config->connection, "password", config->postgres_password);
	return true;
}

/* Reads everything; what is wrong has been said on standard error. */
ConfigAction
config_read(Config *config, int argc, char **argv)
{
	ConfigAction action;

	memset(config, 0, sizeof(*config));
	if (!read_environment(config))
		return CONFIG_BROKEN;
	action = read_flags(config, argc, argv);
	if ((action == CONFIG_RUN || action == CONFIG_CHECK) && !derive(config))
		return CONFIG_BROKEN;
	return action;
}

/* Prints the settings in effect; of a secret only whether it is set. */
void
config_print(const Config *config)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
	{
		const Setting *setting = &settings[i];
		const char *text;

		if (setting->kind == SETTING_INTEGER)
		{
			printf("%s=%d\n", setting->variable, *integer_field((Config *) config, setting));
			continue;
		}
		text = *text_field((Config *) config, setting);
		if (setting->kind == SETTING_SECRET)
			text = text != NULL ? "(set)" : NULL;
		printf("%s=%s\n", setting->variable, text != NULL ? text : "(not set)");
	}
}

/* Frees what reading allocated. */
void
config_free(Config *config)
{
	for (int i = 0; i < config->connection.count; i++)
	{
		free((char *) config->connection.keywords[i]);
		free((char *) config->connection.values[i]);
	}
	config->connection.count = 0;
}
