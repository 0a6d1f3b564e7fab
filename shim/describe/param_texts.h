/*
 * param_texts.h
 *	  What the description of the interface says of each parameter.
 */
#pragma once

#include "api/routes.h"

/* Sentences; empty where there are none, which a test finds. */
extern const char *param_text(const Route *route, const Param *param);
