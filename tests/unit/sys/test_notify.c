/* test_notify.c - the socket that a service manager hands over, and what is not one. */
#include "sys/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_all.h"

enum handed { HANDED_LISTENER, HANDED_PLAIN_SOCKET, HANDED_FILE };

/* What manager_socket() answers, in a process that has exactly that as its descriptor 3. */
static int answer(enum handed handed, const char *count, bool for_me)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        char me[16];
        int fd = handed == HANDED_FILE ? open("/dev/null", O_RDWR) : socket(AF_UNIX, SOCK_STREAM, 0);

        if (handed == HANDED_LISTENER && listen(fd, 1) < 0) {
            const struct sockaddr autobind = {.sa_family = AF_UNIX};
            if (bind(fd, &autobind, sizeof(autobind.sa_family)) < 0 || listen(fd, 1) < 0)
                _exit(1);
        }
        if (fd != 3 && dup2(fd, 3) < 0)
            _exit(1);
        (void)snprintf(me, sizeof(me), "%d", (int)(for_me ? getpid() : getppid()));
        (void)setenv("LISTEN_PID", me, 1);
        (void)setenv("LISTEN_FDS", count, 1);
        fd = manager_socket();
        if (fd == 3)
            _exit((fcntl(3, F_GETFD) & FD_CLOEXEC) != 0 && (fcntl(3, F_GETFL) & O_NONBLOCK) != 0 ? 100 : 1);
        _exit(-fd);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void only_one_listening_socket_is_taken(void **state)
{
    (void)state;
    assert_int_equal(answer(HANDED_LISTENER, "1", true), 100);
    assert_int_equal(answer(HANDED_LISTENER, "1", false), ENOENT);
    assert_int_equal(answer(HANDED_LISTENER, "2", true), EINVAL);
    assert_int_equal(answer(HANDED_LISTENER, "0", true), EINVAL);
    assert_int_equal(answer(HANDED_LISTENER, "x", true), EINVAL);
    assert_int_equal(answer(HANDED_PLAIN_SOCKET, "1", true), EINVAL);
    assert_int_equal(answer(HANDED_FILE, "1", true), EINVAL);
}

static void without_a_manager_there_is_none(void **state)
{
    (void)state;
    (void)unsetenv("LISTEN_PID");
    assert_int_equal(manager_socket(), -ENOENT);
    (void)unsetenv("NOTIFY_SOCKET");
    assert_int_equal(notify_manager("READY=1"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_one_listening_socket_is_taken),
                                       cmocka_unit_test(without_a_manager_there_is_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
