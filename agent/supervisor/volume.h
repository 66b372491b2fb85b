/*
 * volume.h - a run's home on a volume of its own: found, looked at, formatted or checked, grown, mounted. In the room's
 * process (storage_room.h).
 */
#ifndef SUPERVISOR_VOLUME_H
#define SUPERVISOR_VOLUME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "supervisor/storage_room.h"

struct volume {
    int lock_fd;                  /* owned: the device or image, locked against other runs */
    int device_fd;                /* owned: the block device: the same one, or a loop device */
    char name[512];               /* of the device, as mount(2) takes it */
    char home[RUN_PATH_MAX + 16]; /* where it is mounted; "" when it is not */
};

#define VOLUME_INIT                                                                                          \
    (struct volume)                                                                                          \
    {                                                                                                        \
        .lock_fd = -1, .device_fd = -1                                                                       \
    }

/* Prepares the volume that the policy wants, and mounts it over the run's home. Without one nothing happens. 0 or negative
 * with *e. */
int volume_prepare(struct storage_room *room, struct volume *ret, struct err *e);

/* Unmounts and lets go of it. What would not go is appended to `left`. */
void volume_end(struct volume *v, char *left, size_t size);

#endif
