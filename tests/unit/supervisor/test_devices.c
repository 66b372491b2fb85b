/* test_devices.c - the devices a run was granted: what they are, that one run has them, how their holders are told. */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/auto.h"
#include "supervisor/devices.h"
#include "sys/fd.h"

static int read_devices(const char *shared, const char *const *paths, struct granted_devices *ret,
                        struct err *e)
{
    const struct policy policy = {.devices = "/dev/*", .shared_devices = shared};
    AUTO(strlist) struct strlist list = {0};
    int r;

    for (; *paths != NULL; paths++)
        assert_int_equal(strlist_add(&list, *paths), 0);
    r = granted_devices_read(&policy, &list, ret, e);
    for (size_t i = 0; i < ret->count; i++)
        ret->item[i].path = "/dev/x"; /* the list goes */
    return r;
}

static void what_they_are(void **state)
{
    static const char *const TWO[] = {"/dev/full", "/dev/zero", NULL};
    static const char *const LINK[] = {"/dev/fd", NULL};
    static const char *const FOLDER[] = {"/dev/pts", NULL};
    static const char *const ABSENT[] = {"/dev/there-is-none", NULL};
    struct granted_devices d;
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(read_devices("/dev/zero", TWO, &d, &e), 0);
    assert_int_equal(d.count, 2);
    assert_int_equal(d.item[0].number, makedev(1, 7));
    assert_false(d.item[0].block || d.item[0].shared);
    assert_true(d.item[1].shared);
    assert_int_equal(read_devices("", LINK, &d, &e), -ENODEV);
    assert_int_equal(e.blame, BLAME_ASSIGNMENT);
    e = ERR_INIT;
    assert_int_equal(read_devices("", FOLDER, &d, &e), -ENODEV);
    e = ERR_INIT;
    assert_int_equal(read_devices("", ABSENT, &d, &e), -ENOENT);
    assert_int_equal(e.blame, BLAME_NODE);
}

static struct granted_devices pair(void)
{
    return (struct granted_devices){
        .item = {{.path = "/dev/a", .number = makedev(200, 1), .lock_fd = -1},
                 {.path = "/dev/b", .number = makedev(200, 2), .shared = true, .lock_fd = -1},
                 {.path = "/dev/again", .number = makedev(200, 1), .lock_fd = -1}},
        .count = 3};
}

static void one_run_at_a_time(void **state)
{
    struct granted_devices first = pair(), second = pair();
    struct policy policy = {0};
    struct err e = ERR_INIT;
    char folder[] = "/tmp/devices-XXXXXX";

    (void)state;
    policy.runs_dir = mkdtemp(folder);
    assert_int_equal(granted_devices_lock(&first, &policy, "r1", &e), 0);
    assert_true(first.item[0].lock_fd >= 0);
    assert_int_equal(first.item[1].lock_fd, -1);
    assert_int_equal(granted_devices_lock(&second, &policy, "r2", &e), -EBUSY);
    assert_int_equal(e.blame, BLAME_NODE);
    assert_string_equal(e.text, "the device /dev/a is granted to the run r1, and to one run at a time");
    granted_devices_close(&second);
    granted_devices_close(&first);
    second = pair();
    assert_int_equal(granted_devices_lock(&second, &policy, "r2", &e), 0);
    granted_devices_close(&second);
    assert_int_equal(tree_remove(AT_FDCWD, folder), 0);
}

static void holders_are_told(void **state)
{
    const struct granted_devices devices = pair();
    const struct device_holders holders = {
        .item = {{.pid = 12, .device = 1, .command = "python3"}, {.pid = 13, .device = 0, .command = "?"}},
        .count = 2};
    char text[64];

    (void)state;
    granted_devices_describe(&devices, &holders, text, sizeof(text));
    assert_string_equal(text, "/dev/b by pid 12 (python3), /dev/a by pid 13 (?)");
    granted_devices_describe(&devices, &holders, text, 16);
    assert_string_equal(text, "/dev/b by pid 1");
    granted_devices_describe(&devices, &(struct device_holders){0}, text, sizeof(text));
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_they_are), cmocka_unit_test(one_run_at_a_time),
                                       cmocka_unit_test(holders_are_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
