/* terminal.c - see terminal.h. */
#include "logs/terminal.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#define READER_WAIT_MS 10

/* Our own descriptors may be shared with the shell and must stay blocking. A pipe or terminal that polls
 * writable takes PIPE_BUF bytes without blocking, so that much is written at a time for as long as it does. A
 * reader that is a little slower than the job is waited for briefly; one that does not read at all costs the
 * loop no more than that. */
static ssize_t deliver(const struct spool_piece *piece, void *context)
{
    struct pollfd fd = {.fd = piece->stream == SPOOL_STDERR ? STDERR_FILENO : STDOUT_FILENO,
                        .events = POLLOUT};
    size_t done = 0;

    (void)context;
    while (done < piece->n && poll(&fd, 1, READER_WAIT_MS) == 1) {
        size_t left = piece->n - done;
        ssize_t n = write(fd.fd, piece->bytes + done, left < PIPE_BUF ? left : PIPE_BUF);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            break;
        /* A reader that went away (head) takes no more; the run itself goes on. */
        if (n < 0)
            return (ssize_t)piece->n;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

struct log_sink terminal_sink(void)
{
    return (struct log_sink){.deliver = deliver};
}
