/* capture.c - see capture.h. */
#include "supervisor/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/fd.h"

/* As large as an unprivileged pipe may be: fewer wake-ups, and room for a job's burst while the disk is slow.
 */
#define PIPE_BYTES   (1 << 20)
#define BUFFER_BYTES ((size_t)256 * 1024)
/* How far record times may run ahead of the clock before reading waits (each record is at least 1 ms after
 * the last). */
#define TIME_LEAD_MAX_MS 50

static const enum spool_stream STREAM[CAPTURE_STREAMS] = {SPOOL_STDOUT, SPOOL_STDERR};

static int open_pipe(int *ret_read, int *ret_write)
{
    int ends[2];
    int r;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    (void)fcntl(ends[0], F_SETPIPE_SZ, PIPE_BYTES);
    r = fd_set_nonblocking(ends[0], true);
    if (r < 0) {
        (void)close(ends[0]);
        (void)close(ends[1]);
        return r;
    }
    *ret_read = ends[0];
    *ret_write = ends[1];
    return 0;
}

int capture_open(struct capture *c, int log_dir_fd, int ret_write[CAPTURE_STREAMS], struct err *e)
{
    *c = (struct capture){.spool = SPOOL_WRITER_INIT, .pipe_fd = {-1, -1}};
    ret_write[0] = ret_write[1] = -1;
    if (spool_create(log_dir_fd, &c->spool, e) < 0)
        return e->code;
    c->buffer = malloc(BUFFER_BYTES);
    if (c->buffer == NULL)
        return err_oom(e);
    for (unsigned i = 0; i < CAPTURE_STREAMS; i++) {
        int r = open_pipe(&c->pipe_fd[i], &ret_write[i]);
        if (r < 0)
            return err_errno(e, -r, BLAME_NODE, "make the output pipes");
    }
    return 0;
}

bool capture_wants(const struct capture *c, unsigned i, wall_ms_t now)
{
    if (c->pipe_fd[i] < 0 || c->stalled)
        return false;
    return (int64_t)c->spool.last_time_ms - now.ms < TIME_LEAD_MAX_MS;
}

static void write_pending(struct capture *c, wall_ms_t wall, boot_ms_t now)
{
    struct err e = ERR_INIT;

    if (c->pending == 0)
        return;
    if (spool_append(&c->spool, c->pending_stream, c->buffer, c->pending, wall, &e) == 0) {
        c->pending = 0;
        c->stalled = false;
        return;
    }
    if (!c->stalled) {
        c->stalled = true;
        c->stalled_at = now;
    }
    c->error = e;
}

bool capture_read(struct capture *c, unsigned i, wall_ms_t wall, boot_ms_t now)
{
    ssize_t n;

    if (c->pipe_fd[i] < 0 || c->pending > 0)
        return false;
    do {
        n = read(c->pipe_fd[i], c->buffer, BUFFER_BYTES);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0) {
        fd_close(&c->pipe_fd[i]);
        return true;
    }
    c->pending = (size_t)n;
    c->pending_stream = STREAM[i];
    if (STREAM[i] == SPOOL_STDERR)
        c->mid_line = c->buffer[n - 1] != '\n';
    write_pending(c, wall, now);
    return true;
}

void capture_retry(struct capture *c, wall_ms_t wall, boot_ms_t now)
{
    write_pending(c, wall, now);
}

void capture_note(struct capture *c, const char *line, wall_ms_t wall)
{
    struct err e = ERR_INIT;

    if (c->pending > 0 || c->spool.log_fd < 0)
        return;
    if (c->mid_line && spool_append(&c->spool, SPOOL_STDERR, "\n", 1, wall, &e) < 0)
        return;
    c->mid_line = false;
    (void)spool_append(&c->spool, SPOOL_STDERR, line, strlen(line), wall, &e);
}

bool capture_done(const struct capture *c)
{
    return c->pipe_fd[0] < 0 && c->pipe_fd[1] < 0 && c->pending == 0;
}

bool capture_drain(struct capture *c, bool give_up, wall_ms_t wall, boot_ms_t now)
{
    write_pending(c, wall, now);
    for (;;) {
        if (c->pending > 0 && give_up) {
            c->lost_bytes += c->pending;
            c->pending = 0;
        }
        if (c->pending > 0)
            return false;
        if (!capture_read(c, 0, wall, now) && !capture_read(c, 1, wall, now))
            break;
    }
    fd_close(&c->pipe_fd[0]);
    fd_close(&c->pipe_fd[1]);
    return true;
}

void capture_close(struct capture *c)
{
    fd_close(&c->pipe_fd[0]);
    fd_close(&c->pipe_fd[1]);
    spool_writer_close(&c->spool);
    free(c->buffer);
    c->buffer = NULL;
}
