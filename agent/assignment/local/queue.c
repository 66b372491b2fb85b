/* queue.c - see queue.h: the folder of submissions. */
#include "assignment/local/queue.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "assignment/local/submission.h"
#include "base/auto.h"
#include "base/crash_point.h"
#include "base/limits.h"
#include "base/parse.h"

/* Also without a notice: inotify may be out of watches. */
#define RESCAN_MS 2000

struct local_queue {
    int fd;        /* borrowed */
    int notify_fd; /* owned */
    struct loop_watch *notice;
    struct loop_timer *rescan;
    queue_arrival arrival;
    void *context;
};

static void on_notice(void *context)
{
    struct local_queue *q = context;
    char notices[4096];

    while (read(q->notify_fd, notices, sizeof(notices)) > 0)
        continue;
    q->arrival(q->context);
}

static void on_rescan(void *context)
{
    struct local_queue *q = context;

    q->arrival(q->context);
}

struct local_queue *local_queue_open(struct loop *loop, int queue_fd, const char *queue_path,
                                     queue_arrival arrival, void *context, struct err *e)
{
    struct local_queue *q = calloc(1, sizeof(*q));

    if (q == NULL) {
        (void)err_oom(e);
        return NULL;
    }
    *q = (struct local_queue){.fd = queue_fd, .notify_fd = -1, .arrival = arrival, .context = context};
    q->rescan = loop_timer_new(loop, on_rescan, q);
    if (q->rescan == NULL) {
        (void)err_oom(e);
        local_queue_close(q);
        return NULL;
    }
    loop_timer_start(q->rescan, 0, RESCAN_MS);
    q->notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (q->notify_fd >= 0 && inotify_add_watch(q->notify_fd, queue_path, IN_MOVED_TO | IN_ONLYDIR) >= 0)
        q->notice = loop_watch_new(loop, q->notify_fd, on_notice, q);
    return q;
}

void local_queue_close(struct local_queue *q)
{
    if (q == NULL)
        return;
    loop_watch_free(q->notice);
    fd_close(&q->notify_fd);
    loop_timer_free(q->rescan);
    free(q);
}

/* Submissions in the order of their arrival: a rename does not change the time the document was written, and
 * the names of equal times sort by themselves. */
static bool older(const struct timespec *a, const char *a_name, const struct timespec *b, const char *b_name)
{
    if (a->tv_sec != b->tv_sec)
        return a->tv_sec < b->tv_sec;
    if (a->tv_nsec != b->tv_nsec)
        return a->tv_nsec < b->tv_nsec;
    return strcmp(a_name, b_name) < 0;
}

static bool complete(int queue_fd, const char *name, struct timespec *ret_time)
{
    char path[300];
    struct stat st;

    if (!run_name_valid(name))
        return false;
    (void)snprintf(path, sizeof(path), "%s/assignment.json", name);
    if (fstatat(queue_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
        return false;
    *ret_time = st.st_mtim;
    return true;
}

static bool find_oldest(int queue_fd, char ret_id[RUN_ID_BYTES])
{
    int copy = fcntl(queue_fd, F_DUPFD_CLOEXEC, 0);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;
    struct timespec best = {0}, time;
    bool found = false;

    if (dir == NULL) {
        if (copy >= 0)
            (void)close(copy);
        return false;
    }
    rewinddir(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (!complete(queue_fd, entry->d_name, &time))
            continue;
        if (found && !older(&time, entry->d_name, &best, ret_id))
            continue;
        found = true;
        best = time;
        (void)snprintf(ret_id, RUN_ID_BYTES, "%.215s", entry->d_name);
    }
    (void)closedir(dir);
    return found;
}

int local_queue_take(const struct local_queue *q, int agent_fd, char ret_id[RUN_ID_BYTES], struct err *e)
{
    if (!find_oldest(q->fd, ret_id))
        return 0;
    CRASH_POINT("queue-take");
    if (renameat2(q->fd, ret_id, agent_fd, ret_id, RENAME_NOREPLACE) == 0) {
        CRASH_POINT("queue-taken");
        return fsync(agent_fd) < 0 ? err_errno(e, errno, BLAME_NODE, "accept run %s", ret_id) : 1;
    }
    if (errno == EEXIST) {
        /* The id was accepted before: a submission of the same run again. It is put aside, not executed. */
        char aside[256];
        (void)snprintf(aside, sizeof(aside), SUBMISSION_REPEATED "%lld.%s", (long long)clock_wall().ms,
                       ret_id);
        if (renameat2(q->fd, ret_id, q->fd, aside, RENAME_NOREPLACE) < 0)
            return err_errno(e, errno == EEXIST ? EBUSY : errno, BLAME_NODE,
                             "put run %s aside, which was submitted before", ret_id);
        return err_set(e, -EEXIST, BLAME_ASSIGNMENT,
                       "run %s was submitted before; this submission is ignored", ret_id);
    }
    return err_errno(e, errno, BLAME_NODE, "accept run %s", ret_id);
}
