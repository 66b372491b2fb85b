/*
 * view_image.h - the file system as a job in a container image sees it.
 */
#ifndef SUPERVISOR_VIEW_IMAGE_H
#define SUPERVISOR_VIEW_IMAGE_H

#include "base/err.h"
#include "record/containment.h"
#include "supervisor/policy.h"
#include "supervisor/run_directory.h"

/*
 * As view_build, for a plan with an image: the unpacked image below, what the run writes above it on the run's own storage,
 * both by an overlay that becomes the root of the calling process's mount namespace. Nothing of the machine's file systems
 * stays in sight but what is bound: home, notices, devices and /sys. The tree is a stranger's: no link in it is followed
 * where something is mounted or written.
 */
int view_image_build(const struct policy *policy, const struct plan *plan, const struct run_directory *run,
                     struct containment_list *list, struct err *e);

#endif
