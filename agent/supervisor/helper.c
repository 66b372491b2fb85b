/* helper.c - see helper.h. */
#include "supervisor/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "sys/fd.h"

/* Descriptors are moved here first, out of the way of the numbers that the program expects. */
#define LIFTED_FROM 100

/* What the child says when it could not become the program. */
struct failed_start {
    int error; /* positive */
    char what[60];
};

/* ---- in the child ---- */

static _Noreturn void give_up(int start_fd, int error, const char *what)
{
    struct failed_start f = {.error = error};

    (void)snprintf(f.what, sizeof(f.what), "%s", what);
    (void)!write(start_fd, &f, sizeof(f));
    _exit(1);
}

/* Gives each descriptor its number and closes all others but the one that tells of a failure. */
static void arrange(const struct helper_order *o, int said_fd, int start_fd)
{
    int lifted[HELPER_FDS_MAX], keep[HELPER_FDS_MAX + 1];
    int said = fcntl(said_fd, F_DUPFD_CLOEXEC, LIFTED_FROM);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    size_t kept = 0;

    for (size_t i = 0; i < o->fd_count; i++) {
        lifted[i] = fcntl(o->fds[i].fd, F_DUPFD_CLOEXEC, LIFTED_FROM);
        if (lifted[i] < 0)
            give_up(start_fd, errno, "arrange the descriptors");
    }
    if (said < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(said, STDOUT_FILENO) < 0 ||
        dup2(said, STDERR_FILENO) < 0)
        give_up(start_fd, errno, "arrange the standard descriptors");
    for (size_t i = 0; i < o->fd_count; i++) {
        if (dup2(lifted[i], o->fds[i].as) < 0)
            give_up(start_fd, errno, "arrange the descriptors");
        if (o->fds[i].as > STDERR_FILENO)
            keep[kept++] = o->fds[i].as;
    }
    keep[kept++] = start_fd;
    fd_close_from(STDERR_FILENO + 1, keep, kept);
}

/* As a program expects to be started, and no more precious than any other when memory runs out. */
static void be_ordinary(void)
{
    AUTO_CLOSE int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    sigset_t none;

    if (fd >= 0)
        (void)!write(fd, "0", 1);
    (void)!chdir("/");
    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void become(const struct helper_order *o, pid_t parent, int said_fd, int start_fd)
{
    char *const plain[] = {(char[]){"LC_ALL=C.UTF-8"}, (char[]){"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
                           crash_environment(), NULL};
    struct err e = ERR_INIT;
    int start = fcntl(start_fd, F_DUPFD_CLOEXEC, LIFTED_FROM + HELPER_FDS_MAX + 1);
    int r;

    if (start < 0)
        _exit(1);
    (void)setsid();
    /* Joined before it is anything else: nothing of it is ever outside. */
    r = o->group != NULL ? run_group_join(o->group) : 0;
    if (r < 0)
        give_up(start, -r, "join the control group of helpers");
    arrange(o, said_fd, start);
    be_ordinary();
    if (capabilities_become(o->user, o->capabilities, &e) < 0)
        give_up(start, -e.code, "give up privileges");
    /* It ends with us. After the change of user, which takes that back. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        give_up(start, ECHILD, "end with the supervisor");
    CRASH_POINT("execute");
    (void)execve(o->path, o->argv, o->environment != NULL ? o->environment : plain);
    give_up(start, errno, "");
}

/* ---- in the supervisor ---- */

int helper_start(const struct helper_order *order, boot_ms_t now, struct helper *ret, struct err *e)
{
    struct helper h = HELPER_INIT;
    const char *slash = strrchr(order->path, '/');
    AUTO_CLOSE int said_write = -1;
    AUTO_CLOSE int start_write = -1;
    int said[2], start[2];
    pid_t self = getpid();

    (void)snprintf(h.name, sizeof(h.name), "%s", slash != NULL ? slash + 1 : order->path);
    if (order->fd_count > HELPER_FDS_MAX)
        return err_set(e, -E2BIG, BLAME_BUG, "%s cannot have %zu descriptors", h.name, order->fd_count);
    if (pipe2(said, O_CLOEXEC) < 0)
        return err_errno(e, errno, BLAME_NODE, "make a pipe for %s", h.name);
    h.said_fd = said[0];
    said_write = said[1];
    if (pipe2(start, O_CLOEXEC) < 0) {
        int saved = errno;
        helper_close(&h);
        return err_errno(e, saved, BLAME_NODE, "make a pipe for %s", h.name);
    }
    h.start_fd = start[0];
    start_write = start[1];
    (void)fd_set_nonblocking(h.said_fd, true);
    (void)fd_set_nonblocking(h.start_fd, true);
    CRASH_POINT("fork-helper");
    h.pid = fork();
    if (h.pid < 0) {
        int saved = errno;
        helper_close(&h);
        return err_errno(e, saved, BLAME_NODE, "fork for %s", h.name);
    }
    if (h.pid == 0) {
        CRASH_ROLE("helper");
        CRASH_POINT("born");
        become(order, self, said_write, start_write);
    }
    CRASH_POINT("forked-helper");
    h.state = HELPER_RUNNING;
    h.until = (boot_ms_t){now.ms + order->budget_ms};
    *ret = h;
    return 0;
}

bool helper_is_active(const struct helper *h)
{
    return h->state == HELPER_RUNNING || h->state == HELPER_KILLED;
}

/* Of everything that was said, the end stays. */
static void remember(struct helper *h, const char *bytes, size_t n)
{
    size_t kept;

    if (n > sizeof(h->words)) {
        bytes += n - sizeof(h->words);
        n = sizeof(h->words);
    }
    kept = h->words_size < sizeof(h->words) - n ? h->words_size : sizeof(h->words) - n;
    memmove(h->words, h->words + h->words_size - kept, kept);
    memcpy(h->words + kept, bytes, n);
    h->words_size = kept + n;
}

/* A helper that writes without end does not keep the caller from its loop: poll says so again. */
void helper_read(struct helper *h)
{
    char chunk[4096];

    for (int i = 0; h->said_fd >= 0 && i < 16; i++) {
        ssize_t n = read(h->said_fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0)
            fd_close(&h->said_fd);
        else
            remember(h, chunk, (size_t)n);
    }
}

bool helper_reap(struct helper *h)
{
    siginfo_t info = {.si_pid = 0};

    if (!helper_is_active(h) || waitid(P_PID, (id_t)h->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
        info.si_pid != h->pid)
        return false;
    /* What it started may live on in its session, and nobody has a use for it. Until it is reaped the number is its. */
    (void)kill(-h->pid, SIGKILL);
    (void)waitpid(h->pid, &h->wait_status, 0);
    h->state = HELPER_ENDED;
    helper_read(h);
    fd_close(&h->said_fd);
    return true;
}

void helper_kill(struct helper *h, boot_ms_t now)
{
    if (h->state != HELPER_RUNNING)
        return;
    /* Its session as well, where it has one by now. */
    (void)kill(-h->pid, SIGKILL);
    (void)kill(h->pid, SIGKILL);
    h->state = HELPER_KILLED;
    h->until = (boot_ms_t){now.ms + HELPER_ABANDON_MS};
}

int64_t helper_due(struct helper *h, boot_ms_t now)
{
    if (h->state == HELPER_RUNNING && now.ms >= h->until.ms) {
        helper_kill(h, now);
        h->late = true;
    }
    if (h->state == HELPER_KILLED && now.ms >= h->until.ms) {
        h->state = HELPER_ABANDONED;
        fd_close(&h->said_fd);
    }
    return helper_is_active(h) ? h->until.ms : INT64_MAX;
}

/* Whether, and with what, the start failed. */
static bool start_failed(const struct helper *h, struct failed_start *ret)
{
    bool failed = h->start_fd >= 0 && read(h->start_fd, ret, sizeof(*ret)) == (ssize_t)sizeof(*ret);

    ret->what[sizeof(ret->what) - 1] = '\0';
    return failed;
}

int helper_result(const struct helper *h, struct err *e)
{
    struct failed_start start = {0};
    char words[HELPER_ERROR_WORDS_MAX];

    if (start_failed(h, &start)) {
        if (start.what[0] != '\0')
            return err_errno(e, start.error, BLAME_NODE, "start %s: %s", h->name, start.what);
        if (start.error == ENOENT)
            return err_set(e, -ENOENT, BLAME_NODE, "%s is not installed", h->name);
        return err_errno(e, start.error, BLAME_NODE, "execute %s", h->name);
    }
    helper_last_words(h, words, sizeof(words));
    if (h->state == HELPER_ABANDONED)
        return err_set(e, -ETIMEDOUT, BLAME_NODE, "%s (pid %d) does not end, not even by SIGKILL%s%s",
                       h->name, (int)h->pid, words[0] != '\0' ? ": " : "", words);
    if (h->late && WIFSIGNALED(h->wait_status))
        return err_set(e, -ETIMEDOUT, BLAME_NODE, "%s did not end in time%s%s", h->name,
                       words[0] != '\0' ? ": " : "", words);
    if (WIFSIGNALED(h->wait_status))
        return err_set(e, -EINTR, BLAME_NODE, "%s was ended by signal %d%s%s", h->name,
                       WTERMSIG(h->wait_status), words[0] != '\0' ? ": " : "", words);
    if (WEXITSTATUS(h->wait_status) != 0)
        return err_set(e, -EIO, BLAME_NODE, "%s failed with status %d%s%s", h->name,
                       WEXITSTATUS(h->wait_status), words[0] != '\0' ? ": " : "", words);
    return 0;
}

/* What the words from `from` on take, where a newline becomes two. */
static size_t shown_size(const struct helper *h, size_t from, size_t to)
{
    size_t n = to - from;

    for (; from < to; from++)
        n += h->words[from] == '\n';
    return n;
}

void helper_last_words(const struct helper *h, char *ret, size_t size)
{
    size_t from = 0, to = h->words_size, n = 0;
    bool cut = h->words_size == sizeof(h->words);

    while (to > 0 && strchr(" \t\r\n", h->words[to - 1]) != NULL)
        to--;
    /* Where the beginning is missing, the rest begins with a whole line, if it has one. */
    while (cut || shown_size(h, from, to) + 2 > size) {
        const char *newline = memchr(h->words + from, '\n', to - from);
        if (newline == NULL)
            break;
        from = (size_t)(newline - h->words) + 1;
        cut = false;
    }
    for (; from < to && n + 3 <= size; from++) {
        char c = h->words[from];
        if (c == '\n')
            ret[n++] = ';';
        ret[n++] = (char)(c == '\n' ? ' ' : c >= 0x20 && c < 0x7F ? c : '?');
    }
    ret[n] = '\0';
}

void helper_close(struct helper *h)
{
    fd_close(&h->said_fd);
    fd_close(&h->start_fd);
}
