/* run_files.c - opening and closing a run's own directory: see run_open in engine.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/auto.h"
#include "engine/engine.h"
#include "sys/fd.h"

static int fold(const struct fact *f, void *context)
{
    run_history_apply(context, f);
    return 0;
}

static int open_files(struct run *run, int agent_dir_fd, struct err *e)
{
    run->dir_fd = dir_open(agent_dir_fd, run->id);
    if (run->dir_fd < 0)
        return err_errno(e, -run->dir_fd, BLAME_NODE, "open the run's directory %s", run->id);
    if (run->lock_fd < 0) {
        run->lock_fd = openat(run->dir_fd, AGENT_LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
        if (run->lock_fd < 0)
            return err_errno(e, errno, BLAME_NODE, "open the lock of run %s", run->id);
        if (flock(run->lock_fd, LOCK_EX | LOCK_NB) < 0)
            return err_errno(e, errno == EWOULDBLOCK ? EBUSY : errno, BLAME_NODE, "take charge of run %s",
                             run->id);
    }
    if (journal_read(run->dir_fd, AGENT_JOURNAL_NAME, fold, &run->history, e) < 0 && e->code != -ENOENT)
        return e->code;
    return journal_open(run->dir_fd, AGENT_JOURNAL_NAME, 0640, &run->journal, e);
}

int run_open(int agent_dir_fd, const char *id, int lock_fd, struct run **ret, struct err *e)
{
    AUTO_CLOSE int lock = lock_fd;
    struct run *run = calloc(1, sizeof(*run));

    if (run == NULL)
        return err_oom(e);
    (void)snprintf(run->id, sizeof(run->id), "%s", id);
    run->dir_fd = run->journal.fd = run->image_fd = -1;
    run->lock_fd = take_fd(&lock);
    run->places = 1;
    for (size_t i = 0; i < RUN_PLACEMENTS_MAX; i++)
        run->placement_fd[i] = -1;
    if (open_files(run, agent_dir_fd, e) < 0) {
        run_close(run);
        return e->code;
    }
    *ret = run;
    return 0;
}

void run_close(struct run *run)
{
    if (run == NULL)
        return;
    for (size_t i = 0; i < RUN_PLACEMENTS_MAX; i++)
        fd_close(&run->placement_fd[i]);
    fd_close(&run->image_fd);
    journal_close(&run->journal);
    fd_close(&run->lock_fd);
    fd_close(&run->dir_fd);
    free(run);
}
