/*
 * view_parts.h - what the job's view is built of, on the machine's own system and in an image. Private to view*.c.
 */
#ifndef SUPERVISOR_VIEW_PARTS_H
#define SUPERVISOR_VIEW_PARTS_H

#include "base/err.h"
#include "record/containment.h"
#include "supervisor/policy.h"
#include "supervisor/run_directory.h"

/* errno as an error of the node: what could not be done, and where. Negative. */
int view_failed(struct err *e, const char *what, const char *where);

struct view_source {
    const char *name;   /* in the run directory */
    const char *target; /* in the job's view */
    unsigned long flags;
    int fd; /* owned */
};

/* Opens what will be bound. It must be reached anew by path: descriptors from before belong to the host's mount namespace,
 * and only a mount of our own namespace can be bound. 0 or negative with *e. */
int view_open_sources(const struct policy *policy, const struct run_directory *run,
                      struct view_source *sources, size_t count, struct err *e);

/* Binds the open file or directory `fd` onto `target` with extra mount flags. 0 or negative with *e. */
int view_bind(int fd, const char *target, unsigned long flags, struct err *e);

/* A proc of the run's own pid namespace, masked. 0 or negative with *e. */
int view_mount_proc(struct err *e);

/* Covers what of /proc and /sys tells of the machine, with /dev/null of the run. 0 or negative with *e. */
int view_mask(struct err *e);

/* Looks at every mount: only those in `always` (up to a NULL) and the plan's storage may be writable. Notes it as `what`. 0 or
 * negative with *e. */
int view_check(const struct plan *plan, const char *const *always, const char *what,
               struct containment_list *list, struct err *e);

#endif
