/*
 * main.c
 *	  Starts the shim, waits for the signal to stop, and lets what is in flight finish.
 *
 * The socket is opened here, before any thread runs, so that a port that is taken ends the program
 * before anything has started.
 */
#include <errno.h>
#include <malloc.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "api/routes.h"
#include "base/counters.h"
#include "base/log.h"
#include "config/config.h"
#include "describe/documents.h"
#include "http/server.h"

#define EXIT_CONFIGURATION 2
#define BACKLOG 4096
#define GIVE_BACK_SECONDS 10
#define DRAIN_STEP_MS 20
#define STOP_MARGIN_SECONDS 10
#define DRAIN_QUIET_STEPS 3 /* a request may still be on its way from a socket to its callback */

/*
 * The socket to accept on, or -1 with the reason and the settings named in the log.  "::" stands for all addresses
 * of IPv6 and IPv4, and for those of IPv4 alone where the system has no IPv6.
 */
static int
listen_on(const char *host, const char *setting, int port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *found = NULL;
	const char *reason = "no such address";
	char service[8];
	char message[256];
	int yes = 1;
	int no = 0;
	int fd = -1;

	snprintf(service, sizeof(service), "%d", port);
	if (getaddrinfo(host, service, &hints, &found) == 0)
	{
		fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd < 0 && errno == EAFNOSUPPORT && strcmp(host, "::") == 0)
		{
			freeaddrinfo(found);
			return listen_on("0.0.0.0", setting, port);
		}
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
		if (found->ai_family == AF_INET6)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
		if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0)
		{
			reason = strerror(errno);
			if (fd >= 0)
				close(fd);
			fd = -1;
		}
		freeaddrinfo(found);
	}
	if (fd < 0)
	{
		snprintf(message, sizeof(message), "could not listen on EDURANGE_HOST \"%s\", %s %d: %s",
		         host, setting, port, reason);
		log_event("error", "not_listening", message);
	}
	return fd;
}

/* Says where the server listens; with port 0 this is how to find out. */
static void
log_listening(const char *host, int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t length = sizeof(address);
	char port[8] = "";

	getsockname(fd, (struct sockaddr *) &address, &length);
	getnameinfo((struct sockaddr *) &address, length, NULL, 0, port, sizeof(port), NI_NUMERICSERV);
	log_object(json_pack("{s:s, s:s, s:s, s:i, s:s}", "level", "info", "event", "listening", "host",
	                     host, "port", (int) strtol(port, NULL, 10), "version", EDURANGE_VERSION));
}

/* Allows as many descriptors as the connections may need. */
static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max)
	{
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/*
 * Tells the service manager, if there is one, lines such as READY=1: the protocol of systemd's
 * Type=notify, over the datagram socket that NOTIFY_SOCKET names.  A message that cannot be sent is
 * lost: the manager acts on what it does not hear.
 */
static void
notify_manager(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = path != NULL ? strlen(path) : 0;
	int fd;

	if (length < 2 || length >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(address.sun_path, path, length);
	if (path[0] == '@') /* an abstract name, which begins with a null byte */
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *) &address,
	       (socklen_t) (offsetof(struct sockaddr_un, sun_path) + length));
	close(fd);
}

/* Says that the end has begun, and asks the service manager for as long as draining may take. */
static void
announce_stop(const Config *config)
{
	char state[96];

	log_event("info", "stopping", "finishing the requests in flight");
	snprintf(state, sizeof(state), "STOPPING=1\nEXTEND_TIMEOUT_USEC=%lld",
	         (config->drain_timeout + STOP_MARGIN_SECONDS) * 1000000LL);
	notify_manager(state);
}

/*
 * Waits until no request has been in flight for a moment; false when the steps that are left are used up, or at a
 * second signal.
 */
static bool
drain(const sigset_t *signals, int *steps)
{
	int quiet = 0;

	while (quiet < DRAIN_QUIET_STEPS)
	{
		const struct timespec step = {0, DRAIN_STEP_MS * 1000000L};

		if ((*steps)-- <= 0 || sigtimedwait(signals, NULL, &step) > 0)
			return false;
		quiet = counter_value(COUNTER_REQUESTS) == 0 ? quiet + 1 : 0;
	}
	return true;
}

/* Says so where one login can take on the roles of all tiers. */
static void
warn_of_one_login(const Config *config)
{
	if (strstr(dsn_login(&config->connection), DSN_TIER) == NULL ||
	    (config->read_connection.count > 0 &&
	     strstr(dsn_login(&config->read_connection), DSN_TIER) == NULL))
		log_event("warning", "one_login",
		          "one login can take on each tier: give each its own, with " DSN_TIER
		          " in its name");
}

/* Leaves the signals that end the program to the one thread that waits for them. */
static void
block_signals(sigset_t *signals)
{
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(signals);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, signals, NULL);
}

/* Waits for the signal that ends the program, and gives back to the system meanwhile what requests needed no more. */
static void
wait_for_end(const sigset_t *signals)
{
	const struct timespec turn = {GIVE_BACK_SECONDS, 0};

	while (sigtimedwait(signals, NULL, &turn) < 0)
		malloc_trim(0);
}

int
main(int argc, char **argv)
{
	static Config config;
	sigset_t signals;
	int metrics_fd = -1;
	int steps;
	int fd;
	bool done;

	switch (config_read(&config, argc, argv))
	{
		case CONFIG_BROKEN:
			return EXIT_CONFIGURATION;
		case CONFIG_HELP:
			fputs(help_text, stdout);
			return EXIT_SUCCESS;
		case CONFIG_VERSION:
			printf("edurange_shim %s\n", EDURANGE_VERSION);
			return EXIT_SUCCESS;
		case CONFIG_ROUTES:
			routes_print();
			return EXIT_SUCCESS;
		case CONFIG_CHECK:
			config_print(&config);
			return EXIT_SUCCESS;
		case CONFIG_RUN:
			break;
	}
	if (geteuid() == 0 && !config.allow_root)
	{
		fprintf(stderr, "edurange_shim: root has no business here: start it as another user, or "
		                "with EDURANGE_ALLOW_ROOT=true\n");
		return EXIT_CONFIGURATION;
	}
	json_object_seed(0);                /* before any thread starts: hash tables need their seed */
	mallopt(M_MMAP_THRESHOLD, 1 << 17); /* what is larger is given back when it is freed */
	fd = listen_on(config.host, "EDURANGE_PORT", config.port);
	if (config.metrics_port != 0)
		metrics_fd = listen_on(config.host, "EDURANGE_METRICS_PORT", config.metrics_port);
	if (fd < 0 || (config.metrics_port != 0 && metrics_fd < 0))
		return EXIT_FAILURE;
	raise_descriptor_limit();
	block_signals(&signals); /* threads have the mask of the one that starts them */

	if (!server_start(&config, fd, metrics_fd))
		return EXIT_FAILURE;
	log_listening(config.host, fd);
	warn_of_one_login(&config);
	notify_manager("READY=1");

	wait_for_end(&signals);
	announce_stop(&config);
	server_stop_accepting();
	steps = config.drain_timeout * 1000 / DRAIN_STEP_MS;
	done = drain(&signals, &steps);
	/* one may have come on an idle connection just now: it is finished, and no further one begins */
	server_end_requests();
	if (!done || !drain(&signals, &steps))
	{
		/* requests still wait for the database, so nothing can be taken down in order */
		log_event("warning", "stopped", "not every request was finished in time");
		_exit(EXIT_SUCCESS);
	}
	server_stop();
	log_event("info", "stopped", "every request was finished");
	return EXIT_SUCCESS;
}
