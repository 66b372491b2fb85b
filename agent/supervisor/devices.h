/*
 * devices.h - the devices that a run was granted: which they are, and that nobody else has them.
 *
 * A device is the run's alone unless the policy says that others may have it as well. Alone means: no other run of this
 * node was granted it, and no process has it open when the job starts, nor when the run has ended.
 */
#ifndef SUPERVISOR_DEVICES_H
#define SUPERVISOR_DEVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/run_sandbox.h"
#include "supervisor/policy.h"
#include "sys/device_holders.h"

struct granted_device {
    const char *path; /* borrowed from the plan */
    bool block;       /* a block device; else a character device */
    dev_t number;
    bool shared; /* others may have it as well */
    int lock_fd; /* owned: no other run gets it; -1 when it is shared */
};

struct granted_devices {
    struct granted_device item[SANDBOX_DEVICES_MAX];
    size_t count;
};

/* Looks the run's devices up, following no link. 0, or negative with *e: blames the node when one is not there, the
 * assignment when it is no device. */
int granted_devices_read(const struct policy *policy, const struct strlist *paths,
                         struct granted_devices *ret, struct err *e);

/*
 * Takes those that are not shared for this run, until granted_devices_close(): a lock in the folder of the runs, which
 * goes with this process. 0, or negative with *e; -EBUSY, blaming the node and naming the other run, when one has it.
 */
int granted_devices_lock(struct granted_devices *devices, const struct policy *policy, const char *run_id,
                         struct err *e);

/* Finds who holds those that are shared, or those that are not. `device` of a holder is its place among all of the run's.
 * 0 or -errno as device_holders_find() has it. */
int granted_devices_holders(const struct granted_devices *devices, bool shared, struct device_holders *ret);

/* As above for those that are not shared, giving a holder time to let go: a monitor that looks and goes is none. */
int granted_devices_settled_holders(const struct granted_devices *devices, struct device_holders *ret);

/* "/dev/fuse by pid 12 (python3), ...": cut when it does not fit. "" for none. Pure. */
void granted_devices_describe(const struct granted_devices *devices, const struct device_holders *holders,
                              char *ret, size_t size);

void granted_devices_close(struct granted_devices *devices);

#endif
