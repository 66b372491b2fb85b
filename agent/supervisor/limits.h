/*
 * limits.h - the limits of a run: what holds after job, policy and machine have had their say, set and read back.
 *
 * What the job or the policy asks for by name is required: a limit that does not take ends the start with the cause
 * limit-not-applied, before the job's first instruction. What every run gets from its node is best effort and shown
 * when it is missing. `limits.bestEffort` makes everything so.
 */
#ifndef SUPERVISOR_LIMITS_H
#define SUPERVISOR_LIMITS_H

#include "record/containment.h"
#include "supervisor/policy.h"
#include "sys/run_group.h"

struct node_size {
    int64_t memory_bytes; /* of the machine, or of the groups around the run's when that is less */
    int64_t cpus_milli;
    int64_t swap_bytes;
};

struct effective_limits {
    struct run_limits limits;
    bool required[LIMIT_COUNT];
    bool capped[LIMIT_COUNT]; /* the node allows less than was asked for */
    bool cpuset_required;
};

/* Reads the size of this machine, as far as it is there for a run in this group. */
void node_size_read(const struct run_group *group, struct node_size *ret);

/* Pure. The job's own wishes, capped by the node's size less the policy's reserve; without a wish for memory or
 * processes, the node's. */
void limits_effective(const struct run_limits *asked, const struct policy *policy,
                      const struct node_size *node, struct effective_limits *ret);

/* Sets what control groups hold and reads it back, noting each in *list. 0, or negative with *e naming the limit,
 * what was asked for, and what to do. */
int limits_apply(const struct effective_limits *effective, const struct run_group *group, dev_t disk,
                 struct containment_list *list, struct err *e);

/* In the job's own process, before it gives up root: descriptors, core and file size, and the CPUs where no group
 * holds them. As above. */
int limits_apply_own(const struct effective_limits *effective, bool cpuset_by_group,
                     struct containment_list *list, struct err *e);

/* A limit that did not take, and what was found instead: noted in *list, or refused when it is required. 0, or negative
 * with *e. */
int limits_missing(const char *name, const char *asked, bool required, const char *found,
                   struct containment_list *list, struct err *e);

/* The whole disk that holds the folder fd, as control groups want it. */
dev_t limits_disk_of(int fd);

#endif
