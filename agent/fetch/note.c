/* note.c - see note.h. */
#include "fetch/note.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/fd.h"

int note_write(int dir_fd, const char *name, const struct strbuf *text)
{
    char temporary[NAME_MAX + 1];
    AUTO_CLOSE int fd = -1;
    int r;

    /* With the writer's pid: two agents may note the same. */
    (void)snprintf(temporary, sizeof(temporary), ".%.200s.%ld", name, (long)getpid());
    fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return -errno;
    r = fd_write_all(fd, strbuf_str(text), text->len);
    if (r == 0 && renameat(dir_fd, temporary, dir_fd, name) < 0)
        r = -errno;
    if (r < 0)
        (void)unlinkat(dir_fd, temporary, 0);
    return r;
}
