/*
 * loop.c
 *	  An event loop: one thread that waits for descriptors, and tasks that others give it.
 *
 * Everything that a loop serves is touched by its thread alone, so that nothing needs a lock.
 * Tasks are the only way in from outside; they are rare (a new connection, the end).
 */
#include "base/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_PER_TURN 64

struct Loop
{
	Watch wake;
	int epoll;
	int wake_fd;
	pthread_mutex_t lock; /* of the tasks */
	Task *first;
	Task **last;
};

int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Runs the tasks that have come, in their order. */
static void
run_tasks(Watch *watch, uint32_t events)
{
	Loop *loop = (Loop *) watch;
	Task *task;
	uint64_t count;

	(void) events;
	if (read(loop->wake_fd, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&loop->lock);
	task = loop->first;
	loop->first = NULL;
	loop->last = &loop->first;
	pthread_mutex_unlock(&loop->lock);
	while (task != NULL)
	{
		Task *next = task->next;

		task->run(task);
		task = next;
	}
}

/* A new loop, or NULL when the system has no descriptor left. */
Loop *
loop_new(void)
{
	Loop *loop = calloc(1, sizeof(Loop));

	if (loop == NULL)
		return NULL;
	loop->wake.ready = run_tasks;
	loop->last = &loop->first;
	pthread_mutex_init(&loop->lock, NULL);
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->epoll < 0 || loop->wake_fd < 0 ||
	    !loop_watch(loop, loop->wake_fd, &loop->wake, EPOLLIN))
	{
		loop_free(loop);
		return NULL;
	}
	return loop;
}

/* Frees a loop that nobody uses any more. */
void
loop_free(Loop *loop)
{
	if (loop->epoll >= 0)
		close(loop->epoll);
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

/* Starts to watch a descriptor. */
bool
loop_watch(Loop *loop, int fd, Watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* Watches for other events. */
void
loop_rewatch(Loop *loop, int fd, Watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	(void) epoll_ctl(loop->epoll, EPOLL_CTL_MOD, fd, &event);
}

/* Stops watching; an event that was found in this turn already may still be delivered. */
void
loop_unwatch(Loop *loop, int fd)
{
	(void) epoll_ctl(loop->epoll, EPOLL_CTL_DEL, fd, NULL);
}

void
loop_turn(Loop *loop, int timeout_ms)
{
	struct epoll_event events[EVENTS_PER_TURN];
	int count = epoll_wait(loop->epoll, events, EVENTS_PER_TURN, timeout_ms);

	for (int i = 0; i < count; i++)
	{
		Watch *watch = events[i].data.ptr;

		watch->ready(watch, events[i].events);
	}
}

void
loop_post(Loop *loop, Task *task)
{
	const uint64_t one = 1;

	task->next = NULL;
	pthread_mutex_lock(&loop->lock);
	*loop->last = task;
	loop->last = &task->next;
	pthread_mutex_unlock(&loop->lock);
	while (write(loop->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}
