/*
 * mounts.h - the mounts of the calling process's own namespace: made read-only as a whole, and looked through.
 */
#ifndef SYS_MOUNTS_H
#define SYS_MOUNTS_H

#include <stdbool.h>

#include "base/err.h"

/*
 * Makes every mount read-only, keeping its other options. With mount_setattr(2) in one step (Linux 5.12), else one
 * mount after the other; `step_by_step` takes that way in any case. Mounts made later are not touched. 0 or negative
 * with *e.
 */
int mounts_read_only(bool step_by_step, struct err *e);

/* Checks that every mount is read-only but those at, or below, one of the paths (up to a NULL). 0, or -ENOTSUP with the
 * offending mount point in *e. */
int mounts_check_read_only(const char *const *writable, struct err *e);

/* The same over the text of mountinfo(5). Pure. */
int mounts_check_text(const char *mountinfo, const char *const *writable, struct err *e);

#endif
