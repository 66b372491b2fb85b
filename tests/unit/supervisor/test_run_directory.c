/* test_run_directory.c - what killed supervisors left is removed, and what a living one holds is not. */
#include "cmocka_all.h"

#include <sys/file.h>

#include "base/auto.h"
#include "scratch.h"
#include "supervisor/run_directory.h"

static void make(const struct scratch *s, const char *name)
{
    char below[64];

    (void)snprintf(below, sizeof(below), "%s/home", name);
    assert_int_equal(mkdirat(s->fd, name, 0700), 0);
    assert_int_equal(mkdirat(s->fd, below, 0700), 0);
}

static int hold(const struct scratch *s, const char *name)
{
    char path[64];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/" LOCK_NAME, name);
    fd = openat(s->fd, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    return fd;
}

static bool there(const struct scratch *s, const char *name)
{
    return faccessat(s->fd, name, F_OK, 0) == 0;
}

static void the_sweep_takes_what_nobody_holds(void **state)
{
    struct scratch s;
    AUTO_CLOSE int removing = -1;
    AUTO_CLOSE int making = -1;
    wall_ms_t now = clock_wall(), later = {now.ms + 2LL * 60 * 60 * 1000};

    (void)state;
    assert_int_equal(scratch_make(&s), 0);
    make(&s, ".removed.1");
    make(&s, ".removed.2");
    make(&s, ".new.run-a");
    make(&s, ".new.run-b");
    make(&s, "run-c");
    removing = hold(&s, ".removed.2");
    making = hold(&s, ".new.run-b");
    assert_int_equal(run_directory_sweep(s.fd, now), 1);
    assert_true(!there(&s, ".removed.1") && there(&s, ".removed.2") && there(&s, ".new.run-a"));
    assert_int_equal(run_directory_sweep(s.fd, later), 1);
    assert_true(!there(&s, ".new.run-a") && there(&s, ".new.run-b") && there(&s, "run-c/home"));
    scratch_remove(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_sweep_takes_what_nobody_holds)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
