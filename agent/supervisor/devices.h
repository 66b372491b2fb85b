/*
 * devices.h - the devices that a run was granted: which they are.
 */
#ifndef SUPERVISOR_DEVICES_H
#define SUPERVISOR_DEVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/run_sandbox.h"

struct granted_device {
    const char *path; /* borrowed from the plan */
    bool block;       /* a block device; else a character device */
    dev_t number;
};

struct granted_devices {
    struct granted_device item[SANDBOX_DEVICES_MAX];
    size_t count;
};

/* Looks the granted paths up, following no link. 0, or negative with *e: blames the node when one is not there, the
 * assignment when it is no device. */
int granted_devices_read(const struct strlist *paths, struct granted_devices *ret, struct err *e);

#endif
