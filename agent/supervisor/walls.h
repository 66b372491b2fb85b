/*
 * walls.h - the last walls around the job's process, put up by itself just before it becomes the job, and read back.
 */
#ifndef SUPERVISOR_WALLS_H
#define SUPERVISOR_WALLS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/strlist.h"
#include "record/containment.h"
#include "supervisor/seccomp_filter.h"
#include "wire/plan.h"

/* What the process should be when all stand. */
struct wall_plan {
    uid_t uid;
    gid_t gid;
    bool writable_root;            /* of an image: what the run writes is its own */
    bool keeps_groups;             /* without root, the caller's groups cannot be given up */
    bool best_effort;              /* a wall that this kernel cannot give is noted, and no reason to stop */
    const struct strlist *devices; /* granted */
    const struct plan
        *storage; /* whose mounts are the job's to write, where they are not read-only; NULL: none */
    const struct call_filter *filter;
};

/* Landlock: read and execute what is in view, write where the view is writable. The probe that follows must fail. */
int walls_files(const struct wall_plan *plan, struct containment_list *list, struct err *e);

/* Loads the filter of system calls, after which hardly anything can be called. 1: it is loaded, *ret_listener (or -1) is
 * its listener's descriptor; 0: this machine cannot, which is noted; or negative with *e. */
int walls_calls(const struct wall_plan *plan, int *ret_listener, struct containment_list *list,
                struct err *e);

/* In init: whether the kernel says that the process's system calls are filtered, noted. As above, without the 1. */
int walls_verify_calls(pid_t pid, bool best_effort, bool explained, struct containment_list *list,
                       struct err *e);

/* Reads /proc/self/status: user, groups, capabilities and no_new_privs are what they should be. 0, or -ENOTSUP with the
 * first difference in *e. */
int walls_verify(const struct wall_plan *plan, struct containment_list *list, struct err *e);

/* The same over the text of the file. Pure. */
int walls_verify_text(const char *status, const struct wall_plan *plan, struct containment_list *list,
                      struct err *e);

#endif
