/*
 * contain.h - the job's own process, from fork to exec: one ordered list of steps.
 */
#ifndef SUPERVISOR_CONTAIN_H
#define SUPERVISOR_CONTAIN_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strlist.h"
#include "record/containment.h"
#include "record/lifecycle.h"
#include "supervisor/limits.h"

/* What the job's process says to init before it is the job, as one write each: a limit or wall that it read back, or why
 * it could not become the job. */
struct launch_word {
    bool failed;
    struct containment_fact fact; /* !failed */
    struct err error;             /* failed, and the rest */
    enum cause cause;
    int launch_errno; /* of execve, as a positive number; else 0 */
};

_Static_assert(sizeof(struct launch_word) <= PIPE_BUF, "a word is one write, whole or not at all");

struct containment {
    const char *directory;      /* working directory in the job's view */
    const struct strlist *argv; /* argv[0] is the path to execute */
    const struct strlist *environment;
    int output_fd[2]; /* stdout, stderr */
    int report_fd;    /* close-on-exec: errors go there, its closing says "executed" */
    uid_t uid;
    gid_t gid;
    int nice;
    int oom_score_adj;
    mode_t umask_bits;
    const struct effective_limits *limits;
    bool cpuset_by_group; /* a control group holds the CPUs */
};

/* Runs all steps, says what it read back and executes the job. Returns only on failure, having filled *ret. */
void contain_and_execute(const struct containment *c, struct launch_word *ret);

#endif
