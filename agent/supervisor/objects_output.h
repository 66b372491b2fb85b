/*
 * objects_output.h - what of the home is copied to a bucket after the run. In the room's process (storage_room.h).
 *
 * rclone reads a read-only copy of the mount of that file or folder, and may read whatever there is, since files may be for
 * the job's user alone; it follows no link.
 */
#ifndef SUPERVISOR_OBJECTS_OUTPUT_H
#define SUPERVISOR_OBJECTS_OUTPUT_H

#include <stdbool.h>

#include "supervisor/storage_room.h"

/* Copies all that are due after a success, or after another end. 0, or negative with the first *e. */
int objects_copy_outputs(struct storage_room *room, bool success, struct err *e);

/* Opens what the path leads to below the open folder, where no part of it is a link. fd (O_PATH), or negative with *e. */
int objects_open_beneath(int home_fd, const char *path, struct err *e);

#endif
