/* terminal.c - see terminal.h. */
#include "logs/terminal.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "sys/fd.h"

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

/* Whether the complete line, if there is one, has gone out whole. */
static bool send_line(struct terminal_node *node, int i, enum spool_stream stream)
{
    struct tagged_line *line = &node->stream[i].line;
    size_t *sent = &node->stream[i].sent;

    if (!line->complete)
        return true;
    *sent += (size_t)put(stream, line->text + *sent, line->used - *sent);
    if (*sent < line->used)
        return false;
    *sent = 0;
    tagged_line_reset(line);
    return true;
}

static ssize_t deliver_tagged(const struct spool_piece *piece, void *context)
{
    struct terminal_node *node = context;
    int i = piece->stream == SPOOL_STDERR;
    size_t done = 0;

    while (send_line(node, i, piece->stream) && done < piece->n)
        done += tagged_line_take(&node->stream[i].line, node->rank, piece->bytes + done, piece->n - done);
    return (ssize_t)done;
}

void terminal_node_end(struct terminal_node *node)
{
    static const int FDS[] = {STDOUT_FILENO, STDERR_FILENO};

    for (int i = 0; i < 2; i++) {
        struct tagged_line *line = &node->stream[i].line;
        tagged_line_end(line);
        (void)fd_write_all(FDS[i], line->text + node->stream[i].sent, line->used - node->stream[i].sent);
        node->stream[i].sent = 0;
        tagged_line_reset(line);
    }
}

struct log_sink terminal_node_sink(struct terminal_node *node)
{
    return (struct log_sink){.deliver = deliver_tagged, .context = node};
}

struct log_sink terminal_sink(void)
{
    return (struct log_sink){.deliver = deliver};
}
