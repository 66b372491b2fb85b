/* beneath.c - see beneath.h. */
#include "unpack/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/fd.h"

/* As many as the kernel follows. */
#define LINKS_MAX 40

struct walk {
    char done[PATH_MAX]; /* real folders below dir, the last part perhaps something else */
    char rest[PATH_MAX];
    unsigned links;
};

/* Takes the next part off the rest. NULL: there is none. */
static const char *next_part(struct walk *w, char part[NAME_MAX + 1])
{
    const char *at = w->rest + strspn(w->rest, "/");
    size_t n = strcspn(at, "/");

    if (n == 0 || n > NAME_MAX)
        return NULL;
    memcpy(part, at, n);
    part[n] = '\0';
    memmove(w->rest, at + n, strlen(at + n) + 1);
    return part;
}

static void drop_last(struct walk *w)
{
    char *slash = strrchr(w->done, '/');

    if (slash != NULL)
        *slash = '\0';
    else
        w->done[0] = '\0';
}

static int append(struct walk *w, const char *part)
{
    size_t n = strlen(w->done);

    if (n + strlen(part) + 2 > sizeof(w->done))
        return -ENAMETOOLONG;
    (void)snprintf(w->done + n, sizeof(w->done) - n, "%s%s", n > 0 ? "/" : "", part);
    return 0;
}

/* The last part of `done` is a symbolic link to target[n]: its target stands before the rest now. */
static int follow(struct walk *w, char *target, size_t n, bool through_links)
{
    size_t rest = strlen(w->rest);

    if (!through_links || ++w->links > LINKS_MAX)
        return -ELOOP;
    if (target[0] == '/')
        return -EXDEV;
    if (n + rest + 2 > sizeof(w->rest))
        return -ENAMETOOLONG;
    drop_last(w);
    memmove(w->rest + n + 1, w->rest, rest + 1);
    memcpy(w->rest, target, n);
    w->rest[n] = '/';
    return 0;
}

/* Turns the path into one without links and "..". */
static int resolve(int dir, struct walk *w, bool through_links)
{
    char part[NAME_MAX + 1];
    char target[PATH_MAX];

    while (next_part(w, part) != NULL) {
        ssize_t n;
        int r;
        if (strcmp(part, ".") == 0)
            continue;
        if (strcmp(part, "..") == 0) {
            if (w->done[0] == '\0')
                return -EXDEV;
            drop_last(w);
            continue;
        }
        r = append(w, part);
        if (r < 0)
            return r;
        n = readlinkat(dir, w->done, target, sizeof(target));
        if (n >= 0)
            r = follow(w, target, (size_t)n, through_links);
        if (r < 0)
            return r;
    }
    return w->rest[strspn(w->rest, "/")] != '\0' ? -ENAMETOOLONG : 0;
}

/* Opens a path that is known to have no links, so that one which appeared meanwhile is an error. */
static int open_plain(int dir, struct walk *w, int flags, mode_t mode)
{
    char part[NAME_MAX + 1];
    AUTO_CLOSE int at = fcntl(dir, F_DUPFD_CLOEXEC, 0);

    if (at < 0)
        return -errno;
    memcpy(w->rest, w->done, sizeof(w->rest));
    if (w->rest[0] == '\0')
        (void)snprintf(w->rest, sizeof(w->rest), ".");
    while (next_part(w, part) != NULL) {
        bool last = w->rest[0] == '\0';
        int fd = openat(at, part, (last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0)
            return -errno;
        if (last)
            return fd;
        (void)close(at);
        at = fd;
    }
    return -ENOENT;
}

int beneath_walk(int dir, const char *path, int flags, mode_t mode, bool through_links)
{
    struct walk w = {.links = 0};
    size_t n = strlen(path);
    int r;

    if (n == 0)
        return -ENOENT;
    if (path[0] == '/')
        return -EXDEV;
    if (n >= sizeof(w.rest))
        return -ENAMETOOLONG;
    memcpy(w.rest, path, n + 1);
    r = resolve(dir, &w, through_links);
    return r < 0 ? r : open_plain(dir, &w, flags, mode);
}

int beneath_open(int dir, const char *path, int flags, mode_t mode, bool through_links)
{
    struct open_how how = {
        .flags = (unsigned)flags | O_CLOEXEC,
        .mode = (flags & O_CREAT) != 0 ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | (through_links ? 0 : RESOLVE_NO_SYMLINKS),
    };

    for (;;) {
        long fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
        if (fd >= 0)
            return (int)fd;
        if (errno == ENOSYS)
            return beneath_walk(dir, path, flags, mode, through_links);
        /* EAGAIN: something was renamed meanwhile, so that "beneath" could not be decided. */
        if (errno != EINTR && errno != EAGAIN)
            return -errno;
    }
}
