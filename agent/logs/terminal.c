/* terminal.c - see terminal.h. */
#include "logs/terminal.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define READER_WAIT_MS 10

/* Our own descriptors may be shared with the shell and must stay blocking. A pipe or terminal that polls
 * writable takes PIPE_BUF bytes without blocking, so that much is written at a time for as long as it does. A
 * reader that is a little slower than the job is waited for briefly; one that does not read at all costs the
 * loop no more than that. */
static ssize_t put(enum spool_stream stream, const char *bytes, size_t size)
{
    struct pollfd fd = {.fd = stream == SPOOL_STDERR ? STDERR_FILENO : STDOUT_FILENO, .events = POLLOUT};
    size_t done = 0;

    while (done < size && poll(&fd, 1, READER_WAIT_MS) == 1) {
        size_t left = size - done;
        ssize_t n = write(fd.fd, bytes + done, left < PIPE_BUF ? left : PIPE_BUF);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            break;
        /* A reader that went away (head) takes no more; the run itself goes on. */
        if (n < 0)
            return (ssize_t)size;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

static ssize_t deliver(const struct spool_piece *piece, void *context)
{
    (void)context;
    return put(piece->stream, piece->bytes, piece->n);
}

/* Tag by tag and line by line; a tag is so short that a terminal takes it whole or not at all. */
static ssize_t deliver_tagged(const struct spool_piece *piece, void *context)
{
    const struct terminal_node *node = context;
    size_t done = 0;

    while (done < piece->n) {
        const char *bytes = piece->bytes + done;
        char tag[LINE_TAG_MAX];
        size_t n = line_tags_next(node->tags, piece->stream, node->rank, bytes, piece->n - done, tag);
        ssize_t put_n;
        if (tag[0] != '\0' && put(piece->stream, tag, strlen(tag)) == 0)
            break;
        node->tags->open[piece->stream == SPOOL_STDERR] = node->rank + 1;
        put_n = put(piece->stream, bytes, n);
        line_tags_done(node->tags, piece->stream, node->rank, bytes, (size_t)put_n);
        done += (size_t)put_n;
        if ((size_t)put_n < n)
            break;
    }
    return (ssize_t)done;
}

struct log_sink terminal_node_sink(struct terminal_node *node)
{
    return (struct log_sink){.deliver = deliver_tagged, .context = node};
}

struct log_sink terminal_sink(void)
{
    return (struct log_sink){.deliver = deliver};
}
