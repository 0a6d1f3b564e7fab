/*
 * pods.h
 *	  Pods as they were observed, gathered into arrays that statements take.
 */
#ifndef EDURANGE_PODS_H
#define EDURANGE_PODS_H

#include "postgres.h"

#include "utils/timestamp.h"

#define NOT_FOUND "not_found"

/* What is wrong with an entry of the list, as sync_watch calls it. */
#define TROUBLE_UNREADABLE "unreadable"
#define TROUBLE_SECRET "secret"

/* The longest name that Kubernetes gives to anything. */
#define MAX_POD_NAME 253

/* One pod as it was observed; what is not told is NULL. */
typedef struct Pod
{
	char *name;
	char *status;
	const char *trouble; /* one of the above */
	bool listed;         /* by the list of pods, not by get-pod-status */
	TimestampTz asked;   /* when get-pod-status was */
	char *url;
	char *secret;
	char *user;
	char *group;
	char *challenge_name;
	char *challenge_id;
} Pod;

typedef struct PodList
{
	Pod *pods;
	int count;
	int size; /* for how many there is room */
} PodList;

/*
 * Observed pods in the order of their names, each name once; element i of all arrays is pod i.
 * status is null where nothing can be said (an unknown word, a pod listed twice with two statuses, one that
 * cannot be read) and "not_found" where get-pod-status proved that there is none.
 */
typedef struct ObservedPods
{
	int count;
	NullableDatum names;
	NullableDatum statuses;
	NullableDatum listed;
	NullableDatum asked;
	NullableDatum urls;
	NullableDatum troubles;
	NullableDatum users;
	NullableDatum groups;
	NullableDatum challenge_names;
	NullableDatum challenge_ids;
} ObservedPods;

extern PodList pods_make(int size);
extern Pod *pods_add(PodList *list);
extern void pods_drop_last(PodList *list);
extern void pods_add_unreadable(PodList *list, char *name);
extern bool pod_status_known(const char *status);
extern char *pod_secret_name(const char *pod_name);
extern ObservedPods pods_observed(PodList *list);

/* An array of texts, one of each element of stride bytes, NULL or not. */
extern NullableDatum pods_text_array(const void *first, int count, size_t stride);

#endif
