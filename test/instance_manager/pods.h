/*
 * pods.h
 *	  The pods that the simulator pretends to run.
 */
#ifndef SIMULATOR_PODS_H
#define SIMULATOR_PODS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* What the command line says about all pods. */
typedef struct PodSettings
{
	const char *domain;
	long termination_delay_ms;
	long start_delay_ms; /* from start-challenge to the pod, and from that to its being ready */
} PodSettings;

/* How many starts wait at most. */
#define START_QUEUE 100

void pods_start(const PodSettings *settings);
void pods_stop(void);

bool pods_put(const json_t *fields, char *problem, size_t size);
bool pods_remove(const char *name);
bool pods_terminate(const char *name);
int pods_queue(const json_t *fields);
json_t *pods_find(const char *name);
json_t *pods_all(void);

json_t *pods_list_entry(const json_t *pod);
json_t *pods_status_entry(const json_t *pod);
bool pods_name_valid(const char *name);

#endif
