/*
 * confine.h - the two kernel filters of the unpacker: Landlock for files, seccomp for system calls.
 */
#ifndef UNPACK_CONFINE_H
#define UNPACK_CONFINE_H

#include "base/err.h"

/* From now on only files below `home` can be opened, and only regular files, folders and symbolic links made
 * there. 1: in force; 0: the kernel has no Landlock; or a negative code. Needs no_new_privs. */
int confine_files(int home, struct err *e);

/* From now on only the calls that unpacking uses work; the others fail with EPERM. Checked before it returns
 * 0. */
int confine_syscalls(struct err *e);

#endif
