/*
 * helper_group.h - the control groups of the programs that work for a run beside its job, and their limits.
 *
 * The limits are the node's (limits.helperMemory, limits.helperPids), not the job's: what an artifact costs to unpack says
 * nothing of what its job needs, and what helpers use is not the job's use. A machine that cannot give one is noted; no
 * run is refused for it.
 */
#ifndef SUPERVISOR_HELPER_GROUP_H
#define SUPERVISOR_HELPER_GROUP_H

#include "record/containment.h"
#include "supervisor/policy.h"
#include "sys/run_group.h"

struct helper_group {
    struct run_group group; /* owned */
    int64_t memory_bytes;   /* the limit that holds; INT64_MAX: none */
};

#define HELPER_GROUP_INIT                                                                                    \
    (struct helper_group)                                                                                    \
    {                                                                                                        \
        .group = RUN_GROUP_INIT, .memory_bytes = INT64_MAX                                                   \
    }

/* Makes the groups and sets their limits, each read back and noted in *list. 0 or negative with *e. */
int helper_group_make(const struct cgroup_places *places, const char *run_id, const struct policy *policy,
                      struct helper_group *ret, struct containment_list *list, struct err *e);

/* Whether the kernel has killed a helper for the group's memory; then *e says so and blames who wrote the run, for whom it
 * worked. */
bool helper_group_exhausted(const struct helper_group *g, struct err *e);

/* Kills what is left in them and removes them; waits a moment for what was killed. 0 or -errno. */
int helper_group_end(const struct helper_group *g);

void helper_group_close(struct helper_group *g);

#endif
