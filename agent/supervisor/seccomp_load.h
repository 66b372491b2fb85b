/*
 * seccomp_load.h - the filter of system calls becomes the calling process's own.
 */
#ifndef SUPERVISOR_SECCOMP_LOAD_H
#define SUPERVISOR_SECCOMP_LOAD_H

#include "supervisor/seccomp_filter.h"

/*
 * Loads the filter for this process and all it starts; it needs no_new_privs. With DENIAL_NOTIFIED: the descriptor of its
 * listener, close-on-exec; -EBUSY when a filter above has one already, -ENOSYS where the kernel has none, and nothing
 * was loaded then. With DENIAL_PLAIN: 0. Otherwise -errno.
 */
int call_filter_load(const struct call_filter *f, enum call_denial denial);

/* Whether this kernel lets a listener say "go on" (Linux 5.5), without which nothing can be learnt. */
bool call_filter_can_learn(void);

#endif
