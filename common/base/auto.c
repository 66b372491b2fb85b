/* auto.c - see auto.h. */
#include "base/auto.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

void free_auto(void *p)
{
    void **slot = p;
    free(*slot);
}

void close_auto(const int *fd)
{
    if (*fd >= 0) {
        int saved = errno;
        (void)close(*fd);
        errno = saved;
    }
}

void fd_close(int *fd)
{
    close_auto(fd);
    *fd = -1;
}
