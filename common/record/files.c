/* files.c - see files.h. */
#include "record/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"

#define CHUNK 16384

int load_fd(int fd, const char *name, struct strbuf *ret, struct err *e)
{
    char chunk[CHUNK];
    off_t at = 0;
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_errno(e, errno, BLAME_NODE, "stat %s", name);
    if (!S_ISREG(st.st_mode))
        return err_set(e, -EBADMSG, BLAME_NODE, "%s is not a regular file", name);
    for (;;) {
        ssize_t n = pread(fd, chunk, sizeof(chunk), at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, errno, BLAME_NODE, "read %s", name);
        if (n == 0)
            return 0;
        if (strbuf_add(ret, chunk, (size_t)n) < 0)
            return ret->failed == -E2BIG
                       ? err_set(e, -E2BIG, BLAME_NODE, "%s is over the limit of %zu bytes", name, ret->max)
                       : err_oom(e);
        at += n;
    }
}

int load_file(int dir_fd, const char *name, struct strbuf *ret, struct err *e)
{
    /* O_NONBLOCK: opening a pipe that somebody put there must not wait for its other end. */
    AUTO_CLOSE int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return err_errno(e, errno, BLAME_NODE, "open %s", name);
    return load_fd(fd, name, ret, e);
}

int write_at(int fd, const void *bytes, size_t n, uint64_t offset)
{
    const char *p = bytes;

    while (n > 0) {
        ssize_t done = pwrite(fd, p, n, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -errno;
        if (done == 0)
            return -EIO;
        p += done;
        offset += (uint64_t)done;
        n -= (size_t)done;
    }
    return 0;
}
