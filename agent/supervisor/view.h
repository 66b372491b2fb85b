/*
 * view.h - the file system as the job sees it: built inside the run's own mount namespace, gone with it.
 */
#ifndef SUPERVISOR_VIEW_H
#define SUPERVISOR_VIEW_H

#include "base/err.h"
#include "record/containment.h"
#include "supervisor/policy.h"
#include "supervisor/run_directory.h"

/* Everything else is read-only; up to a NULL. */
extern const char *const VIEW_WRITABLE[];

/*
 * Changes the calling process's mount namespace, which must be its own. The order is the argument: sources
 * are reached through descriptors opened before anything is covered; then all there is becomes read-only; then come
 * the home, what must be hidden, the private folders, /dev, and /proc last, since everything before uses the old one.
 * Afterwards every mount is looked at, which is noted in *list. 0 or negative with the step's name in *e; -ENOTSUP for
 * a mount that is writable and should not be.
 */
int view_build(const struct policy *policy, const struct plan *plan, const struct run_directory *run,
               struct containment_list *list, struct err *e);

#endif
