/*
 * init.h - pid 1 of the run's pid namespace: starts the job, forwards signals, reaps, tells how the main
 * process ended.
 *
 * Tiny on purpose. It is the second witness of the end: it writes the main process's wait status to the file
 * `witness` in the run directory, durably, before it tells the supervisor. If the supervisor dies, the kernel
 * kills init (parent-death signal) and with it everything in the namespace, so no run outlives its
 * supervisor; the lock on the run directory, which init shares, is free only when both are gone.
 */
#ifndef SUPERVISOR_INIT_H
#define SUPERVISOR_INIT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strlist.h"
#include "record/exit_record.h"
#include "record/containment.h"
#include "supervisor/seccomp_filter.h"
#include "supervisor/limits.h"
#include "supervisor/policy.h"
#include "supervisor/run_directory.h"

/* Everything the launch needs; borrowed. */
struct launch {
    const struct policy *policy;
    const struct plan *plan;
    const struct run_directory *run;
    const struct strlist *argv;
    const struct strlist *environment;
    const char *directory;
    int output_fd[2];              /* write ends of the output pipes */
    const struct run_group *group; /* joined before anything of the run exists */
    const struct effective_limits *limits;
    const struct call_filter *filter;
    int listener_socket; /* the job's process hands the filter's listener over through it */
};

struct init_process {
    pid_t pid;      /* in the supervisor's pid namespace; 0 when there is none */
    int control_fd; /* owned: packets to and from init; -1 when closed */
};

enum init_word {
    INIT_FAILED = 1, /* the job could not be started: error, cause, launch_errno */
    INIT_CONTAINED,  /* a limit or wall was read back: fact */
    INIT_STARTED,    /* it executes: pid */
    INIT_MAIN_ENDED, /* main_end, status, core_dumped */
    INIT_PROBED, /* a try of the startup probe has ended: main_end, status; error when it could not be executed */
};

struct init_report {
    enum init_word word;
    pid_t pid; /* INIT_STARTED: of the main process, in the receiver's pid namespace */
    struct containment_fact fact;
    struct err error;
    enum cause cause;
    int launch_errno; /* INIT_FAILED at the step "execute": errno of execve; else 0 */
    enum main_end main_end;
    int status;
    bool core_dumped;
};

/* Clones init into new pid, mount, ipc and uts namespaces, where it builds the job's view. 0 or negative with *e. */
int init_start(const struct launch *l, struct init_process *ret, struct err *e);

/* Lets it start the job. 0 or -errno. */
int init_release(const struct init_process *p);

/* Asks init to send `signal` to the main process or to every process of the run. 0 or -errno. */
int init_signal(const struct init_process *p, int signal, bool whole_tree);

/* Asks init to execute the plan's startup probe as another process of the job's; one that is under way is killed instead. INIT_PROBED
 * follows, once for each that began. 0 or -errno. */
int init_probe(const struct init_process *p);

/* Receives the next report: 1, 0 at the end of the connection, -EAGAIN, or another -errno. */
int init_receive(const struct init_process *p, struct init_report *ret);

/* Reads the witness file of a run. 1 when it tells the end, 0 when it does not. */
int witness_read(int run_fd, enum main_end *ret_end, int *ret_status, bool *ret_core);

#endif
