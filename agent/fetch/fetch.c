/* fetch.c - see fetch.h. */
#include "fetch/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"

static int open_part(const struct run *run, const struct artifact_part *part, struct err *e)
{
    AUTO_CLOSE int fd = openat(run->dir_fd, part->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;

    if (fd < 0)
        return err_errno(e, errno, BLAME_NODE, "open the artifact %s", part->name);
    if (fstat(fd, &st) < 0)
        return err_errno(e, errno, BLAME_NODE, "look at the artifact %s", part->name);
    if (!S_ISREG(st.st_mode))
        return err_set(e, -EINVAL, BLAME_NODE, "the artifact %s is not a regular file", part->name);
    return take_fd(&fd);
}

int fetch_open(struct run *run, struct err *e)
{
    const struct artifact *artifact = &run->request->artifact;

    for (size_t i = 0; i < artifact->count && i < RUN_PLACEMENTS_MAX; i++) {
        int fd;
        if (run->placement_fd[i] >= 0)
            continue;
        fd = open_part(run, &artifact->part[i], e);
        if (fd < 0)
            return fd;
        run->placement_fd[i] = fd;
    }
    return 0;
}

void fetch_enter(struct run *run)
{
    struct err e = ERR_INIT;

    if (fetch_open(run, &e) < 0)
        run_fail(run, CAUSE_ARTIFACT_FETCH_FAILED, &e);
    else
        run_post(run, RUN_EVENT_DONE);
}
