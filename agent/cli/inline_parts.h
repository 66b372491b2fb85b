/*
 * inline_parts.h - the artifact inside the assignment: how code gets to a node that is not this machine and that can fetch it from
 * nowhere.
 */
#ifndef CLI_INLINE_PARTS_H
#define CLI_INLINE_PARTS_H

#include "base/err.h"
#include "cli/parts.h"
#include "job/job.h"

/*
 * Turns what is on this machine into content: parts->fd[i] holds the bytes of part i, as parts_collect made them. What has a URI
 * stays as it is. 0 or negative with *e; then the artifact is of no further use.
 */
int parts_inline(struct artifact *artifact, const struct parts *parts, struct err *e);

#endif
