/* scratch.h - a folder of its own for a test, with a run's folder in it. Needs the folder sys. */
#ifndef UNIT_SCRATCH_H
#define UNIT_SCRATCH_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fd.h"

struct scratch {
    char path[64];
    int fd; /* owned */
};

static inline int scratch_make(struct scratch *s)
{
    (void)snprintf(s->path, sizeof(s->path), "/tmp/runlet-test-XXXXXX");
    if (mkdtemp(s->path) == NULL)
        return -1;
    s->fd = dir_open(AT_FDCWD, s->path);
    return s->fd < 0 ? -1 : 0;
}

static inline void scratch_remove(struct scratch *s)
{
    (void)close(s->fd);
    (void)tree_remove(AT_FDCWD, s->path);
}

#endif
