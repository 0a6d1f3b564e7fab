/*
 * config.h
 *	  The settings of the shim, from the environment, files and the command line.
 */
#ifndef EDURANGE_SHIM_CONFIG_H
#define EDURANGE_SHIM_CONFIG_H

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

/* One table of them: environment variable, default, bounds and help of each. */
extern const Setting settings[];
extern const size_t setting_count;

/* The flag of a setting: EDURANGE_MAX_BODY is --max-body, POSTGRES_HOST is --postgres-host. */
#define FLAG_LENGTH 64
extern const char *setting_flag(const Setting *setting, char flag[FLAG_LENGTH]);

typedef struct Config
{
	const char *direct_database_url;
	const char *database_url;
	const char *read_database_url;
	const char *postgres_host;
	const char *postgres_name;
	const char *postgres_user;
	const char *postgres_password;
	const char *host;
	const char *anonymous_tier;
	const char *cors_origins;
	int port;
	int metrics_port;
	int threads;
	int pool_size;
	int pool_timeout; /* seconds that a request waits until it is sent */
	int queue_length;
	int body_budget;
	int max_header;
	int max_response;
	int connection_limit;
	int listener_limit;
	int connection_timeout; /* seconds */
	int body_timeout;       /* seconds */
	int drain_timeout;      /* seconds */
	int statement_timeout;  /* milliseconds */
	int import_timeout;     /* milliseconds */
	bool allow_root;

	uint64_t given;     /* one bit for each setting that does not have its default */
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

#endif
