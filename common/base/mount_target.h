/*
 * mount_target.h - where in the job's view storage may be mounted.
 */
#ifndef BASE_MOUNT_TARGET_H
#define BASE_MOUNT_TARGET_H

#include <stdbool.h>
#include <stddef.h>

/* Room for a target's path. */
#define MOUNT_TARGET_MAX 1024

/* A directory's name: letters, digits, '-' and '_', beginning with a letter or digit, 1 to 255 of them. */
bool mount_name_valid(const char *s, size_t n);

/* "/" or "/a/b", each component such a name. */
bool mount_path_valid(const char *path);

/* Whether the target lies on or in a directory of the system, or on a place that other things share. */
bool mount_target_refused(const char *target);

/* A valid path, not "/", that is not refused. */
bool mount_target_valid(const char *target);

/* Whether `path` is `top` or lies below it. */
bool mount_target_within(const char *path, const char *top);

#endif
