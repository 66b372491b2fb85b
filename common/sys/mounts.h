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

/* Makes everything that is mounted read-only, without devices and without setuid: with mount_setattr(2) in one step
 * (Linux 5.12), else one mount after the other; `step_by_step` takes that way in any case. Mounts made later are not
 * touched. 0 or negative with *e. */
int mounts_read_only(bool step_by_step, struct err *e);

/* Checks that every mount that can be reached is read-only but the ones at the paths in `writable` (up to a NULL); one
 * that another covers is out of everybody's reach. 0, or -ENOTSUP with the offending mount point in *e; ret_total
 * (may be NULL) gets how many were looked at. */
int mounts_check_read_only(const char *const *writable, size_t *ret_total, struct err *e);

#endif
