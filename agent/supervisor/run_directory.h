/*
 * run_directory.h - the run's directory: made once, locked while anything of the run lives, cleaned at the end.
 *
 *   runs/<run>/  root:agent 2750
 *     plan  supervisor.journal  witness  log/  home/  notice/  exit   evidence, kept
 *     home.img                                               the home's disk, where its size is limited: kept
 *     lock                                                   flock held by supervisor and init
 *     scratch/                                               private /tmp, passwd, reserve: removed at the end
 *
 * Its appearance under its final name is the commit point of a run: before, the run was never started; after,
 * it has an end. It appears by one rename, already locked and with the plan in it.
 */
#ifndef SUPERVISOR_RUN_DIRECTORY_H
#define SUPERVISOR_RUN_DIRECTORY_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/limits.h"
#include "supervisor/policy.h"

#define LOCK_NAME    "lock"
#define WITNESS_NAME "witness"
#define JOURNAL_NAME "supervisor.journal"
#define SCRATCH_NAME "scratch"
#define HOME_NAME    "home"
#define LOG_NAME     "log"

/* Room for the path of a run directory. */
#define RUN_PATH_MAX 1024

struct run_directory {
    int runs_fd; /* owned: runs/ */
    int fd;      /* owned: runs/<run>/ */
    int lock_fd; /* owned: flock held */
    int home_fd; /* owned: home/, the job's; on the run's own disk where it has one */
    int log_fd;  /* owned: log/ */
    char name[RUN_ID_BYTES];
};

#define RUN_DIRECTORY_INIT                                                                                   \
    (struct run_directory)                                                                                   \
    {                                                                                                        \
        .runs_fd = -1, .fd = -1, .lock_fd = -1, .home_fd = -1, .log_fd = -1                                  \
    }

/* Creates and publishes the directory. -EEXIST when the run id was used before (nothing is changed then). */
int run_directory_create(const struct policy *policy, const struct plan *plan, const char *plan_text,
                         size_t plan_size, struct run_directory *ret, struct err *e);

/* Opens an existing one and takes its lock, waiting up to wait_ms for a dying supervisor. -ENOENT when there
 * is none, -EBUSY when it is still held. home_fd and log_fd may stay -1. */
int run_directory_open(const struct policy *policy, const char *run_id, int64_t wait_ms,
                       struct run_directory *ret, struct err *e);

/* Removes what is not evidence. Failures are returned, but the run has ended all the same. */
int run_directory_clean(const struct run_directory *d);

/* Gives the reserved disk space back, so that the end can be recorded on a full disk. */
void run_directory_release_reserve(const struct run_directory *d);

/* Names in runs/ that are no run: one being made (followed by its id), and one being removed (followed by a pid). */
#define RUN_HALF_MADE    ".new."
#define RUN_HALF_REMOVED ".removed."

/* Removes what killed supervisors left under those names; a half-made one only after an hour, because it is there a moment
 * before it is locked. Returns how many. */
size_t run_directory_sweep(int runs_fd, wall_ms_t now);

void run_directory_close(struct run_directory *d);

#endif
