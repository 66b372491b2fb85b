/* child.c - see child.h. */
#include "io/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/strbuf.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#define WORDS_MAX 2000
/* A killed program that has not ended after this is left to whoever reaps orphans. */
#define KILL_WAIT_MS 100
#define LOOK_MS      20
#define FDS_MAX      4096

struct child {
    child_done done;
    void *context;
    pid_t pid;
    int pid_fd, out_fd, err_fd; /* owned */
    struct loop_watch *end_watch, *out_watch, *err_watch;
    struct loop_timer *budget;
    struct loop_timer *look; /* where the kernel has no descriptors of processes (before Linux 5.3) */
    bool late, too_much;
    struct strbuf out;
    size_t words_size;
    char words[WORDS_MAX + 1];
};

/* ---- in the child ---- */

static void close_rest(void)
{
    if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0) == 0)
        return;
    for (int fd = STDERR_FILENO + 1; fd < FDS_MAX; fd++)
        (void)close(fd);
}

static _Noreturn void become(const struct child_order *o, pid_t parent, int out_fd, int err_fd)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    sigset_t none;

    (void)setsid();
    if (dup2(null, STDIN_FILENO) < 0 || dup2(out_fd, STDOUT_FILENO) < 0 || dup2(err_fd, STDERR_FILENO) < 0)
        _exit(126);
    close_rest();
    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(126);
    (void)execve(o->argv[0], o->argv, o->environment);
    _exit(errno == ENOENT ? 127 : 126);
}

/* ---- in the loop's process ---- */

static void kill_all(const struct child *c)
{
    (void)kill(-c->pid, SIGKILL);
    (void)kill(c->pid, SIGKILL);
}

static void close_all(struct child *c)
{
    loop_watch_free(c->end_watch);
    loop_watch_free(c->out_watch);
    loop_watch_free(c->err_watch);
    loop_timer_free(c->budget);
    loop_timer_free(c->look);
    c->end_watch = c->out_watch = c->err_watch = NULL;
    c->budget = c->look = NULL;
    fd_close(&c->pid_fd);
    fd_close(&c->out_fd);
    fd_close(&c->err_fd);
}

void child_free(struct child *c)
{
    if (c == NULL)
        return;
    if (c->pid > 0) {
        struct pollfd p = {.fd = c->pid_fd, .events = POLLIN};
        kill_all(c);
        (void)poll(&p, 1, KILL_WAIT_MS);
        (void)waitpid(c->pid, NULL, WNOHANG);
    }
    close_all(c);
    strbuf_free(&c->out);
    free(c);
}

/* Of everything that is said the end stays, as text. */
static void remember(struct child *c, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (c->words_size == WORDS_MAX) {
            memmove(c->words, c->words + WORDS_MAX / 2, WORDS_MAX / 2);
            c->words_size = WORDS_MAX / 2;
        }
        c->words[c->words_size++] = (char)(byte == '\n' || (byte >= ' ' && byte < 0x7F) ? byte : '?');
    }
    c->words[c->words_size] = '\0';
}

/* Reads what is there. True at the end. */
static bool read_some(struct child *c, int fd, bool is_out)
{
    char chunk[16384];

    for (;;) {
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno != EAGAIN;
        if (n == 0)
            return true;
        if (!is_out) {
            remember(c, chunk, (size_t)n);
        } else if (strbuf_add(&c->out, chunk, (size_t)n) < 0 && !c->too_much) {
            c->too_much = true;
            kill_all(c);
        }
    }
}

static void out_ready(void *context)
{
    struct child *c = context;

    if (read_some(c, c->out_fd, true)) {
        loop_watch_free(c->out_watch);
        c->out_watch = NULL;
    }
}

static void err_ready(void *context)
{
    struct child *c = context;

    if (read_some(c, c->err_fd, false)) {
        loop_watch_free(c->err_watch);
        c->err_watch = NULL;
    }
}

static void time_is_over(void *context)
{
    struct child *c = context;

    c->late = true;
    kill_all(c);
}

static void ended(void *context)
{
    struct child *c = context;
    struct child_end end = {0};

    if (waitpid(c->pid, &end.wait_status, WNOHANG) != c->pid)
        return;
    c->pid = 0;
    (void)read_some(c, c->out_fd, true);
    (void)read_some(c, c->err_fd, false);
    close_all(c);
    while (c->words_size > 0 && c->words[c->words_size - 1] <= ' ')
        c->words[--c->words_size] = '\0';
    end.late = c->late;
    end.too_much = c->too_much;
    end.out = strbuf_str(&c->out);
    end.out_size = c->out.len;
    end.words = c->words;
    c->done(c->context, &end);
}

static int open_pipe(int *ret_ours, int *ret_theirs)
{
    int pair[2];

    if (pipe2(pair, O_CLOEXEC) < 0)
        return -errno;
    *ret_ours = pair[0];
    *ret_theirs = pair[1];
    return fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int watch(struct child *c, struct loop *l, int64_t budget_ms)
{
    c->pid_fd = (int)syscall(SYS_pidfd_open, c->pid, 0);
    if (c->pid_fd >= 0) {
        c->end_watch = loop_watch_new(l, c->pid_fd, ended, c);
    } else if (errno == ENOSYS) {
        c->look = loop_timer_new(l, ended, c);
        if (c->look != NULL)
            loop_timer_start(c->look, LOOK_MS, LOOK_MS);
    } else {
        return -errno;
    }
    c->out_watch = loop_watch_new(l, c->out_fd, out_ready, c);
    c->err_watch = loop_watch_new(l, c->err_fd, err_ready, c);
    c->budget = loop_timer_new(l, time_is_over, c);
    if ((c->end_watch == NULL && c->look == NULL) || c->out_watch == NULL || c->err_watch == NULL ||
        c->budget == NULL)
        return -ENOMEM;
    loop_timer_start(c->budget, (uint64_t)budget_ms, 0);
    return 0;
}

struct child *child_start(struct loop *l, const struct child_order *order, child_done done, void *context,
                          struct err *e)
{
    struct child *c = calloc(1, sizeof(*c));
    AUTO_CLOSE int out = -1;
    AUTO_CLOSE int err = -1;
    pid_t self = getpid();
    int r;

    if (c == NULL) {
        (void)err_oom(e);
        return NULL;
    }
    *c = (struct child){.done = done,
                        .context = context,
                        .pid_fd = -1,
                        .out_fd = -1,
                        .err_fd = -1,
                        .out = STRBUF_INIT(order->out_max + 1)};
    r = open_pipe(&c->out_fd, &out);
    if (r == 0)
        r = open_pipe(&c->err_fd, &err);
    if (r == 0) {
        c->pid = fork();
        r = c->pid < 0 ? -errno : 0;
    }
    if (r == 0 && c->pid == 0)
        become(order, self, out, err);
    if (r == 0)
        r = watch(c, l, order->budget_ms);
    if (r < 0) {
        (void)err_errno(e, -r, BLAME_NODE, "start %s", order->argv[0]);
        child_free(c);
        return NULL;
    }
    return c;
}
