/*
 * capabilities.h - which capabilities the calling thread keeps.
 *
 * Sets are masks: bit N is capability N of linux/capability.h.
 */
#ifndef SYS_CAPABILITIES_H
#define SYS_CAPABILITIES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "sys/process.h"

#define CAPABILITIES_ALL   UINT64_MAX
#define CAPABILITY_BIT(id) (1ULL << (id))

/* The bounding and the permitted set as they are. */
uint64_t capabilities_bounding(void);
uint64_t capabilities_permitted(void);

/* Takes what is not in `keep` out of the bounding set, and everything out of the ambient one. 0, -EPERM without CAP_SETPCAP
 * when there was anything to take, or another -errno. */
int capabilities_bound(uint64_t keep);

/* The permitted and effective sets become what of `keep` is permitted now. With `inherited` so do the inheritable and the
 * ambient set, so that a program which is no root user's has them too; else those become empty. 0 or -errno. */
int capabilities_keep(uint64_t keep, bool inherited);

/*
 * For a process that is about to execute a program: no new privileges, no capabilities but `keep`, and another user where
 * `user` is not NULL. The program starts with what of `keep` this process has. 0 or negative with *e.
 */
int capabilities_become(const struct user_ids *user, uint64_t keep, struct err *e);

#endif
