/* test_cgroup.c - where a run's control group goes, and its files in a fake tree. */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/cgroup.h"
#include "sys/fd.h"

static void put(const char *folder, const char *name, const char *text)
{
    char path[512];
    AUTO_CLOSE int fd = -1;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

static void a_fake_tree(void **state)
{
    char root[] = "/tmp/cgroup-test-XXXXXX";
    char folder[128], text[256];
    struct cgroup g = CGROUP_INIT;
    struct err e = ERR_INIT;
    struct stat st;

    (void)state;
    assert_non_null(mkdtemp(root));
    (void)snprintf(folder, sizeof(folder), "%s/run", root);
    assert_int_equal(mkdir(folder, 0700), 0);
    put(folder, "cgroup.procs", "");
    put(folder, "cgroup.events", "populated 1\nfrozen 0\n");
    assert_int_equal(cgroup_create(root, "run", &g, &e), 0);
    assert_true(cgroup_populated(&g));
    put(folder, "cgroup.events", "populated 0\nfrozen 0\n");
    assert_false(cgroup_populated(&g));
    put(folder, "cgroup.kill", "");
    assert_int_equal(cgroup_kill(&g), 0);
    (void)snprintf(text, sizeof(text), "%s/cgroup.kill", folder);
    assert_int_equal(stat(text, &st), 0);
    assert_int_equal(st.st_size, 1);
    /* Before Linux 5.14 the file is missing and the members are signalled one by one: here there is none. */
    assert_int_equal(unlink(text), 0);
    assert_int_equal(cgroup_kill(&g), 0);
    (void)snprintf(text, sizeof(text), "%d\n", (int)getpid());
    put(folder, "cgroup.procs", text);
    cgroup_describe(&g, text, sizeof(text));
    assert_non_null(strstr(text, "unit-sys-cgroup"));
    assert_int_equal(cgroup_remove(&g), -ENOTEMPTY);
    cgroup_close(&g);
    assert_int_equal(tree_remove(AT_FDCWD, root), 0);
}

/* A job that may make groups of its own hides nothing in them, and they go with its own. */
static void groups_below(void **state)
{
    char root[] = "/tmp/cgroup-test-XXXXXX";
    char run[64], a[80], b[96], text[32];
    struct cgroup g = CGROUP_INIT;
    struct err e = ERR_INIT;
    int wait_status = 0;
    pid_t child;

    (void)state;
    assert_non_null(mkdtemp(root));
    (void)snprintf(run, sizeof(run), "%s/run", root);
    (void)snprintf(a, sizeof(a), "%s/a", run);
    (void)snprintf(b, sizeof(b), "%s/b", a);
    assert_int_equal(mkdir(run, 0700) | mkdir(a, 0700) | mkdir(b, 0700), 0);
    put(run, "cgroup.procs", "");
    put(a, "cgroup.procs", "");
    child = fork();
    if (child == 0)
        for (;;)
            (void)pause();
    (void)snprintf(text, sizeof(text), "%d\n", (int)child);
    put(b, "cgroup.procs", text);
    assert_int_equal(cgroup_create(root, "run", &g, &e), 0);
    /* The plain file goes on naming the process that was killed: as one that cannot be ended. */
    assert_int_equal(cgroup_kill(&g), -EBUSY);
    assert_int_equal(waitpid(child, &wait_status, 0), child);
    assert_true(WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL);
    /* In a hierarchy of the kernel's, files do not keep a group from being removed. */
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/cgroup.procs", i == 0 ? run : i == 1 ? a : b);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(cgroup_remove(&g), 0);
    assert_int_equal(access(run, F_OK), -1);
    assert_int_equal(cgroup_remove(&g), 0);
    cgroup_close(&g);
    assert_int_equal(tree_remove(AT_FDCWD, root), 0);
}

static void no_group_is_no_error(void **state)
{
    struct cgroup g = CGROUP_INIT;

    (void)state;
    assert_int_equal(cgroup_kill(&g), 0);
    assert_false(cgroup_populated(&g));
    assert_int_equal(cgroup_remove(&g), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fake_tree),
        cmocka_unit_test(groups_below),
        cmocka_unit_test(no_group_is_no_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
