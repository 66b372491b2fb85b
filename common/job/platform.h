/*
 * platform.h - the variables that the platform sets and nobody overrides. Private to this folder.
 */
#ifndef JOB_PLATFORM_H
#define JOB_PLATFORM_H

#include <stdbool.h>

#include "job/resolve.h"

/* Whether the platform sets a variable of that name in every run. */
bool platform_owns(const char *key);

/* Sets those that have a value, at layer ENV_PLATFORM. 0 or -ENOMEM. */
int platform_env(const struct job_request *request, const struct run_options *options, struct env *env);

#endif
