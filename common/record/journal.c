/* journal.c - see journal.h. */
#include "record/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "base/limits.h"
#include "record/files.h"

/* ---- reading ---- */

/* The line was damaged, as opposed to a failure to read it. */
static bool unreadable(int r)
{
    return r == -EBADMSG || r == -E2BIG;
}

/* Where the last of the n bytes' lines starts; a trailing newline belongs to its line. */
static size_t last_line(const char *text, size_t n)
{
    const char *newline = n > 0 ? memrchr(text, '\n', n - 1) : NULL;
    return newline != NULL ? (size_t)(newline - text) + 1 : 0;
}

size_t journal_whole(const char *text, size_t n)
{
    AUTO(fact) struct fact fact = {0};
    struct err ignored = ERR_INIT;
    size_t start = last_line(text, n);

    if (n > 0 && text[n - 1] == '\n' && !unreadable(fact_decode(text + start, n - start, &fact, &ignored)))
        return n;
    return start;
}

int journal_scan(const char *name, const char *text, size_t n, journal_visit visit, void *context,
                 struct err *e)
{
    size_t end = journal_whole(text, n);
    size_t number = 0;

    for (size_t at = 0; at < end;) {
        AUTO(fact) struct fact fact = {0};
        const char *newline = memchr(text + at, '\n', end - at);
        size_t len = (size_t)(newline - (text + at)) + 1;
        int r = fact_decode(text + at, len, &fact, e);

        number++;
        if (unreadable(r))
            return err_set(e, -EBADMSG, BLAME_NODE, "journal %s: line %zu is damaged and is not the last",
                           name, number);
        if (r == 0)
            r = visit(&fact, context);
        if (r != 0)
            return r;
        at += len;
    }
    return 0;
}

int journal_read(int dir_fd, const char *name, journal_visit visit, void *context, struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(JOURNAL_BYTES_MAX);
    int r = load_file(dir_fd, name, &text, e);

    return r < 0 ? r : journal_scan(name, strbuf_str(&text), text.len, visit, context, e);
}

/* ---- writing ---- */

/* Opens the file, making it when there is none. */
static int open_or_create(int dir_fd, const char *name, unsigned mode, int *ret_fd, struct err *e)
{
    const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    AUTO_CLOSE int fd = openat(dir_fd, name, flags);

    if (fd < 0 && errno == ENOENT) {
        fd = openat(dir_fd, name, flags | O_CREAT | O_EXCL, (mode_t)mode);
        CRASH_POINT_OF("journal-made", name);
        if (fd >= 0 && fsync(dir_fd) < 0)
            return err_errno(e, errno, BLAME_NODE, "sync the directory of journal %s", name);
    }
    if (fd < 0)
        return err_errno(e, errno, BLAME_NODE, "open journal %s", name);
    *ret_fd = take_fd(&fd);
    return 0;
}

/* A line torn by a crash would join with the next fact and spoil it. */
static int cut_torn_line(int fd, const char *name, uint64_t *ret_size, struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(JOURNAL_BYTES_MAX);
    size_t whole;
    int r = load_fd(fd, name, &text, e);

    if (r < 0)
        return r;
    whole = journal_whole(strbuf_str(&text), text.len);
    if (whole < text.len && ftruncate(fd, (off_t)whole) < 0)
        return err_errno(e, errno, BLAME_NODE, "cut the torn line off journal %s", name);
    *ret_size = whole;
    return 0;
}

int journal_open(int dir_fd, const char *name, unsigned mode, struct journal *j, struct err *e)
{
    AUTO_CLOSE int fd = -1;
    int r;

    *j = (struct journal){.fd = -1, .line = STRBUF_INIT(FACT_LINE_MAX)};
    r = open_or_create(dir_fd, name, mode, &fd, e);
    if (r == 0)
        r = cut_torn_line(fd, name, &j->size, e);
    if (r < 0)
        return r;
    j->fd = take_fd(&fd);
    return 0;
}

void journal_close(struct journal *j)
{
    fd_close(&j->fd);
    strbuf_free(&j->line);
}

struct fact_writer *journal_begin(struct journal *j, wall_ms_t now, const char *event)
{
    char when[RFC3339_MAX];

    wall_format(now, when);
    strbuf_reset(&j->line);
    j->writer = fact_begin(&j->line);
    fact_put_string(&j->writer, "t", when);
    fact_put_string(&j->writer, "event", event);
    return &j->writer;
}

int journal_commit(struct journal *j, bool durable, struct err *e)
{
    int r = fact_end(&j->writer);

    if (r < 0)
        return err_set(e, r, BLAME_BUG, "a fact for the journal could not be built");
    /* A reader refuses what is longer. */
    if (j->size + j->line.len > JOURNAL_BYTES_MAX)
        return err_set(e, -E2BIG, BLAME_NODE, "the journal is full");
    CRASH_POINT_OF("journal-write", j->line.data);
    r = write_at(j->fd, j->line.data, j->line.len, j->size);
    CRASH_POINT_OF("journal-written", j->line.data);
    if (r == 0 && durable && fdatasync(j->fd) < 0)
        r = -errno;
    if (r == 0) {
        if (durable)
            CRASH_POINT_OF("journal-synced", j->line.data);
        j->size += j->line.len;
        return 0;
    }
    (void)err_errno(e, -r, BLAME_NODE, "write the journal");
    if (ftruncate(j->fd, (off_t)j->size) < 0)
        return err_context(e, "the journal keeps half a fact");
    return r;
}
