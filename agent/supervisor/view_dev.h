/*
 * view_dev.h - the job's /dev: the handful of devices every program expects, and those that were granted.
 */
#ifndef SUPERVISOR_VIEW_DEV_H
#define SUPERVISOR_VIEW_DEV_H

#include "base/err.h"
#include "base/strlist.h"
#include "sys/process.h"

/* The nodes of every job, up to a NULL: paths below /dev. */
extern const char *const COMMON_DEVICES[];

/* Covers /dev with an empty one, binds the common nodes from the old one and makes those of the granted devices, for
 * the owner alone. A granted device that is not there blames the node. 0 or negative with *e. */
int view_dev_build(const struct strlist *granted, struct user_ids owner, struct err *e);

#endif
