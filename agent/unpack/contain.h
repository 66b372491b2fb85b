/*
 * contain.h - gives up every power but that of writing below the home, for good.
 *
 * Called before the first byte of an archive is read. From then on the process is the job's user without
 * privileges, cannot see or change a file outside the home (chroot, or Landlock alone when it was started
 * without privilege), cannot start programs or threads, cannot open sockets, and cannot map code. A step that
 * does not take is an error; nothing is best effort but the namespaces, which the system call filter makes
 * redundant.
 */
#ifndef UNPACK_CONTAIN_H
#define UNPACK_CONTAIN_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct containment {
    uid_t uid; /* as which to go on */
    gid_t gid;
    int home;                /* borrowed: the folder below which files may be created */
    uint64_t max_file_bytes; /* of one file */
};

/* 0, or a negative code blaming the node; the process must then end. */
int contain(const struct containment *c, struct err *e);

#endif
