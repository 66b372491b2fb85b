/* main.c - runlet-supervisor: the privileged program that stands beside one run. See docs/ARCHITECTURE.md. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "supervisor/policy.h"
#include "supervisor/starter.h"
#include "supervisor/supervise.h"

#define SUPERVISOR_OOM_SCORE "-900"

#if defined(__SANITIZE_ADDRESS__)
/* The leak checker stops threads with ptrace, which pid 1 of a fresh namespace cannot do. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
#endif

/* When memory runs out, the job goes and the one who reports its end stays. Without the right to say so (a container)
 * it stays as it is; init inherits it, and the job's own process takes it back. */
static void become_important(void)
{
    AUTO_CLOSE int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd >= 0)
        (void)!write(fd, SUPERVISOR_OOM_SCORE, sizeof(SUPERVISOR_OOM_SCORE) - 1);
}

int main(int argc, char **argv)
{
    struct policy policy;
    struct service_fds fds;
    struct err e = ERR_INIT;

    log_open("runlet-supervisor", LOG_LEVEL_INFO);
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return write(STDOUT_FILENO, "runlet-supervisor " RUNLET_VERSION "\n",
                     sizeof("runlet-supervisor " RUNLET_VERSION "\n") - 1) > 0
                   ? 0
                   : 1;
    if (policy_from_arguments(argc, argv, &policy, &fds, &e) < 0) {
        log_error("%s", e.text);
        return 2;
    }
    CRASH_ROLE(fds.starter >= 0 ? "starter" : "supervisor");
    CRASH_POINT("main");
    (void)umask(0022);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)setsid();
    become_important();
    if (fds.starter >= 0)
        return starter_serve(&policy, fds.starter);
    return supervise(&policy, fds.connection);
}
