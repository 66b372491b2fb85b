/*
 * view_dev.h - the job's /dev: the handful of devices every program expects, and those that were granted.
 */
#ifndef SUPERVISOR_VIEW_DEV_H
#define SUPERVISOR_VIEW_DEV_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/run_sandbox.h"
#include "base/strlist.h"
#include "sys/process.h"

/* The nodes of every job, up to a NULL: paths below /dev. */
extern const char *const COMMON_DEVICES[];

#define VIEW_NODES_MAX (SANDBOX_DEVICES_MAX + 8)

/* Nodes of the machine's /dev, held open while it is covered or left. */
struct view_nodes {
    struct view_node {
        const char *path;
        int fd;      /* owned; -1: this machine does not have it */
        bool common; /* every job's, with the rights it has on the machine; else granted */
        mode_t kind; /* of a granted one: S_IFCHR or S_IFBLK, and its number */
        dev_t number;
    } node[VIEW_NODES_MAX];
    size_t count;
};

/* Opens the common nodes and the granted ones; what was opened is to be closed in every case. A granted device that is not
 * there blames the node. 0 or negative with *e. */
int view_dev_open(const struct strlist *granted, struct view_nodes *ret, struct err *e);

/* Mounts a /dev, binds the common nodes and makes those of the granted devices, for the owner alone. 0 or negative with *e. */
int view_dev_fill(const struct view_nodes *nodes, struct user_ids owner, struct err *e);

void view_dev_close(struct view_nodes *nodes);

/* Covers /dev with an empty one, binds the common nodes from the old one and makes those of the granted devices, for
 * the owner alone. A granted device that is not there blames the node. 0 or negative with *e. */
int view_dev_build(const struct strlist *granted, struct user_ids owner, struct err *e);

#endif
