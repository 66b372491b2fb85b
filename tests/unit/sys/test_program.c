/* test_program.c - programs of the system: their end, their words, their time. */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/program.h"

static int run(const char *script, int64_t limit_ms, struct err *e)
{
    AUTO_CLOSE int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    char text[256];
    char *argv[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, text, NULL};

    (void)snprintf(text, sizeof(text), "%s", script);
    *e = ERR_INIT;
    return program_run(argv, fd, limit_ms, e);
}

static void ends(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(run("exit 0", 60000, &e), 0);
    assert_int_equal(run("echo not today >&2; exit 3", 60000, &e), -EIO);
    assert_non_null(strstr(e.text, "status 3: not today"));
    assert_int_equal(run("kill -9 $$", 60000, &e), -EIO);
    assert_non_null(strstr(e.text, "signal 9"));
}

/* Nothing of ours but the one descriptor gets in. */
static void what_it_sees(void **state)
{
    AUTO_CLOSE int secret = open("/dev/null", O_RDONLY);
    struct err e;

    (void)state;
    assert_true(secret >= 0);
    assert_int_equal(setenv("LD_PRELOAD_TEST", "1", 1), 0);
    if (run("test -e /proc/self/fd/3 && test -z \"$LD_PRELOAD_TEST\" && for i in 4 5 6 7 8 9 100; do "
            "test ! -e /proc/$$/fd/$i || exit 1; done",
            60000, &e) < 0)
        fail_msg("%s", e.text);
}

static void one_that_does_not_end(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(run("exec sleep 600", 50, &e), -ETIMEDOUT);
}

static void one_that_is_not_there(void **state)
{
    char *argv[] = {(char[]){"/nowhere/mkfs"}, NULL};
    AUTO_CLOSE int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(program_run(argv, fd, 60000, &e), -ENOENT);
    assert_non_null(strstr(e.text, "not installed"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends),
        cmocka_unit_test(what_it_sees),
        cmocka_unit_test(one_that_does_not_end),
        cmocka_unit_test(one_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
