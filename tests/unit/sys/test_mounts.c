/* test_mounts.c - mountinfo read, and (as root, in a mount namespace of their own) both ways to make everything read-only. */
#include "cmocka_all.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/mounts.h"

static void lines_are_read(void **state)
{
    static const struct {
        const char *line;
        int id; /* 0: passed over */
        const char *point;
        unsigned long flags;
    } CASES[] = {
        {"36 35 98:0 / / rw,noatime - ext4 /dev/root rw\n", 36, "/", 0},
        {"1 0 98:0 /a /b ro,nosuid,nodev,noexec master:1 shared:2 - ext4 /dev/root rw", 1, "/b",
         MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC},
        {"1 0 98:0 /a /a\\040b\\134c rw - squashfs /dev/loop0 ro,x\n", 1, "/a b\\c", MS_RDONLY},
        {"1 0 98:0 /a /b rw,nosuidx,xro - ext4 - rw,errors=remount-ro\n", 1, "/b", 0},
        {"1 0 98:0 /a /b rw\n", 0, "", 0},
        {"1 0 98:0 /a\n", 0, "", 0},
        {"x 0 98:0 /a /b rw - ext4 - rw\n", 0, "", 0},
        {"\n\n", 0, "", 0},
        {"", 0, "", 0},
    };
    struct mount_entry m;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        const char *text = CASES[i].line;
        assert_int_equal(mount_next(&text, &m), CASES[i].id != 0);
        assert_int_equal(*text, '\0');
        if (CASES[i].id == 0)
            continue;
        assert_int_equal(m.id, CASES[i].id);
        assert_string_equal(m.point, CASES[i].point);
        assert_int_equal(m.flags, CASES[i].flags);
    }
}

/* In a child: 0, or the line that failed. */
static int restrict_and_look(bool step_by_step, const char *folder)
{
    const char *const none[] = {NULL}, *const ours[] = {folder, NULL};
    struct err e = ERR_INIT;
    size_t total = 0;

    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return __LINE__;
    if (mounts_check_read_only(none, &total, &e) != -ENOTSUP)
        return __LINE__;
    if (mounts_read_only(step_by_step, &e) < 0 || mounts_check_read_only(none, &total, &e) < 0 || total < 1)
        return __LINE__;
    if (mkdir("/tmp/runlet-test-read-only", 0700) == 0 || errno != EROFS)
        return __LINE__;
    if (mount("tmpfs", folder, "tmpfs", 0, NULL) < 0 || mounts_check_read_only(none, &total, &e) != -ENOTSUP)
        return __LINE__;
    if (strstr(e.text, folder) == NULL || mounts_check_read_only(ours, &total, &e) < 0)
        return __LINE__;
    /* Covered, it cannot be reached any more, and nobody minds that it is writable. */
    if (mount("tmpfs", folder, "tmpfs", MS_RDONLY, NULL) < 0 || mounts_check_read_only(none, &total, &e) < 0)
        return __LINE__;
    return 0;
}

static void check_way(bool step_by_step)
{
    char folder[] = "/tmp/runlet-test-XXXXXX";
    int wait_status;
    pid_t pid;

    if (geteuid() != 0)
        skip();
    assert_non_null(mkdtemp(folder));
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(restrict_and_look(step_by_step, folder) & 0xff);
    assert_int_equal(waitpid(pid, &wait_status, 0), pid);
    assert_int_equal(rmdir(folder), 0);
    assert_true(WIFEXITED(wait_status));
    assert_int_equal(WEXITSTATUS(wait_status), 0);
}

static void at_once(void **state)
{
    (void)state;
    check_way(false);
}

static void one_by_one(void **state)
{
    (void)state;
    check_way(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_read),
        cmocka_unit_test(at_once),
        cmocka_unit_test(one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
