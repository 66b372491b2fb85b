/*
 * objects_output.h - what of the home is copied to a bucket after the run. In the room's process (storage_room.h).
 *
 * rclone gets the folder as an open descriptor, and may read whatever there is, since files may be for the job's user alone; it
 * follows no link. Nothing of the run lives any more that could change the home meanwhile.
 */
#ifndef SUPERVISOR_OBJECTS_OUTPUT_H
#define SUPERVISOR_OBJECTS_OUTPUT_H

#include <limits.h>
#include <stdbool.h>

#include "supervisor/storage_room.h"

/* Copies all that are due after a success, or after another end. 0, or negative with the first *e. */
int objects_copy_outputs(struct storage_room *room, bool success, struct err *e);

/* Opens the folder that the path leads to below the open one, or the folder of the file that it leads to: ret_name is that file's
 * name in it, or "". No part of the path may be a link. fd or negative with *e. */
int objects_open_beneath(int home_fd, const char *path, char ret_name[NAME_MAX + 1], struct err *e);

#endif
