/*
 * contain.h - the job's own process, from fork to exec: one ordered list of steps.
 */
#ifndef SUPERVISOR_CONTAIN_H
#define SUPERVISOR_CONTAIN_H

#include <sys/types.h>

#include "base/err.h"
#include "base/strlist.h"

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
};

/* Runs all steps and executes the job; returns only on failure: negative, with the step's name first in *e.
 */
int contain_and_execute(const struct containment *c, struct err *e);

#endif
