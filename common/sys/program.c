/* program.c - see program.h. */
#include "sys/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include "base/strbuf.h"
#include "sys/fd.h"

#define SAID_MAX 4096

#define STATUS_NOT_THERE 127
#define STATUS_NOT_RUN   126

static _Noreturn void become(char *const argv[], int fd, int output)
{
    char *const environment[] = {(char[]){"LC_ALL=C"}, (char[]){"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, NULL};
    const int keep[] = {PROGRAM_FD};
    int lifted = fcntl(fd, F_DUPFD_CLOEXEC, 100);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    sigset_t none;

    CRASH_ROLE("program");
    CRASH_POINT("born");
    if (lifted < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(output, STDERR_FILENO) < 0 || dup2(lifted, PROGRAM_FD) < 0)
        _exit(STATUS_NOT_RUN);
    fd_close_from(STDERR_FILENO + 1, keep, 1);
    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)execve(argv[0], argv, environment);
    _exit(errno == ENOENT ? STATUS_NOT_THERE : STATUS_NOT_RUN);
}

/* Reads the program's output to its end, which is the program's. 0 or -ETIMEDOUT. */
static int hear_out(int fd, boot_ms_t until, struct strbuf *said)
{
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left = until.ms - clock_boot().ms;
        char chunk[512];
        ssize_t n;

        if (left <= 0)
            return -ETIMEDOUT;
        if (poll(&p, 1, (int)(left < 60000 ? left : 60000)) <= 0)
            continue;
        n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        (void)strbuf_add(said, chunk, (size_t)n);
    }
}

static int judge(const char *path, int wait_status, struct strbuf *said, struct err *e)
{
    if (WIFSIGNALED(wait_status))
        return err_set(e, -EIO, BLAME_NODE, "%s was ended by signal %d", path, WTERMSIG(wait_status));
    if (WEXITSTATUS(wait_status) == STATUS_NOT_THERE)
        return err_set(e, -ENOENT, BLAME_NODE, "%s is not installed", path);
    if (WEXITSTATUS(wait_status) != 0)
        return err_set(e, -EIO, BLAME_NODE, "%s failed with status %d: %.300s", path,
                       WEXITSTATUS(wait_status), strbuf_str(said));
    return 0;
}

int program_run(char *const argv[], int fd, int64_t limit_ms, struct err *e)
{
    AUTO(strbuf) struct strbuf said = STRBUF_INIT(SAID_MAX);
    AUTO_CLOSE int ours = -1;
    boot_ms_t until = {clock_boot().ms + limit_ms};
    int ends[2], wait_status = 0, r;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(e, errno, BLAME_NODE, "make a pipe for %s", argv[0]);
    ours = ends[0];
    CRASH_POINT_OF("fork-program", argv[0]);
    pid = fork();
    if (pid != 0)
        CRASH_POINT_OF("forked-program", argv[0]);
    if (pid == 0)
        become(argv, fd, ends[1]);
    (void)close(ends[1]);
    if (pid < 0)
        return err_errno(e, errno, BLAME_NODE, "fork for %s", argv[0]);
    r = hear_out(ours, until, &said);
    if (r < 0)
        (void)kill(pid, SIGKILL);
    while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
        continue;
    if (r < 0)
        return err_set(e, r, BLAME_NODE, "%s did not end in time", argv[0]);
    return judge(argv[0], wait_status, &said, e);
}
