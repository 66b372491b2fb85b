/*
 * view_mounts.h - storage in the job's view: what the run's storage was mounted at, put where the job expects it.
 *
 * Nothing is made on the host for it. A folder that is missing in the read-only system appears in a small file system of its
 * own, which covers the folder around it and shows again what was in that.
 */
#ifndef SUPERVISOR_VIEW_MOUNTS_H
#define SUPERVISOR_VIEW_MOUNTS_H

#include "base/err.h"
#include "supervisor/policy.h"

/* What was mounted for the plan, reached in the run's own mount namespace before it is covered. */
struct view_mounts {
    const struct policy *policy; /* borrowed, as the plan */
    const struct plan *plan;
    int fd[JOB_MOUNTS_MAX];     /* owned; of the places */
    bool empty[JOB_MOUNTS_MAX]; /* it could not be mounted: the job gets an empty folder */
};

/* While the system is as it was: gives the namespace a root in which the first folders of all targets are, when one of them is
 * missing. `run_path` is the run directory. 0 or negative with *e. */
int view_mounts_root(const struct plan *plan, const char *run_path, struct err *e);

/* Opens what was mounted. 0 or negative with *e. */
int view_mounts_open(const struct policy *policy, const struct plan *plan, const char *run_path,
                     struct view_mounts *ret, struct err *e);

/* When the system is read-only and the home in its place: puts each where it belongs, the ones that lie in others after those.
 * Below the home and in what is mounted, nothing follows a link: there the job or somebody else made it. Closes the
 * descriptors. 0 or negative with *e. */
int view_mounts_place(struct view_mounts *m, struct err *e);

/* The order of the plan's mounts in which each comes after those that it lies in. Pure. */
void view_mounts_order(const struct plan *plan, size_t ret[JOB_MOUNTS_MAX]);

#endif
