/*
 * faults.h
 *	  Faults that can be switched on: ways in which an answer can be missing, late or wrong.
 */
#ifndef SIMULATOR_FAULTS_H
#define SIMULATOR_FAULTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "server.h"

void faults_start(void);
void faults_stop(void);

bool faults_set(const json_t *wanted, char *problem, size_t size);
void faults_clear(const char *route);
json_t *faults_all(void);
json_t *faults_take(const char *route, const char *pod);
void faults_apply(const json_t *fault, const Route *route, const char *path, Reply *reply);

#endif
