/* test_privilege.c - what the supervisor gives up is gone, and what it needs still works. */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "supervisor/privilege.h"
#include "sys/fd.h"
#include "sys/process_status.h"

enum { DID = 0, DENIED = 1, NOT_SHED = 99 };

/* Sheds in a process of its own, which then does something: DID, DENIED, or the signal that ended it as a negative
 * number. */
static int after_shedding(bool (*act)(void))
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        struct containment_list list = {0};
        struct err e = ERR_INIT;
        (void)signal(SIGSYS, SIG_DFL); /* the test's framework catches it */
        if (privilege_shed(false, &list, &e) < 0) {
            (void)fprintf(stderr, "%s\n", e.text);
            _exit(NOT_SHED);
        }
        errno = 0;
        _exit(act() ? DID : DENIED);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static bool executes(void)
{
    char *const argv[] = {(char[]){"true"}, NULL};

    (void)execv("/bin/true", argv);
    return false;
}

static bool mounts(void)
{
    return mount("none", "/mnt", "tmpfs", 0, NULL) == 0;
}

/* A child of its own kind is fine, one in a namespace of its own is not. */
static bool forks(void)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0)
        _exit(7);
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7;
}

static bool makes_a_namespace(void)
{
    long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

    if (pid == 0)
        _exit(0);
    return pid > 0;
}

static bool opens_the_network(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool becomes_another(void)
{
    return setuid(1) == 0;
}

static bool does_its_work(void)
{
    AUTO_CLOSE int talk = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char folder[64];
    int dir;

    (void)snprintf(folder, sizeof(folder), "/tmp/privilege-%d", (int)getpid());
    if (talk < 0 || mkdirat(AT_FDCWD, folder, 0700) < 0)
        return false;
    dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir >= 0 && file_replace(dir, "record", "x", 1, 0640) == 0 && close(dir) == 0 &&
           tree_remove(AT_FDCWD, folder) == 0 && kill(getpid(), 0) == 0;
}

static bool says_so(void)
{
    AUTO(strbuf) struct strbuf status = STRBUF_INIT(PROCESS_STATUS_MAX);
    struct err e = ERR_INIT;
    /* CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_KILL, CAP_SYS_PTRACE */
    const char *kept = geteuid() == 0 ? "000000000008002a" : "0000000000000000";

    return file_read(AT_FDCWD, "/proc/self/status", &status) == 0 &&
           process_status_expect(strbuf_str(&status), "CapEff", kept, &e) == 0 &&
           process_status_expect(strbuf_str(&status), "CapPrm", kept, &e) == 0 &&
           process_status_expect(strbuf_str(&status), "NoNewPrivs", "1", &e) == 0 &&
           process_status_expect(strbuf_str(&status), "Seccomp", "2", &e) == 0;
}

static void what_is_hostile_ends_it(void **state)
{
    (void)state;
    assert_int_equal(after_shedding(executes), -SIGSYS);
    assert_int_equal(after_shedding(mounts), -SIGSYS);
}

/* A build for tests dies of it, so that no story misses it. */
static void what_it_does_not_need_is_denied(void **state)
{
    bool (*const acts[])(void) = {makes_a_namespace, opens_the_network, becomes_another};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
        int r = after_shedding(acts[i]);
        if (r != DENIED && r != -SIGSYS)
            fail_msg("act %zu: %d", i, r);
    }
}

static void what_it_needs_works(void **state)
{
    (void)state;
    assert_int_equal(after_shedding(does_its_work), DID);
    assert_int_equal(after_shedding(says_so), DID);
    assert_int_equal(after_shedding(forks), DID);
}

/* A kernel that filters no calls, by a filter. */
static void be_old(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

    assert_non_null(filter);
    assert_int_equal(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(seccomp), 0), 0);
    assert_int_equal(seccomp_load(filter), 0);
    seccomp_release(filter);
}

static void what_did_not_take_is_told(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    assert_true(pid >= 0);
    if (pid == 0) {
        struct containment_list list = {0};
        struct err e = ERR_INIT;
        (void)signal(SIGSYS, SIG_DFL);
        be_old();
        if (privilege_shed(false, &list, &e) != -ENOTSUP ||
            strstr(e.text, "supervisor: system calls") == NULL || e.blame != BLAME_NODE)
            _exit(1);
        containment_free(&list);
        if (privilege_shed(true, &list, &e) != 0 || list.count != 2 ||
            list.item[0].state != CONTAINMENT_APPLIED || list.item[1].state != CONTAINMENT_MISSING)
            _exit(2);
        containment_free(&list);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_hostile_ends_it),
        cmocka_unit_test(what_it_does_not_need_is_denied),
        cmocka_unit_test(what_it_needs_works),
        cmocka_unit_test(what_did_not_take_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
