/* spool_verify.c - reads a whole spool and checks every entry and every checksum. See spool.h. */
#include "record/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "record/scan.h"

#define LOG_CHUNK   65536
#define ENTRY_CHUNK (512 * SPOOL_ENTRY_BYTES)

struct verifier {
    int log_fd;
    int idx_fd;
    unsigned char entries[ENTRY_CHUNK];
    size_t entries_n;         /* bytes in entries */
    size_t entries_at;        /* next one to look at */
    uint64_t idx_pos;         /* of the bytes after those in entries */
    bool index_ended;         /* no entry any more, or none that can be believed */
    struct spool_entry entry; /* the one that covers the current offset */
    uint64_t entry_start;
    uint32_t crc; /* of its bytes so far */
    struct spool_summary sum;
};

static void damage(struct verifier *v, uint64_t at)
{
    if (v->sum.damaged)
        return;
    v->sum.damaged = true;
    v->sum.damaged_at = at;
}

/* Reads more of the index when fewer bytes than an entry are left. */
static int refill(struct verifier *v, struct err *e)
{
    size_t rest = v->entries_n - v->entries_at;
    ssize_t n;

    if (rest >= SPOOL_ENTRY_BYTES)
        return 0;
    memmove(v->entries, v->entries + v->entries_at, rest);
    n = pread(v->idx_fd, v->entries + rest, sizeof(v->entries) - rest, (off_t)v->idx_pos);
    if (n < 0)
        return err_errno(e, errno, BLAME_NODE, "read %s", SPOOL_IDX_NAME);
    v->idx_pos += (uint64_t)n;
    v->entries_n = rest + (size_t)n;
    v->entries_at = 0;
    return 0;
}

/* Goes on to the entry after the current one, or ends the index. */
static int advance(struct verifier *v, struct err *e)
{
    struct spool_entry next;
    int there, r = refill(v, e);

    if (r < 0)
        return r;
    if (v->entries_n - v->entries_at < SPOOL_ENTRY_BYTES) {
        v->index_ended = true;
        return 0;
    }
    there = spool_entry_decode(v->entries + v->entries_at, &next);
    if (there == 1 && (next.end_offset <= v->entry.end_offset || next.time_ms <= v->entry.time_ms))
        there = -EBADMSG;
    if (there <= 0) {
        v->index_ended = true;
        if (there < 0)
            damage(v, v->entry.end_offset);
        return 0;
    }
    v->entries_at += SPOOL_ENTRY_BYTES;
    v->entry_start = v->entry.end_offset;
    v->entry = next;
    v->crc = 0;
    v->sum.entries++;
    return 0;
}

/* Takes the n bytes that follow, which may belong to any number of entries. */
static int take(struct verifier *v, const char *bytes, size_t n, struct err *e)
{
    while (n > 0 && !v->index_ended) {
        uint64_t left = v->entry.end_offset - v->sum.bytes;
        size_t part = left < n ? (size_t)left : n;

        v->crc = crc32c(v->crc, bytes, part);
        v->sum.bytes += part;
        bytes += part;
        n -= part;
        if (part == left) {
            int r;
            if (v->crc != v->entry.data_crc)
                damage(v, v->entry_start);
            r = advance(v, e);
            if (r < 0)
                return r;
        }
    }
    v->sum.bytes += n;
    v->sum.unindexed_bytes += n;
    return 0;
}

static int run(struct verifier *v, struct err *e)
{
    AUTO_FREE char *chunk = malloc(LOG_CHUNK);
    char last = '\n';
    int r;

    if (chunk == NULL)
        return err_oom(e);
    r = advance(v, e);
    while (r == 0) {
        ssize_t n = pread(v->log_fd, chunk, LOG_CHUNK, (off_t)v->sum.bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, errno, BLAME_NODE, "read %s", SPOOL_LOG_NAME);
        if (n == 0)
            break;
        v->sum.lines += count_newlines(chunk, (size_t)n);
        last = chunk[n - 1];
        r = take(v, chunk, (size_t)n, e);
    }
    if (last != '\n')
        v->sum.lines++;
    /* The index speaks of bytes that are not there. */
    if (r == 0 && !v->index_ended)
        damage(v, v->entry_start);
    return r;
}

int spool_verify(int dir_fd, struct spool_summary *ret, struct err *e)
{
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    AUTO_CLOSE int log_fd = openat(dir_fd, SPOOL_LOG_NAME, flags);
    AUTO_CLOSE int idx_fd = -1;
    AUTO_FREE struct verifier *v = NULL;
    int r;

    if (log_fd < 0)
        return err_errno(e, errno, BLAME_NODE, "open %s", SPOOL_LOG_NAME);
    idx_fd = openat(dir_fd, SPOOL_IDX_NAME, flags);
    if (idx_fd < 0)
        return err_errno(e, errno, BLAME_NODE, "open %s", SPOOL_IDX_NAME);
    v = calloc(1, sizeof(*v));
    if (v == NULL)
        return err_oom(e);
    v->log_fd = log_fd;
    v->idx_fd = idx_fd;
    r = run(v, e);
    if (r == 0)
        *ret = v->sum;
    return r;
}
