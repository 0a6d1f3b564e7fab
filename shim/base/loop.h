/*
 * loop.h
 *	  An event loop: one thread that waits for descriptors, and tasks that others give it.
 *
 * The room base/ is what every other stands on: loops and threads, the log, errors and tiers as HTTP has them, counters,
 * texts and lists of texts.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

typedef struct Loop Loop;

/* What waits for a descriptor; part of a larger structure. */
typedef struct Watch
{
	void (*ready)(struct Watch *watch);
} Watch;

/* Something to be done in the loop's thread; belongs to the loop until it is run. */
typedef struct Task
{
	STAILQ_ENTRY(Task) others;
	void (*run)(struct Task *task);
} Task;

extern Loop *loop_new(void);

/* Only in the loop's thread, or before it runs.  Who closes a descriptor watches it no longer. */
extern bool loop_watch(Loop *loop, int fd, Watch *watch, uint32_t events);
extern void loop_rewatch(Loop *loop, int fd, Watch *watch, uint32_t events);

/* Waits up to timeout_ms (-1: as long as it takes), then calls what is ready and runs the tasks. */
extern void loop_turn(Loop *loop, int timeout_ms);

/* Hands over a task; from any thread. */
extern void loop_post(Loop *loop, Task *task);

/* Starts a thread that nobody waits for. */
extern bool thread_start(void *(*life)(void *), void *arg);

/* Something to be done elsewhere; part of a larger structure, which stays until done.run. */
typedef struct Work
{
	Task task;                      /* the thread's own */
	void (*run)(struct Work *work); /* in the thread */
	Task done;                      /* then in the loop */
	Loop *loop;
} Work;

/* A thread for each kind of work: so packs, which take long, keep nothing else waiting. */
typedef enum Offload
{
	OFFLOAD_BODIES, /* and what the reader is told (live/) */
	OFFLOAD_PACKS,
	OFFLOAD_KINDS
} Offload;

/*
 * Starts the threads, once; and hands work over.  Pieces of a kind are done one after the other, so that what they need
 * does not add up.
 */
extern bool offload_start(void);
extern void offload(Offload kind, Work *work);

/* Milliseconds of a clock that never goes back. */
extern int64_t now_ms(void);
