/*
 * volume_find.h - which device is a run's volume: waited for, locked against other runs, opened.
 */
#ifndef SUPERVISOR_VOLUME_FIND_H
#define SUPERVISOR_VOLUME_FIND_H

#include "supervisor/volume.h"

/* Fills lock_fd, device_fd and name: by the policy's device, or with an image of so many bytes. Waits for a device as long
 * as the policy says. 0 or negative with *e. */
int volume_find(struct storage_room *room, int64_t bytes, struct volume *v, struct err *e);

/* Whether the serial number that a device tells is the one that is looked for; blanks around it do not count. Pure. */
bool volume_serial_matches(const char *told, const char *wanted);

#endif
