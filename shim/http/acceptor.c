/*
 * acceptor.c
 *	  The thread that accepts connections, also those that are too many: their loop tells them so.
 */
#include "http/acceptor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#define PAUSE_MS 20 /* when the process has no descriptor left */

enum
{
	MAIN,
	METRICS,
	SOCKETS
};

static struct
{
	struct pollfd listening[SOCKETS];
	AcceptorTake take;
	pthread_t thread;
} acceptor;

/* Accepts what waits at a socket; false when that was shut down. */
static bool
accept_all(int which)
{
	for (;;)
	{
		struct sockaddr_storage address;
		socklen_t length = sizeof(address);
		int fd = accept4(acceptor.listening[which].fd, (struct sockaddr *) &address, &length,
		                 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
		{
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
				poll(NULL, 0, PAUSE_MS);
			return errno != EINVAL && errno != EBADF;
		}
		acceptor.take(fd, &address, length, which == METRICS);
	}
}

static void *
run(void *arg)
{
	bool open = true;

	(void) arg;
	while (open)
	{
		poll(acceptor.listening, SOCKETS, -1);
		for (int i = 0; i < SOCKETS; i++)
			if (acceptor.listening[i].revents != 0)
				open = accept_all(i) && open;
	}
	return NULL;
}

bool
acceptor_start(int fd, int metrics_fd, AcceptorTake take)
{
	acceptor.listening[MAIN] = (struct pollfd){.fd = fd, .events = POLLIN};
	acceptor.listening[METRICS] = (struct pollfd){.fd = metrics_fd, .events = POLLIN};
	acceptor.take = take;
	return pthread_create(&acceptor.thread, NULL, run, NULL) == 0;
}

/* Closes the listening sockets; what waits to be accepted is refused by the system. */
void
acceptor_stop(void)
{
	shutdown(acceptor.listening[MAIN].fd, SHUT_RD);
	pthread_join(acceptor.thread, NULL);
	for (int i = 0; i < SOCKETS; i++)
		if (acceptor.listening[i].fd >= 0)
			close(acceptor.listening[i].fd);
}
