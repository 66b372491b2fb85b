/* spool_write.c - the writer of a spool: two writes a piece, and back to the last whole entry on failure. See
 * spool.h. */
#include "record/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "record/files.h"
#include "record/scan.h"

#define SPOOL_MODE 0640

int spool_create(int dir_fd, struct spool_writer *w, struct err *e)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    AUTO_CLOSE int log_fd = openat(dir_fd, SPOOL_LOG_NAME, flags, SPOOL_MODE);
    AUTO_CLOSE int idx_fd = -1;

    if (log_fd < 0)
        return err_errno(e, errno, BLAME_NODE, "create %s", SPOOL_LOG_NAME);
    CRASH_POINT("spool-log-made");
    idx_fd = openat(dir_fd, SPOOL_IDX_NAME, flags, SPOOL_MODE);
    CRASH_POINT("spool-made");
    if (idx_fd < 0) {
        int saved = errno;
        (void)unlinkat(dir_fd, SPOOL_LOG_NAME, 0);
        return err_errno(e, saved, BLAME_NODE, "create %s", SPOOL_IDX_NAME);
    }
    *w = (struct spool_writer){.log_fd = take_fd(&log_fd), .idx_fd = take_fd(&idx_fd)};
    return 0;
}

/* Gives the space of half a piece back, and keeps it from being read as an unindexed tail. If that fails too,
 * the repetition of the piece overwrites it. */
static void cut_back(const struct spool_writer *w)
{
    int idx_result = ftruncate(w->idx_fd, (off_t)w->idx_offset);
    int log_result = ftruncate(w->log_fd, (off_t)w->offset);

    (void)idx_result;
    (void)log_result;
}

static uint64_t next_time(uint64_t last, wall_ms_t now)
{
    return now.ms > 0 && (uint64_t)now.ms > last ? (uint64_t)now.ms : last + 1;
}

int spool_append(struct spool_writer *w, enum spool_stream stream, const void *bytes, size_t n, wall_ms_t now,
                 struct err *e)
{
    const struct spool_entry entry = {
        .time_ms = next_time(w->last_time_ms, now),
        .end_offset = w->offset + n,
        .data_crc = crc32c(0, bytes, n),
        .stream = (uint8_t)stream,
    };
    unsigned char disk[SPOOL_ENTRY_BYTES];
    int r;

    spool_entry_encode(&entry, disk);
    CRASH_POINT("spool-write");
    r = write_at(w->log_fd, bytes, n, w->offset);
    CRASH_POINT("spool-log-written");
    if (r == 0)
        r = write_at(w->idx_fd, disk, sizeof(disk), w->idx_offset);
    CRASH_POINT("spool-written");
    if (r < 0) {
        cut_back(w);
        return err_errno(e, -r, BLAME_NODE, "write the job's output");
    }
    w->offset = entry.end_offset;
    w->idx_offset += sizeof(disk);
    w->last_time_ms = entry.time_ms;
    w->lines += count_newlines(bytes, n);
    return 0;
}

int spool_sync(struct spool_writer *w, struct err *e)
{
    if (fdatasync(w->log_fd) < 0)
        return err_errno(e, errno, BLAME_NODE, "sync %s", SPOOL_LOG_NAME);
    CRASH_POINT("spool-log-synced");
    if (fdatasync(w->idx_fd) < 0)
        return err_errno(e, errno, BLAME_NODE, "sync %s", SPOOL_IDX_NAME);
    CRASH_POINT("spool-synced");
    return 0;
}

void spool_writer_close(struct spool_writer *w)
{
    fd_close(&w->log_fd);
    fd_close(&w->idx_fd);
}
