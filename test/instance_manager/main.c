/*
 * main.c
 *	  A stand-in for the platform's Instance Manager: command line and life cycle.
 *
 * It answers the routes that the sync worker uses with pods that exist only in its memory, and can
 * be told through /control to misbehave.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"
#include "pods.h"
#include "server.h"

#define PROGRAM "edurange_instance_manager"
#define PORT_VARIABLE "EDURANGE_IM_PORT"

static const char usage[] =
    "Usage: " PROGRAM " [OPTION]...\n"
    "Simulates the Instance Manager: its routes under /api, and /control to direct it.\n\n"
    "  --host HOST              address to listen on (default 127.0.0.1)\n"
    "  --port PORT              port, 0 for any free one (default $" PORT_VARIABLE " or 5000)\n"
    "  --prefix PATH            serve the API under this path prefix\n"
    "  --domain DOMAIN          domain of the pods' addresses (default edurange.test)\n"
    "  --pod NAME:USER:COMPETITION[:STATUS[:CHALLENGE[:TYPE]]]\n"
    "                           start with this pod; may be repeated\n"
    "  --pods FILE              start with the pods of a JSON array, as for POST /control/pods\n"
    "  --schema FILE            JSON document that GET /api/schema answers with\n"
    "  --start-delay MS         time from start-challenge until the pod is there, and from then\n"
    "                           until it is ready (default 1000)\n"
    "  --termination-delay MS   time from end-challenge until the pod is gone (default 2000)\n"
    "  --help                   show this text\n\n"
    "Prints one line with its URL when it is ready, and stops on SIGTERM or SIGINT.\n";

enum
{
	OPTION_HOST = 1,
	OPTION_PORT,
	OPTION_PREFIX,
	OPTION_DOMAIN,
	OPTION_POD,
	OPTION_PODS,
	OPTION_SCHEMA,
	OPTION_START_DELAY,
	OPTION_TERMINATION_DELAY,
	OPTION_HELP
};

static const struct option options[] = {
    {"host", required_argument, NULL, OPTION_HOST},
    {"port", required_argument, NULL, OPTION_PORT},
    {"prefix", required_argument, NULL, OPTION_PREFIX},
    {"domain", required_argument, NULL, OPTION_DOMAIN},
    {"pod", required_argument, NULL, OPTION_POD},
    {"pods", required_argument, NULL, OPTION_PODS},
    {"schema", required_argument, NULL, OPTION_SCHEMA},
    {"start-delay", required_argument, NULL, OPTION_START_DELAY},
    {"termination-delay", required_argument, NULL, OPTION_TERMINATION_DELAY},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

typedef struct Config
{
	ServerSettings server;
	PodSettings pods;
	const char *schema;
	json_t *initial; /* array of pods */
} Config;

static void __attribute__((noreturn))
die(const char *option, const char *value, const char *problem)
{
	fprintf(stderr, PROGRAM ": %s \"%s\": %s\n", option, value, problem);
	exit(2);
}

/* A whole number within bounds, or the end of the program. */
static long
number_or_die(const char *option, const char *text, long maximum)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || value < 0 || value > maximum)
		die(option, text, "not a number in range");
	return value;
}

/* Reads NAME:USER:COMPETITION[:STATUS[:CHALLENGE[:TYPE]]]. */
static json_t *
pod_from_text(const char *text)
{
	static const char *const keys[] = {"name",   "user_id",        "competition_id",
	                                   "status", "challenge_name", "challenge_type"};
	json_t *pod = json_object();
	char *copy = strdup(text);
	char *rest = copy;
	size_t i = 0;

	for (char *part = strsep(&rest, ":"); part != NULL; part = strsep(&rest, ":"), i++)
	{
		if (i == sizeof(keys) / sizeof(keys[0]))
			die("--pod", text, "too many parts");
		if (*part != '\0')
			json_object_set_new(pod, keys[i], json_string(part));
	}
	free(copy);
	return pod;
}

static void
add_pods_of_file(json_t *initial, const char *path)
{
	json_error_t error;
	json_t *pods = json_load_file(path, 0, &error);

	if (!json_is_array(pods))
		die("--pods", path, pods == NULL ? error.text : "not a JSON array");
	json_array_extend(initial, pods);
	json_decref(pods);
}

/* Fills the configuration from environment and command line; ends the program when it is wrong. */
static void
configure(Config *config, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
	{
		switch (option)
		{
			case OPTION_HOST:
				config->server.host = optarg;
				break;
			case OPTION_PORT:
				config->server.port = optarg;
				break;
			case OPTION_PREFIX:
				config->server.prefix = optarg;
				break;
			case OPTION_DOMAIN:
				config->pods.domain = optarg;
				break;
			case OPTION_POD:
				json_array_append_new(config->initial, pod_from_text(optarg));
				break;
			case OPTION_PODS:
				add_pods_of_file(config->initial, optarg);
				break;
			case OPTION_SCHEMA:
				config->schema = optarg;
				break;
			case OPTION_START_DELAY:
				config->pods.start_delay_ms =
				    number_or_die("--start-delay", optarg, 24 * 3600 * 1000L);
				break;
			case OPTION_TERMINATION_DELAY:
				config->pods.termination_delay_ms =
				    number_or_die("--termination-delay", optarg, 24 * 3600 * 1000L);
				break;
			case OPTION_HELP:
				fputs(usage, stdout);
				exit(0);
			default:
				fputs("Try \"" PROGRAM " --help\".\n", stderr);
				exit(2);
		}
	}
	if (optind < argc)
		die("argument", argv[optind], "not expected");
	number_or_die("--port or " PORT_VARIABLE, config->server.port, 65535);
}

static void
add_initial_pods(const json_t *initial)
{
	char problem[200];
	size_t i;
	json_t *pod;

	json_array_foreach(initial, i, pod)
	{
		const char *name = json_string_value(json_object_get(pod, "name"));

		if (!pods_put(pod, problem, sizeof(problem)))
			die("pod", name == NULL ? "" : name, problem);
	}
}

int
main(int argc, char **argv)
{
	const char *port_from_environment = getenv(PORT_VARIABLE);
	Config config = {
	    .server = {"127.0.0.1", port_from_environment ? port_from_environment : "5000", ""},
	    .pods = {"edurange.test", 2000, 1000},
	    .initial = json_array(),
	};
	sigset_t signals;
	int received;
	unsigned int port;

	configure(&config, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);

	pods_start(&config.pods);
	faults_start();
	routes_start(config.schema);
	add_initial_pods(config.initial);
	json_decref(config.initial);
	if (!server_start(&config.server, &port))
	{
		fprintf(stderr,
		        PROGRAM ": could not listen on port %s: %s\n"
		                "Choose another port with " PORT_VARIABLE " or --port.\n",
		        config.server.port, strerror(errno));
		return 1;
	}
	printf(PROGRAM ": listening on http://%s:%u%s/api\n", config.server.host, port,
	       config.server.prefix);
	fflush(stdout);
	sigwait(&signals, &received);
	server_stop();
	faults_stop();
	pods_stop();
	return 0;
}
