/*
 * offload.c
 *	  One thread for what would keep an event loop from its other requests.
 *
 * The thread is started by the first piece of work and ends with the process.  The lock guards the
 * queue, never the work.
 */
#include "base/offload.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

static struct
{
	pthread_mutex_t lock;
	pthread_cond_t more;
	Work *first;
	Work **last;
	bool started;
} queue = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER, .last = &queue.first};

static void
do_work(Work *work)
{
	work->run(work);
	loop_post(work->loop, &work->done);
}

/* The life of the thread. */
static void *
run_thread(void *arg)
{
	for (;;)
	{
		Work *work;

		pthread_mutex_lock(&queue.lock);
		while (queue.first == NULL)
			pthread_cond_wait(&queue.more, &queue.lock);
		work = queue.first;
		queue.first = work->next;
		if (queue.first == NULL)
			queue.last = &queue.first;
		pthread_mutex_unlock(&queue.lock);
		do_work(work);
	}
	return arg;
}

void
offload(Work *work)
{
	pthread_t thread;
	bool started;

	pthread_mutex_lock(&queue.lock);
	if (!queue.started && pthread_create(&thread, NULL, run_thread, NULL) == 0)
	{
		pthread_detach(thread);
		queue.started = true;
	}
	started = queue.started;
	if (started)
	{
		work->next = NULL;
		*queue.last = work;
		queue.last = &work->next;
		pthread_cond_signal(&queue.more);
	}
	pthread_mutex_unlock(&queue.lock);
	/* no thread could be started: the loop has to wait for the work */
	if (!started)
		do_work(work);
}
