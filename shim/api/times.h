/*
 * times.h
 *	  Times as a request writes them.
 */
#pragma once

#include "base/errors.h"

/* Checks an ISO 8601 time; finds what is to be added so that it says day, time and zone. */
extern EdurangeError time_check(const char *text, const char **missing);
