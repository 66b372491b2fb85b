/*
 * capture.h - from the job's stdout and stderr pipes to the spool.
 *
 * Nothing is dropped while the disk takes it: when a write fails for lack of space the bytes are kept, the
 * pipes are left alone (the job feels back-pressure) and the write is tried again. Only the end of the run
 * gives up, and then says how much was lost.
 */
#ifndef SUPERVISOR_CAPTURE_H
#define SUPERVISOR_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "record/spool.h"

#define CAPTURE_STREAMS 2

struct capture {
    struct spool_writer spool;    /* owned */
    int pipe_fd[CAPTURE_STREAMS]; /* owned read ends; -1 after the end of the stream. [0] stdout, [1] stderr
                                   */
    char *buffer;                 /* owned */
    size_t pending;               /* bytes in buffer that the disk has not taken yet */
    enum spool_stream pending_stream;
    bool mid_line;        /* stderr's last byte was no newline */
    bool stalled;         /* the last write failed: disk full or broken */
    boot_ms_t stalled_at; /* when the current stall began */
    uint64_t lost_bytes;  /* given up at the end */
    struct err error;     /* why it stalled */
};

/* Makes both pipes; the write ends (blocking, close-on-exec) go to ret_write, for the job. 0 or -errno. */
int capture_open(struct capture *c, int log_dir_fd, int ret_write[CAPTURE_STREAMS], struct err *e);

/* Whether stream i should be polled now. A spool whose record times have run ahead of the clock is given time
 * to let the clock catch up; the pipes hold the bytes meanwhile. */
bool capture_wants(const struct capture *c, unsigned i, wall_ms_t now);

/* Reads what stream i has (once) and spools it. Returns whether something was read or its end seen. */
bool capture_read(struct capture *c, unsigned i, wall_ms_t wall, boot_ms_t now);

/* Tries again to write what the disk refused. */
void capture_retry(struct capture *c, wall_ms_t wall, boot_ms_t now);

/* Puts a line of the platform's own among the job's stderr, on a line of its own. It gives way: with bytes waiting for the
 * disk it is not written. */
void capture_note(struct capture *c, const char *line, wall_ms_t wall);

/* Nobody can write any more: takes what the pipes still hold, then closes them. With `give_up`, what the disk
 * refuses is counted as lost instead of being tried again. Returns whether all is done. */
bool capture_drain(struct capture *c, bool give_up, wall_ms_t wall, boot_ms_t now);

/* Both streams ended and nothing is pending. */
bool capture_done(const struct capture *c);

void capture_close(struct capture *c);

#endif
