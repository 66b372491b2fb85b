/*
 * view.h - the file system as the job sees it: built inside the run's own mount namespace, gone with it.
 */
#ifndef SUPERVISOR_VIEW_H
#define SUPERVISOR_VIEW_H

#include "base/err.h"
#include "supervisor/policy.h"
#include "supervisor/run_directory.h"

/*
 * Changes the calling process's mount namespace, which must be its own. The order is the argument: sources
 * are reached through descriptors opened before anything is covered; the home first, then what must be
 * hidden, then the private /tmp. 0 or negative with the step's name in *e.
 */
int view_build(const struct policy *policy, const struct run_directory *run, struct err *e);

#endif
