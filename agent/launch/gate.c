/* gate.c - see gate.h. */
#include "launch/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "sys/fd.h"
#include "sys/packet.h"

#define STARTER_FD 3

/* It outlives whoever called, and so do its supervisors: they must not keep the caller's pipes open. */
static int let_go(bool silent)
{
    AUTO_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
        return -errno;
    return silent && dup2(null, STDERR_FILENO) < 0 ? -errno : 0;
}

static _Noreturn void become_starter(const char *supervisor, int fd, const struct strlist *argv, bool silent)
{
    int lifted = fd == STARTER_FD ? fd : dup2(fd, STARTER_FD);
    sigset_t none;

    CRASH_ROLE("starter");
    CRASH_POINT("born");
    if (lifted < 0 || let_go(silent) < 0 || fd_set_cloexec(STARTER_FD, false) < 0)
        _exit(126);
    fd_close_from(STARTER_FD + 1, NULL, 0);
    /* The caller's state is its own to tell; a supervisor would speak of a run in its place. */
    (void)unsetenv("NOTIFY_SOCKET");
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)execv(supervisor, argv->item);
    _exit(errno == ENOENT ? 127 : 126);
}

int gate_open_starter(const char *supervisor, const struct strlist *policy_options, bool silent,
                      struct gate *ret, struct err *e)
{
    AUTO(strlist) struct strlist argv = {0};
    AUTO_CLOSE int ours = -1;
    AUTO_CLOSE int theirs = -1;
    int pair[2];
    pid_t pid;
    int r = packet_pair(pair);

    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "make the starter's socket");
    ours = pair[0];
    theirs = pair[1];
    if (access(supervisor, X_OK) < 0)
        return err_errno(e, errno, BLAME_NODE, "find %s", supervisor);
    if (strlist_add(&argv, supervisor) < 0 || strlist_add(&argv, "--starter-fd") < 0 ||
        strlist_add(&argv, "3") < 0 || strlist_addall(&argv, policy_options) < 0)
        return err_oom(e);
    CRASH_POINT("fork-starter");
    pid = fork();
    if (pid < 0)
        return err_errno(e, errno, BLAME_NODE, "fork the starter");
    if (pid == 0)
        become_starter(supervisor, theirs, &argv, silent);
    CRASH_POINT("forked-starter");
    *ret = (struct gate){.starter_fd = take_fd(&ours), .starter_pid = pid};
    return 0;
}

int gate_connect(const struct gate *g, struct err *e)
{
    AUTO_CLOSE int ours = -1;
    AUTO_CLOSE int theirs = -1;
    int pair[2];
    int r;

    if (g->starter_fd < 0) {
        r = packet_connect(g->socket_path);
        return r < 0 ? err_errno(e, -r, BLAME_NODE, "connect to %s", g->socket_path) : r;
    }
    r = packet_pair(pair);
    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "make a connection");
    ours = pair[0];
    theirs = pair[1];
    r = packet_send(g->starter_fd, "connect", 7, &theirs, 1);
    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "reach the process that starts supervisors");
    return take_fd(&ours);
}

void gate_close(struct gate *g)
{
    fd_close(&g->starter_fd);
}
