/* rootless.c - see rootless.h. */
#include "sys/rootless.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/fd.h"

static int write_file(const char *path, const char *text)
{
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

    return fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
}

static int write_map(const char *path, unsigned outside)
{
    char text[48];

    (void)snprintf(text, sizeof(text), "0 %u 1", outside);
    return write_file(path, text);
}

int rootless_enter(struct err *e)
{
    unsigned uid = geteuid(), gid = getegid();
    int r;

    if (unshare(CLONE_NEWUSER) < 0)
        return err_errno(e, errno, BLAME_NODE,
                         "make a user namespace, which running a job without root needs (see "
                         "kernel.unprivileged_userns_clone, "
                         "user.max_user_namespaces, or run it with sudo)");
    /* Without the right to map groups by oneself, the kernel wants this first. */
    r = write_file("/proc/self/setgroups", "deny");
    if (r == 0 || r == -ENOENT)
        r = write_map("/proc/self/gid_map", gid);
    if (r == 0)
        r = write_map("/proc/self/uid_map", uid);
    return r < 0 ? err_errno(e, -r, BLAME_NODE, "become root in a user namespace") : 0;
}
