/*
 * cgroup.h - one control group, of either version: made, joined, killed, looked into, removed.
 *
 * Where a run's groups are and what they limit is run_group.h's business. Paths are parameters, so that tests use a
 * fake tree.
 */
#ifndef SYS_CGROUP_H
#define SYS_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct cgroup {
    int parent_fd; /* owned; -1: there is no group */
    int fd;        /* owned */
    int procs_fd;  /* owned: write "0" to join, as the caller */
    char name[256];
};

#define CGROUP_INIT                                                                                          \
    (struct cgroup)                                                                                          \
    {                                                                                                        \
        .parent_fd = -1, .fd = -1, .procs_fd = -1                                                            \
    }

/* Makes the group `name` below the folder `own_path`. 0 or negative with *e. */
int cgroup_create(const char *own_path, const char *name, struct cgroup *ret, struct err *e);

/* Kills every process in the group and below: cgroup.kill, or before Linux 5.14 and in version 1 one by one. 0 or
 * -errno. */
int cgroup_kill(const struct cgroup *g);

/* Whether a process is in the group or below; false without a group. */
bool cgroup_populated(const struct cgroup *g);

/* Names up to a few of the processes in the group: "pid 12 (python3, waiting in nfs_wait)", or "(python3, state D)"
 * without the right to know where. "" when there is none. */
void cgroup_describe(const struct cgroup *g, char *ret, size_t size);

/* Removes the group, in which nobody is left, with the groups that a job made below it. 0 or -errno. */
int cgroup_remove(const struct cgroup *g);

void cgroup_close(struct cgroup *g);

#endif
