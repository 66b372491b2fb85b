/*
 * run_group.h - a run's place in the machine's control groups, whatever their version: joined, limited, read back,
 * counted, killed, removed as one.
 *
 * Version 2 where its controllers can be had: below the caller's own group when that was delegated to it (a service
 * manager's unit), else below a group `runlet` at the top of the hierarchy, made by root. Controllers that are
 * mounted as version 1 are used beside it, below the caller's own group of each. Where nothing is there, a limit
 * answers -ENOTSUP and a counter is not known: the caller decides what that means.
 */
#ifndef SYS_RUN_GROUP_H
#define SYS_RUN_GROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/run_limits.h"
#include "sys/cgroup.h"

enum cgroup_controller {
    CONTROLLER_MEMORY = 0,
    CONTROLLER_CPU,
    CONTROLLER_PIDS,
    CONTROLLER_CPUSET,
    CONTROLLER_IO,      /* "io" of version 2, "blkio" of version 1 */
    CONTROLLER_CPUACCT, /* of version 1 alone; part of "cpu" in version 2 */
    CONTROLLER_DEVICES, /* of version 1 alone; programs on the group do it in version 2 */
    CONTROLLER_COUNT,
};

/* Where this process finds control groups. Absolute folders; "" when there is none. */
struct cgroup_places {
    char unified_top[512]; /* the mount of version 2 */
    char unified_own[512]; /* the caller's own group in it */
    char v1_own[CONTROLLER_COUNT][512];
};

struct run_group {
    struct cgroup unified;              /* owned; the group processes join, of version 2 */
    struct cgroup v1[CONTROLLER_COUNT]; /* owned */
    bool v2_has[CONTROLLER_COUNT];      /* the unified group has the controller */
    char suffix
        [300]; /* what the path of the group that holds memory ends with, in the kernel's own messages */
};

#define RUN_GROUP_INIT                                                                                       \
    (struct run_group)                                                                                       \
    {                                                                                                        \
        .unified = CGROUP_INIT, .v1 = {                                                                      \
            CGROUP_INIT,                                                                                     \
            CGROUP_INIT,                                                                                     \
            CGROUP_INIT,                                                                                     \
            CGROUP_INIT,                                                                                     \
            CGROUP_INIT,                                                                                     \
            CGROUP_INIT,                                                                                     \
            CGROUP_INIT                                                                                      \
        }                                                                                                    \
    }

/* From the texts of mountinfo(5) and /proc/self/cgroup. Pure. */
void cgroup_places_parse(const char *mountinfo, const char *self_cgroup, struct cgroup_places *ret);

/* For this process. */
void cgroup_places_read(struct cgroup_places *ret);

/* Makes (or opens) the groups of the run. A hierarchy without room or right for one is passed over. 0 or negative
 * with *e. */
int run_group_create(const struct cgroup_places *places, const char *run_id, struct run_group *ret,
                     struct err *e);

/* The same for the programs that work for the run beside its job, whose use of the machine is not the job's: groups of
 * their own, of version 2 and, where it is mounted as version 1, of memory and processes. */
int run_group_create_helpers(const struct cgroup_places *places, const char *run_id, struct run_group *ret,
                             struct err *e);

/* Moves the calling process into all of them. 0 or -errno. */
int run_group_join(const struct run_group *g);

/* "cgroup-v2", "cgroup-v1", or NULL when the controller cannot be had. */
const char *run_group_backend(const struct run_group *g, enum cgroup_controller controller);

/* The controller that holds the limit; CONTROLLER_COUNT when no control group does. */
enum cgroup_controller limit_controller(enum run_limit limit);

/* Sets one limit. `disk` is for those of io. 0, -ENOTSUP when the machine cannot, or -errno. */
int run_group_limit(const struct run_group *g, enum run_limit limit, int64_t value, dev_t disk);

/* Reads it back, in the limit's own unit. 0, -ENOTSUP or -errno; *ret is INT64_MAX for "none". */
int run_group_limit_read(const struct run_group *g, enum run_limit limit, dev_t disk, int64_t *ret);

/* What the groups around the run's allow it at most: bytes of memory, thousandths of a CPU; INT64_MAX: no limit. */
void run_group_room(const struct run_group *g, int64_t *ret_memory, int64_t *ret_cpu);

/* The CPUs the group may use; reading back gives what is effective. */
int run_group_cpuset(const struct run_group *g, const char *cpus);
int run_group_cpuset_read(const struct run_group *g, char ret[CPUSET_TEXT_MAX]);

/* What the groups counted; -1: not known. Times in microseconds. */
struct run_group_counters {
    int64_t cpu_user, cpu_system, throttled;
    int64_t memory, memory_peak, memory_limit, swap_peak;
    int64_t faults_major, faults_minor;
    int64_t oom_kills;
    int64_t pids, pids_peak, pids_refused;
    int64_t io_read, io_written;
    int64_t stalled_cpu, stalled_memory, stalled_io;
};

void run_group_count(const struct run_group *g, struct run_group_counters *ret);

/* Kills every process in them. 0 or -errno. */
int run_group_kill(const struct run_group *g);

/* Whether the process is in one of them, or below. */
bool run_group_has(const struct run_group *g, pid_t pid);

/* Names up to a few of the processes in them, as cgroup_describe does. */
void run_group_describe(const struct run_group *g, char *ret, size_t size);

/* Kills what is in them and removes them, for at most wait_ms. 0, -EBUSY when what was killed is there still, or another
 * -errno. */
int run_group_clear(const struct run_group *g, int64_t wait_ms);

/* Removes the empty groups; goes on after a failure and returns the first. */
int run_group_remove(const struct run_group *g);

void run_group_close(struct run_group *g);

#endif
