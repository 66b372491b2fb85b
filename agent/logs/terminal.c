/* terminal.c - see terminal.h. */
#include "logs/terminal.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

/* Our own descriptors may be shared with the shell and must stay blocking. A pipe or terminal that polls
 * writable takes PIPE_BUF bytes without blocking. */
static ssize_t deliver(const struct spool_piece *piece, void *context)
{
    struct pollfd fd = {.fd = piece->stream == SPOOL_STDERR ? STDERR_FILENO : STDOUT_FILENO,
                        .events = POLLOUT};
    size_t want = piece->n < PIPE_BUF ? piece->n : PIPE_BUF;
    ssize_t n;

    (void)context;
    if (poll(&fd, 1, 0) < 1)
        return 0;
    n = write(fd.fd, piece->bytes, want);
    if (n >= 0)
        return n;
    /* A reader that went away (head) takes no more; the run itself goes on. */
    return errno == EINTR || errno == EAGAIN ? 0 : (ssize_t)piece->n;
}

struct log_sink terminal_sink(void)
{
    return (struct log_sink){.deliver = deliver};
}
