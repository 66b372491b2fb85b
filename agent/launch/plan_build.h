/*
 * plan_build.h - from a resolved run to the plan a supervisor executes. Pure.
 */
#ifndef LAUNCH_PLAN_BUILD_H
#define LAUNCH_PLAN_BUILD_H

#include "base/err.h"
#include "job/job.h"
#include "wire/plan.h"

/* What this node adds; borrowed. */
struct launch_settings {
    const char *python, *bash, *java; /* absolute paths */
    const char *job_user;
    bool as_root;
    const char *
        exports; /* what OCIDs of mount targets and exports stand for: OCID=VALUE, blanks between; NULL: none */
};

/* Builds the plan of one node; *ret must be zero. Refuses what this node cannot do, blaming the assignment. 0 or negative with *e. */
int plan_build(const struct job_request *request, const struct run_spec *spec,
               const struct launch_settings *settings, int64_t epoch, struct plan *ret, struct err *e);

#endif
