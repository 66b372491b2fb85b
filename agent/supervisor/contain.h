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
#include "supervisor/walls.h"

/* What the job's process says to init before it is the job, one packet each. */
enum launch_word_kind {
    LAUNCH_CONTAINED = 1, /* a limit or wall was read back: fact */
    LAUNCH_NAMESPACE,     /* it is in a user namespace without users: waits until it has some */
    LAUNCH_FILTERED, /* its system calls are filtered; comes with the filter's listener, if there is one: waits until
                           * that is heard, and the kernel was asked whether it is so */
    LAUNCH_FAILED, /* why it could not become the job */
};

struct launch_word {
    enum launch_word_kind kind;
    struct containment_fact fact; /* LAUNCH_CONTAINED */
    struct err error;             /* LAUNCH_FAILED, and the rest */
    enum cause cause;
    int launch_errno; /* of execve, as a positive number; else 0 */
};

_Static_assert(sizeof(struct launch_word) <= PIPE_BUF, "a word is one packet");

struct containment {
    const char *directory;      /* working directory in the job's view */
    const struct strlist *argv; /* argv[0] is the path to execute */
    const struct strlist *environment;
    int output_fd[2]; /* stdout, stderr */
    int report_fd;    /* packets to init, close-on-exec: words go there, its closing says "executed" */
    uid_t uid;
    gid_t gid;
    int nice;
    int oom_score_adj;
    mode_t umask_bits;
    const struct effective_limits *limits;
    bool cpuset_by_group; /* a control group holds the CPUs */
    bool user_namespace;
    bool search_path; /* argv[0] without a slash is looked for in PATH of `environment` */
    struct wall_plan walls;
};

/* Runs all steps, says what it read back and executes the job, or says why not and ends. */
_Noreturn void contain_and_execute(const struct containment *c);

#endif
