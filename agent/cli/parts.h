/*
 * parts.h - the artifact as it leaves the user's hands: each part in a nameless file that the agent can take
 * over.
 */
#ifndef CLI_PARTS_H
#define CLI_PARTS_H

#include "base/err.h"
#include "daemon/layout.h"
#include "job/job.h"

struct parts {
    int fd[ARTIFACT_PARTS_MAX]; /* owned; -1 for none */
};

#define PARTS_INIT                                                                                           \
    {                                                                                                        \
        {                                                                                                    \
            -1, -1, -1, -1, -1, -1, -1, -1, -1, -1                                                           \
        }                                                                                                    \
    }
_Static_assert(ARTIFACT_PARTS_MAX == 10, "PARTS_INIT lists every descriptor");

/*
 * Copies each part's file, or packs its directory, into a nameless file below `folder` (on the file system
 * where the run will lie), readable by the agent's group. Reads with the rights of the caller: nothing is
 * read that the user could not read. What has a source has no file: the agent fetches it. 0 or negative with *e.
 */
int parts_collect(const struct artifact *artifact, const struct layout *layout, const char *folder,
                  unsigned long long max_bytes, struct parts *ret, struct err *e);

/* Gives the files to the agent's user; needs root. */
int parts_give(const struct parts *p, const struct layout *layout, struct err *e);

void parts_close(struct parts *p);

#endif
