/*
 * loop.c
 *	  An event loop: one thread that waits for descriptors, and tasks that others give it.
 *
 * Everything that a loop serves is touched by its thread alone, so that nothing of it needs a lock.
 * Tasks are the only way in from outside: a new connection, what another thread has read or opened, news for listeners, the
 * end.  Two threads for all loops do what would keep them from other requests.
 */
#include "base/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_PER_TURN 64

typedef STAILQ_HEAD(TaskList, Task) TaskList;

struct Loop
{
	Watch wake;
	int epoll;
	int wake_fd;
	pthread_mutex_t lock; /* of the tasks */
	TaskList tasks;
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
run_tasks(Watch *watch)
{
	Loop *loop = (Loop *) watch;
	TaskList tasks = STAILQ_HEAD_INITIALIZER(tasks);
	uint64_t count;

	if (read(loop->wake_fd, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&loop->lock);
	STAILQ_CONCAT(&tasks, &loop->tasks);
	pthread_mutex_unlock(&loop->lock);
	while (!STAILQ_EMPTY(&tasks))
	{
		Task *task = STAILQ_FIRST(&tasks);

		STAILQ_REMOVE_HEAD(&tasks, others);
		task->run(task);
	}
}

/* A new loop, which stays until the process ends; NULL when the system has no descriptor left. */
Loop *
loop_new(void)
{
	Loop *loop = calloc(1, sizeof(Loop));

	if (loop == NULL)
		return NULL;
	loop->wake.ready = run_tasks;
	STAILQ_INIT(&loop->tasks);
	pthread_mutex_init(&loop->lock, NULL);
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop_watch(loop, loop->wake_fd, &loop->wake, EPOLLIN))
		return loop;
	free(loop);
	return NULL;
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

void
loop_turn(Loop *loop, int timeout_ms)
{
	struct epoll_event events[EVENTS_PER_TURN];
	int count = epoll_wait(loop->epoll, events, EVENTS_PER_TURN, timeout_ms);

	for (int i = 0; i < count; i++)
	{
		Watch *watch = events[i].data.ptr;

		watch->ready(watch);
	}
}

void
loop_post(Loop *loop, Task *task)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&loop->lock);
	STAILQ_INSERT_TAIL(&loop->tasks, task, others);
	pthread_mutex_unlock(&loop->lock);
	while (write(loop->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

bool
thread_start(void *(*life)(void *), void *arg)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, life, arg) == 0 && pthread_detach(thread) == 0;
}

/* ---- work that would keep a loop from its requests --------------------------------------------- */

/* The life of such a thread: it does what is posted to a loop of its own, and ends with the process. */
static void *
run_aside(void *arg)
{
	for (;;)
		loop_turn(arg, -1);
	return NULL;
}

/* Task: a piece of work. */
static void
do_work(Task *task)
{
	Work *work = (Work *) task;

	work->run(work);
	loop_post(work->loop, &work->done);
}

static Loop *aside[OFFLOAD_KINDS];

bool
offload_start(void)
{
	bool fine = true;

	for (int i = 0; fine && i < OFFLOAD_KINDS; i++)
		fine = (aside[i] = loop_new()) != NULL && thread_start(run_aside, aside[i]);
	return fine;
}

void
offload(Offload kind, Work *work)
{
	work->task.run = do_work;
	loop_post(aside[kind], &work->task);
}
