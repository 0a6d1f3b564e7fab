/*
 * acceptor.c
 *	  The thread that accepts connections.
 *
 * One connection too many is accepted all the same and told so at once, instead of being left in
 * the kernel's queue until its client gives up.  It stays open for a moment: the kernel answers bytes
 * that nobody read with a reset, which takes back what was sent.
 */
#include "http/acceptor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "base/counters.h"
#include "base/log.h"
#include "base/loop.h"
#include "http/request.h"

#define LINGERING 64
#define LINGER_MS 500
#define PAUSE_MS 20 /* when the process has no descriptor left */

static struct
{
	int fd;
	AcceptorTake take;
	pthread_t thread;
	struct
	{
		int fd;
		int64_t since;
	} lingering[LINGERING]; /* refused connections, oldest first, in a ring */
	int first;
	int count;
} acceptor;

/* Closes the refused connection that has lingered longest. */
static void
close_oldest(void)
{
	close(acceptor.lingering[acceptor.first].fd);
	acceptor.first = (acceptor.first + 1) % LINGERING;
	acceptor.count--;
}

static void
refuse(int fd)
{
	int last;

	counter_add(COUNTER_REFUSED_CONNECTIONS, 1);
	response_turn_away(fd, now_ms(), EDURANGE_TOO_MANY_CONNECTIONS,
	                   "the server has as many connections as it takes");
	shutdown(fd, SHUT_WR);
	if (acceptor.count == LINGERING)
		close_oldest();
	last = (acceptor.first + acceptor.count++) % LINGERING;
	acceptor.lingering[last].fd = fd;
	acceptor.lingering[last].since = now_ms();
}

/* Accepts what waits; false when the listening socket was shut down. */
static bool
accept_all(void)
{
	for (;;)
	{
		struct sockaddr_storage address;
		socklen_t length = sizeof(address);
		int fd = accept4(acceptor.fd, (struct sockaddr *) &address, &length,
		                 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
		{
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
				poll(NULL, 0, PAUSE_MS);
			return errno != EINVAL && errno != EBADF;
		}
		if (!acceptor.take(fd, &address, length))
			refuse(fd);
	}
}

static void *
run(void *arg)
{
	struct pollfd listening = {.fd = acceptor.fd, .events = POLLIN};
	bool open = true;

	(void) arg;
	while (open)
	{
		poll(&listening, 1, acceptor.count > 0 ? LINGER_MS / 4 : -1);
		open = accept_all();
		log_flush();
		while (acceptor.count > 0 &&
		       now_ms() - acceptor.lingering[acceptor.first].since > LINGER_MS)
			close_oldest();
	}
	while (acceptor.count > 0)
		close_oldest();
	return NULL;
}

bool
acceptor_start(int fd, AcceptorTake take)
{
	acceptor.fd = fd;
	acceptor.take = take;
	return pthread_create(&acceptor.thread, NULL, run, NULL) == 0;
}

/* Closes the listening socket; what waits to be accepted is refused by the system. */
void
acceptor_stop(void)
{
	shutdown(acceptor.fd, SHUT_RD);
	pthread_join(acceptor.thread, NULL);
	close(acceptor.fd);
}
