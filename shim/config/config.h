/*
 * config.h
 *	  The settings of the shim, from the environment, files and the command line.
 *
 * The room config/ is settings, and what a URL of the database says (dsn.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/tier.h"
#include "config/dsn.h"

typedef enum SettingKind
{
	SETTING_TEXT,
	SETTING_SECRET, /* text that is never printed and never an argument */
	SETTING_INTEGER,
	SETTING_SWITCH
} SettingKind;

typedef struct Setting
{
	const char *variable;
	SettingKind kind;
	size_t offset; /* in Config */
	const char *initial;
	int min;
	int max;
	const char *help;
} Setting;

extern const Setting settings[];
extern const size_t setting_count;

/* The flag of a setting: EDURANGE_MAX_HEADER is --max-header, POSTGRES_HOST is --postgres-host. */
#define FLAG_LENGTH 64
extern const char *setting_flag(const Setting *setting, char flag[FLAG_LENGTH]);

/* clang-format off */
/* Of each its variable, field of Config, default, bounds and help.  docs/settings.md is made of this and its headings. */
#define SETTINGS(TEXT, SECRET, INTEGER, SWITCH) \
	/* Database */ \
	SECRET("DIRECT_DATABASE_URL", direct_database_url, \
		"URL of the database, past any connection pooler; wins over DATABASE_URL") \
	SECRET("DATABASE_URL", database_url, "URL of the database; {tier} in the name of the login " \
		"stands for the tier that a connection is for; wins over POSTGRES_*") \
	TEXT("POSTGRES_HOST", postgres_host, NULL, "host of the database, where no URL is given") \
	TEXT("POSTGRES_NAME", postgres_name, NULL, "name of the database, where no URL is given") \
	TEXT("POSTGRES_USER", postgres_user, NULL, "login at the database, where no URL is given") \
	SECRET("POSTGRES_PASSWORD", postgres_password, \
		"password at the database, where no URL is given") \
	SECRET("EDURANGE_READ_DATABASE_URL", read_database_url, \
		"URL of replicas, for routes whose answer may be a little old") \
	INTEGER("EDURANGE_POOL_SIZE", pool_size, "8", 1, 256, \
		"database connections for each tier and kind (reads, writes, slow calls), and for reads without a token, opened as needed") \
	INTEGER("EDURANGE_POOL_TIMEOUT", pool_timeout, "5", 1, 300, \
		"seconds that a request waits until it is sent to the database") \
	INTEGER("EDURANGE_QUEUE_LENGTH", queue_length, "4096", 1, 1000000, \
		"requests of a tier and kind that may wait to be sent to the database") \
	INTEGER("EDURANGE_STATEMENT_TIMEOUT", statement_timeout, "10000", 100, 600000, \
		"milliseconds that a statement may take") \
	INTEGER("EDURANGE_IMPORT_TIMEOUT", import_timeout, "60000", 100, 600000, \
		"milliseconds that a service or admin may take for what concerns many rows: a roster, a pack, a gradebook, grades judged anew") \
	/* HTTP */ \
	TEXT("EDURANGE_HOST", host, "127.0.0.1", "address to listen on") \
	INTEGER("EDURANGE_PORT", port, "8000", 0, 65535, \
		"port to listen on; 0 takes a free one and logs it") \
	INTEGER("EDURANGE_METRICS_PORT", metrics_port, "0", 0, 65535, \
		"port that serves /metrics without a token; 0: none") \
	INTEGER("EDURANGE_THREADS", threads, "0", 0, 64, \
		"event loops, each a thread with database connections of its own; 0: one for each core") \
	INTEGER("EDURANGE_DRAIN_TIMEOUT", drain_timeout, "20", 0, 600, \
		"seconds that requests in flight get to finish after SIGTERM") \
	/* Security */ \
	TEXT("EDURANGE_ANONYMOUS_TIER", anonymous_tier, "none", \
		"what a request without a token may do: none or player") \
	TEXT("EDURANGE_CORS_ORIGINS", cors_origins, NULL, \
		"origins whose pages may read answers, separated by commas; * for all") \
	SWITCH("EDURANGE_ALLOW_ROOT", allow_root, "false", "start also as root") \
	/* Limits */ \
	INTEGER("EDURANGE_CONNECTION_LIMIT", connection_limit, "2000", 64, 100000, \
		"HTTP connections at the same time") \
	INTEGER("EDURANGE_LISTENER_LIMIT", listener_limit, "1000", 1, 100000, \
		"of them, those that listen to a board or wait for a feed; never more than three quarters of all") \
	INTEGER("EDURANGE_CONNECTION_TIMEOUT", connection_timeout, "30", 1, 3600, \
		"seconds after which an idle HTTP connection is closed") \
	INTEGER("EDURANGE_BODY_TIMEOUT", body_timeout, "60", 1, 3600, \
		"seconds that the body of a request may take to come in; an answer may take five times that to go out") \
	INTEGER("EDURANGE_MAX_HEADER", max_header, "6144", 1024, 49152, \
		"bytes that the head of a request may have, its first line included") \
	INTEGER("EDURANGE_BODY_BUDGET", body_budget, "67108864", 33554432, 1073741824, \
		"bytes of request bodies and answers that may be in memory, until large ones are refused (503)") \
	INTEGER("EDURANGE_MAX_RESPONSE", max_response, "67108864", 65536, 1073741824, \
		"bytes that the answer to a read may have; a gradebook, which waits in a file (in TMPDIR or /tmp), sixteen times that") \
	INTEGER("EDURANGE_FILE_BUDGET", file_budget, "1610612736", 1048576, 2147483647, \
		"bytes of gradebooks that may wait in files together, until further ones are refused (503)")
/* clang-format on */

/* The fields in which they are kept. */
#define TEXT_FIELD(variable, field, initial, help) const char *field;
#define SECRET_FIELD(variable, field, help) const char *field;
#define INTEGER_FIELD(variable, field, initial, min, max, help) int field;
#define SWITCH_FIELD(variable, field, initial, help) bool field;

typedef struct Config
{
	SETTINGS(TEXT_FIELD, SECRET_FIELD, INTEGER_FIELD, SWITCH_FIELD)

	uint64_t given;     /* one bit for each setting that was given */
	uint64_t from_file; /* one bit for each whose value a file had */

	/* derived */
	Tier anonymous;
	ConnectionOptions connection;
	ConnectionOptions read_connection; /* none: reads go where writes go */
} Config;

/* What the command line asked for. */
typedef enum ConfigAction
{
	CONFIG_RUN,
	CONFIG_CHECK,
	/* no other flag is looked at from here on */
	CONFIG_ROUTES,
	CONFIG_HELP,
	CONFIG_VERSION,
	CONFIG_BROKEN
} ConfigAction;

/* Fills a configuration of zeros; what it holds lives as long as the process. */
extern ConfigAction config_read(Config *config, int argc, char **argv);
extern void config_print(const Config *config);
