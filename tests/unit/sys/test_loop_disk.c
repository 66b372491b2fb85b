/* test_loop_disk.c - a file as a disk, set up in both of the kernel's ways. */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "scratch.h"
#include "sys/loop_disk.h"

static bool no_mkfs(void)
{
    return access("/usr/sbin/mkfs.ext4", X_OK) < 0 && access("/sbin/mkfs.ext4", X_OK) < 0;
}

static void the_file(void **state)
{
    AUTO_CLOSE int fd = -1;
    struct err e = ERR_INIT;
    unsigned char magic[2];
    struct scratch s;
    struct stat st;

    (void)state;
    if (no_mkfs())
        skip();
    assert_int_equal(scratch_make(&s), 0);
    fd = loop_disk_make(s.fd, "img", 16 << 20, &e);
    if (fd < 0)
        fail_msg("%s", e.text);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, 16 << 20);
    assert_true(st.st_blocks * 512 < 4 << 20); /* sparse */
    assert_int_equal(pread(fd, magic, sizeof(magic), 1024 + 56), 2);
    assert_int_equal(magic[0] | magic[1] << 8, 0xEF53);
    /* One that is there is never taken. */
    assert_int_equal(loop_disk_make(s.fd, "img", 16 << 20, &e), -EEXIST);
    /* A size that makes no file system leaves no file. */
    assert_true(loop_disk_make(s.fd, "tiny", 1024, &e) < 0);
    assert_int_equal(faccessat(s.fd, "tiny", F_OK, 0), -1);
    scratch_remove(&s);
}

static void attach(enum loop_setup setup)
{
    AUTO_CLOSE int fd = -1;
    AUTO_CLOSE int device = -1;
    struct err e = ERR_INIT;
    struct loop_info64 info;
    struct scratch s;
    struct stat st;

    if (geteuid() != 0 || access("/dev/loop-control", R_OK | W_OK) < 0)
        skip();
    assert_int_equal(scratch_make(&s), 0);
    fd = openat(s.fd, "img", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(fd, 1 << 20), 0);
    assert_int_equal(fstat(fd, &st), 0);
    device = loop_disk_attach(fd, setup, &e);
    if (device < 0)
        fail_msg("%s", e.text);
    assert_int_equal(ioctl(device, LOOP_GET_STATUS64, &info), 0);
    assert_int_equal(info.lo_inode, st.st_ino);
    assert_int_equal(info.lo_flags & LO_FLAGS_AUTOCLEAR, LO_FLAGS_AUTOCLEAR);
    scratch_remove(&s);
}

static void attached_at_once(void **state)
{
    (void)state;
    attach(LOOP_AT_ONCE);
}

static void attached_by_parts(void **state)
{
    (void)state;
    attach(LOOP_BY_PARTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file),
        cmocka_unit_test(attached_at_once),
        cmocka_unit_test(attached_by_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
