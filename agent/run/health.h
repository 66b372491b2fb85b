/*
 * health.h - whether a node is fit for another run: what was found, judged. Pure.
 *
 * Each check has a state and, unless it passed, words for people: what is wrong and what to do about it. Which checks keep the node
 * from taking up runs, and which only warn, is the configuration's.
 */
#ifndef RUN_HEALTH_H
#define RUN_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

enum health_check {
    HEALTH_DISK = 0,  /* space for homes, logs and records */
    HEALTH_INODES,    /* files that may still be made there */
    HEALTH_READ_ONLY, /* whether the disk takes writes */
    HEALTH_DATE,      /* whether the clock can be right at all */
    HEALTH_CLOCK,     /* whether something keeps it right */
    HEALTH_MOUNTS,    /* what the configuration wants mounted */
    HEALTH_CGROUP,    /* controllers of memory and processes */
    HEALTH_GPU,       /* as many devices as the configuration wants */
    HEALTH_COMMAND,   /* the configuration's own program */
    HEALTH_CHECK_COUNT,
};

enum health_state {
    HEALTH_OFF = 0, /* nothing is asked of it */
    HEALTH_PASSED,
    HEALTH_WARNS,
    HEALTH_BLOCKS,
};

enum health_command {
    HEALTH_COMMAND_NONE = 0,
    HEALTH_COMMAND_NOT_YET, /* it has not ended once */
    HEALTH_COMMAND_PASSED,
    HEALTH_COMMAND_FAILED,
};

#define HEALTH_TEXT_MAX 512

/* What was found, and what is wanted. */
struct health_facts {
    uint64_t disk_free, disk_wanted;     /* bytes */
    uint64_t inodes_free, inodes_wanted; /* wanted 0: the file system has no fixed number */
    bool read_only;
    wall_ms_t now;
    bool clock_synchronised;
    bool mounts_wanted;
    char mounts_missing[HEALTH_TEXT_MAX / 2]; /* paths, blanks between */
    bool cgroup_memory, cgroup_pids;
    int64_t gpus, gpus_wanted;
    enum health_command command;
    char command_said[HEALTH_TEXT_MAX / 2]; /* of a failure */
};

struct health_result {
    enum health_state state;
    char what[HEALTH_TEXT_MAX]; /* "" when passed or off */
    const char *remedy;         /* likewise */
};

/* Judges all. `blocking` has a bit for each check that keeps runs away. */
void health_judge(const struct health_facts *f, unsigned blocking,
                  struct health_result ret[HEALTH_CHECK_COUNT]);

/* For people: what keeps runs away, with the remedies; "" when nothing does. */
void health_blocking_text(const struct health_result results[HEALTH_CHECK_COUNT], char *ret, size_t size);

const char *
health_check_name(enum health_check check); /* "disk", "read-only", ... as the configuration says them */
const char *health_state_name(enum health_state state); /* "off", "passed", "warns", "blocks" */

/* The bits of the names in `words`, blanks between; unknown ones are none. */
unsigned health_checks_of(const char *words);

#endif
