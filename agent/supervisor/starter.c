/* starter.c - see starter.h. */
#include "supervisor/starter.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "supervisor/supervise.h"
#include "sys/packet.h"

int starter_serve(const struct policy *policy, int starter_fd)
{
    /* Supervisors are on their own: nobody waits for them, so the kernel reaps them. */
    (void)signal(SIGCHLD, SIG_IGN);
    for (;;) {
        char word[16];
        int fds[1];
        size_t count = 0;
        AUTO_CLOSE int connection = -1;
        ssize_t n = packet_receive(starter_fd, word, sizeof(word), fds, 1, &count);
        pid_t pid;

        if (n == 0 || n == -ECONNRESET)
            return 0;
        if (n < 0) {
            log_warning("receive a connection: %s", strerror((int)-n));
            continue;
        }
        if (count != 1)
            continue;
        connection = fds[0];
        CRASH_POINT("fork-supervisor");
        pid = fork();
        if (pid < 0)
            log_error("fork a supervisor: %s", strerror(errno));
        if (pid != 0)
            CRASH_POINT("forked-supervisor");
        if (pid == 0) {
            CRASH_ROLE("supervisor");
            CRASH_POINT("born");
            (void)signal(SIGCHLD, SIG_DFL);
            (void)close(starter_fd);
            (void)setsid();
            return supervise(policy, take_fd(&connection));
        }
    }
}
