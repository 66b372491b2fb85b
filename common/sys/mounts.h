/*
 * mounts.h - the mounts of the calling process's mount namespace: read, made read-only, checked.
 */
#ifndef SYS_MOUNTS_H
#define SYS_MOUNTS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct mount_entry {
    int id;
    char point[PATH_MAX]; /* where it is mounted */
    unsigned long flags;  /* MS_RDONLY (of the mount or of its file system), MS_NOSUID, MS_NODEV, MS_NOEXEC */
};

/* Takes the next line off a text of mountinfo(5). Returns false at its end; lines that make no sense are passed over. Pure. */
bool mount_next(const char **text, struct mount_entry *ret);

/* The mount on which the open file is; -1 when the kernel does not tell. */
int mount_id_of(int fd);

enum mount_way {
    MOUNT_AT_ONCE,    /* mount_setattr(2), Linux 5.12 */
    MOUNT_ONE_BY_ONE, /* each as mountinfo lists it */
};

/* Makes everything that is mounted read-only, without devices and without setuid. 0, or negative with *e; -ENOSYS when the
 * kernel does not know the way. */
int mounts_restrict_by(enum mount_way way, struct err *e);

/* As above, by the best way this kernel has. */
int mounts_restrict(struct err *e);

/*
 * Counts the mounts that can be reached, and finds the first that is not read-only and not one of the `count` paths in
 * `writable`. 1: there is one, its path is in ret; 0: there is none; or negative with *e.
 */
int mounts_find_writable(const char *const *writable, size_t count, char ret[PATH_MAX], size_t *ret_total,
                         struct err *e);

#endif
