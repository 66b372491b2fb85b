/*
 * objects_command.h - how rclone is called: arguments that anybody may see, an environment without secrets, and what its last
 * words mean. Pure.
 */
#ifndef SUPERVISOR_OBJECTS_COMMAND_H
#define SUPERVISOR_OBJECTS_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/object_location.h"
#include "base/strlist.h"
#include "supervisor/policy.h"

/* Descriptors of rclone, with numbers that its own library does not use. FUSE_FD (sys/fuse_fd.h) lies between. */
#define OBJECTS_KEY_FD    20 /* a sealed copy of the file with the key */
#define OBJECTS_CACHE_FD  22 /* its folder */
#define OBJECTS_SOURCE_FD 23 /* the folder that it copies, or that the file is in which it copies */

/* The environment: the whole configuration of the remote `runlet:`. 0 or -ENOMEM. */
int objects_environment(const struct objects_policy *policy, const struct object_location *location,
                        struct strlist *out);

/* The remote's name of the place, with `below` (may be "") below its prefix. 0 or -ENOMEM. */
int objects_remote(const struct object_location *location, const char *below, struct strlist *out);

/* The arguments by which it tells whether the bucket can be had. 0 or -ENOMEM. */
int objects_look_arguments(const struct objects_policy *policy, const struct object_location *location,
                           struct strlist *out);

/* The arguments by which it serves the place to the job's user. 0 or -ENOMEM. */
int objects_mount_arguments(const struct objects_policy *policy, const struct object_location *location,
                            const struct user_ids *owner, bool read_only, struct strlist *out);

/* The arguments by which it copies the file `name` in the folder, or all of that when it is "". 0 or
 * -ENOMEM. */
int objects_copy_arguments(const struct objects_policy *policy, const struct object_location *to,
                           const char *name, struct strlist *out);

/* What to do about it, by its last words. */
const char *objects_remedy(const char *words);

#endif
