/* spool_read.c - the reader of a spool: follows it from any offset, with or without a writer. See spool.h. */
#include "record/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"

/* The entry at idx_pos: 1; 0 when it is not there (yet); negative on error. */
static int entry_at(const struct spool_reader *r, uint64_t idx_pos, struct spool_entry *ret, struct err *e)
{
    unsigned char disk[SPOOL_ENTRY_BYTES];
    ssize_t n = pread(r->idx_fd, disk, sizeof(disk), (off_t)idx_pos);
    int result;

    if (n < 0)
        return err_errno(e, errno, BLAME_NODE, "read %s", SPOOL_IDX_NAME);
    if (n < SPOOL_ENTRY_BYTES)
        return 0;
    result = spool_entry_decode(disk, ret);
    if (result < 0)
        return err_set(e, result, BLAME_NODE, "%s: the entry at byte %llu is damaged", SPOOL_IDX_NAME,
                       (unsigned long long)idx_pos);
    return result;
}

/* Number of the first entry that ends after the offset; ends only grow, so halving finds it. What is no entry
 * counts as one that ends later: whoever reads on meets the damage, or the end, in its place. */
static int find_entry(const struct spool_reader *r, uint64_t offset, uint64_t *ret, struct err *e)
{
    uint64_t low = 0, high;
    struct stat st;

    if (fstat(r->idx_fd, &st) < 0)
        return err_errno(e, errno, BLAME_NODE, "stat %s", SPOOL_IDX_NAME);
    high = (uint64_t)st.st_size / SPOOL_ENTRY_BYTES;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        struct spool_entry entry = {0};
        int there = entry_at(r, middle * SPOOL_ENTRY_BYTES, &entry, e);
        if (there < 0 && there != -EBADMSG)
            return there;
        if (there == 1 && entry.end_offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    *ret = low;
    return 0;
}

/* Goes to the first entry that ends after the offset, remembering the one before for the order. */
static int position(struct spool_reader *r, uint64_t offset, struct err *e)
{
    uint64_t number = 0;
    int result = find_entry(r, offset, &number, e);

    if (result < 0)
        return result;
    r->offset = offset;
    r->idx_pos = number * SPOOL_ENTRY_BYTES;
    if (number > 0) {
        struct spool_entry before = {0};
        result = entry_at(r, r->idx_pos - SPOOL_ENTRY_BYTES, &before, e);
        if (result < 0)
            return result;
        if (result == 1) {
            r->entry_end = before.end_offset;
            r->entry_time = before.time_ms;
        }
    }
    return 0;
}

static int open_file(int dir_fd, const char *name, int *ret_fd, struct err *e)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return err_errno(e, errno, BLAME_NODE, "open %s", name);
    *ret_fd = fd;
    return 0;
}

int spool_open(int dir_fd, uint64_t offset, struct spool_reader *r, struct err *e)
{
    struct spool_reader opened = SPOOL_READER_INIT;
    int result;

    if (offset > INT64_MAX)
        return err_set(e, -EINVAL, BLAME_BUG, "no output has an offset of %llu", (unsigned long long)offset);
    result = open_file(dir_fd, SPOOL_LOG_NAME, &opened.log_fd, e);
    if (result == 0)
        result = open_file(dir_fd, SPOOL_IDX_NAME, &opened.idx_fd, e);
    if (result == 0)
        result = position(&opened, offset, e);
    if (result < 0) {
        spool_reader_close(&opened);
        return result;
    }
    *r = opened;
    return 0;
}

void spool_reader_close(struct spool_reader *r)
{
    fd_close(&r->log_fd);
    fd_close(&r->idx_fd);
}

/* Reads entries until one ends after the reader's offset: 1; 0 when there is none (yet). */
static int next_entry(struct spool_reader *r, struct err *e)
{
    while (r->entry_end <= r->offset) {
        struct spool_entry entry = {0};
        int there = entry_at(r, r->idx_pos, &entry, e);
        if (there <= 0)
            return there;
        if (entry.end_offset <= r->entry_end || entry.time_ms <= r->entry_time)
            return err_set(e, -EBADMSG, BLAME_NODE, "%s: the entry at byte %llu is out of order",
                           SPOOL_IDX_NAME, (unsigned long long)r->idx_pos);
        r->idx_pos += SPOOL_ENTRY_BYTES;
        r->entry_end = entry.end_offset;
        r->entry_time = entry.time_ms;
        r->entry_stream = entry.stream;
    }
    return 1;
}

/* Reads up to size bytes at the reader's offset and steps over them: their number, or negative on error. */
static ssize_t take_bytes(struct spool_reader *r, char *buf, size_t size, struct err *e)
{
    ssize_t n;

    do {
        n = pread(r->log_fd, buf, size, (off_t)r->offset);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_errno(e, errno, BLAME_NODE, "read %s", SPOOL_LOG_NAME);
    r->offset += (uint64_t)n;
    return n;
}

/* The bytes after the last entry: nobody said which stream they came on, nor when. */
static int read_tail(struct spool_reader *r, char *buf, size_t buf_size, struct spool_piece *piece,
                     struct err *e)
{
    uint64_t start = r->offset;
    ssize_t n = take_bytes(r, buf, buf_size, e);

    if (n <= 0)
        return (int)n;
    *piece = (struct spool_piece){
        .bytes = buf,
        .n = (size_t)n,
        .stream = SPOOL_STREAM_UNKNOWN,
        .time = {(int64_t)r->entry_time + 1},
        .offset = start,
    };
    return 1;
}

int spool_read(struct spool_reader *r, bool final, char *buf, size_t buf_size, struct spool_piece *piece,
               struct err *e)
{
    uint64_t start = r->offset;
    ssize_t n;
    int there = next_entry(r, e);

    if (there < 0)
        return there;
    if (there == 0)
        return final ? read_tail(r, buf, buf_size, piece, e) : 0;
    if (buf_size > r->entry_end - start)
        buf_size = (size_t)(r->entry_end - start);
    n = take_bytes(r, buf, buf_size, e);
    if (n < 0)
        return (int)n;
    if (n == 0)
        return err_set(e, -EBADMSG, BLAME_NODE, "%s ends at %llu, before its index does (%llu)",
                       SPOOL_LOG_NAME, (unsigned long long)start, (unsigned long long)r->entry_end);
    *piece = (struct spool_piece){
        .bytes = buf,
        .n = (size_t)n,
        .stream = (enum spool_stream)r->entry_stream,
        .time = {(int64_t)r->entry_time},
        .offset = start,
    };
    return 1;
}
