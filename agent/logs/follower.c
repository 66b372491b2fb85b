/* follower.c - see follower.h. */
#include "logs/follower.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "sys/fd.h"

#define BUFFER_BYTES 65536
/* Also without a notice: inotify watches can be exhausted, and a sink that was busy is asked again. */
#define POLL_MS 20
/* Pieces delivered in one turn, so that a fast job does not keep the loop from everything else. */
#define PIECES_A_TURN 64

struct log_follower {
    struct run *run;
    struct log_sink sink;
    int runs_fd;               /* borrowed */
    int notify_fd;             /* owned; -1 without inotify */
    struct loop_watch *notice; /* of notify_fd */
    struct loop_timer *timer;
    struct spool_reader reader;
    bool open, shipping, done, broken;
    char *buffer;             /* owned */
    struct spool_piece piece; /* the rest of the piece being delivered; n == 0 when none */
};

static void turn(void *context);

static void open_spool(struct log_follower *f)
{
    char path[256];
    char index[300];
    AUTO_CLOSE int dir = -1;
    struct err e = ERR_INIT;

    (void)snprintf(path, sizeof(path), "%s/log", f->run->id);
    dir = openat(f->runs_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || spool_open(dir, 0, &f->reader, &e) < 0)
        return;
    f->open = true;
    f->notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (f->notify_fd < 0)
        return;
    (void)snprintf(index, sizeof(index), "/proc/self/fd/%d/output.idx", dir);
    if (inotify_add_watch(f->notify_fd, index, IN_MODIFY) >= 0)
        f->notice = loop_watch_new(engine_loop(f->run->engine), f->notify_fd, turn, f);
}

/* Hands over the rest of the current piece. Returns whether all of it was taken. */
static bool deliver(struct log_follower *f)
{
    ssize_t n = f->sink.deliver(&f->piece, f->sink.context);

    if (n < 0) {
        f->broken = true;
        return false;
    }
    f->piece.bytes += n;
    f->piece.offset += (uint64_t)n;
    f->piece.n -= (size_t)n;
    return f->piece.n == 0;
}

/* Delivers what there is. Returns whether everything that can be had for now was delivered. */
static bool pump(struct log_follower *f)
{
    struct err e = ERR_INIT;

    for (int i = 0; i < PIECES_A_TURN && !f->broken; i++) {
        int r;
        if (f->piece.n > 0 && !deliver(f))
            return false;
        r = spool_read(&f->reader, f->shipping, f->buffer, BUFFER_BYTES, &f->piece, &e);
        if (r < 0) {
            log_error("run=%s output: %s", f->run->id, e.text);
            f->broken = true;
        }
        if (r == 0)
            return true;
    }
    return f->broken;
}

static void turn(void *context)
{
    struct log_follower *f = context;
    char notices[4096];
    bool all;

    while (f->notify_fd >= 0 && read(f->notify_fd, notices, sizeof(notices)) > 0)
        continue;
    if (f->done)
        return;
    if (!f->open)
        open_spool(f);
    all = f->broken || (f->open && pump(f));
    if (f->shipping && (all || !f->open)) {
        f->done = true;
        loop_timer_stop(f->timer);
        run_post(f->run, RUN_EVENT_DONE);
        return;
    }
    loop_timer_start(f->timer, all || !f->open || f->piece.n > 0 ? POLL_MS : 0, 0);
}

void follower_start(struct run *run, int runs_fd, const struct log_sink *sink)
{
    struct log_follower *f;

    if (sink == NULL || run->logs != NULL)
        return;
    f = calloc(1, sizeof(*f));
    if (f == NULL)
        return;
    *f = (struct log_follower){
        .run = run, .sink = *sink, .runs_fd = runs_fd, .notify_fd = -1, .reader = SPOOL_READER_INIT};
    f->buffer = malloc(BUFFER_BYTES);
    f->timer = loop_timer_new(engine_loop(run->engine), turn, f);
    run->logs = f;
    if (f->buffer == NULL || f->timer == NULL) {
        follower_release(run);
        return;
    }
    loop_timer_start(f->timer, 0, 0);
}

void follower_ship(struct run *run)
{
    if (run->logs == NULL) {
        run_post(run, RUN_EVENT_DONE);
        return;
    }
    run->logs->shipping = true;
    loop_timer_start(run->logs->timer, 0, 0);
}

void follower_release(struct run *run)
{
    struct log_follower *f = run->logs;

    run->logs = NULL;
    if (f == NULL)
        return;
    loop_watch_free(f->notice);
    fd_close(&f->notify_fd);
    loop_timer_free(f->timer);
    spool_reader_close(&f->reader);
    free(f->buffer);
    free(f);
}
