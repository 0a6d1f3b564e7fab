/*
 * main.c
 *	  Starts the shim, waits for the signal to stop, and lets what is in flight finish.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "config.h"
#include "database.h"
#include "http.h"
#include "log.h"
#include "routes.h"

#define EXIT_CONFIGURATION 2
#define DRAIN_STEP_MS 20
#define DRAIN_QUIET_STEPS 3 /* a request may still be on its way from a socket to its callback */

/*
 * Waits until no request has been in flight for a moment; false when the time is up, or at a second
 * signal.
 */
static bool
drain(const sigset_t *signals, int seconds)
{
	int steps = seconds * 1000 / DRAIN_STEP_MS;
	int quiet = 0;

	while (quiet < DRAIN_QUIET_STEPS)
	{
		const struct timespec step = {0, DRAIN_STEP_MS * 1000000L};

		if (steps-- <= 0 || sigtimedwait(signals, NULL, &step) > 0)
			return false;
		quiet = http_in_flight() == 0 ? quiet + 1 : 0;
	}
	return true;
}

int
main(int argc, char **argv)
{
	Config config;
	sigset_t signals;
	int received;

	switch (config_read(&config, argc, argv))
	{
		case CONFIG_BROKEN:
			return EXIT_CONFIGURATION;
		case CONFIG_DONE:
			return EXIT_SUCCESS;
		case CONFIG_CHECK:
			if (!routes_check())
				return EXIT_FAILURE;
			config_print(&config);
			config_free(&config);
			return EXIT_SUCCESS;
		case CONFIG_RUN:
			break;
	}
	if (!routes_check())
		return EXIT_FAILURE;

	/* before any thread starts: hash tables need their seed, and threads must not take signals */
	json_object_seed(0);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);

	if (!database_open(&config))
	{
		log_event("error", "not_started", "the threads of the database pool did not start");
		return EXIT_FAILURE;
	}
	if (!http_start(&config))
		return EXIT_FAILURE;

	sigwait(&signals, &received);
	log_event("info", "stopping", "finishing the requests in flight");
	http_stop_accepting();
	if (!drain(&signals, config.drain_timeout))
	{
		/* requests still wait for the database, so nothing can be taken down in order */
		log_event("warning", "stopped", "not every request was finished in time");
		_exit(EXIT_SUCCESS);
	}
	http_stop();
	database_close();
	config_free(&config);
	log_event("info", "stopped", "every request was finished");
	return EXIT_SUCCESS;
}
