/* test_device_holders.c - who has a device open: in a tree that looks like /proc, and on this machine. */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/device_holders.h"
#include "sys/fd.h"

#define PATIENCE_MS 30000

static struct device_number device_at(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return (struct device_number){.block = S_ISBLK(st.st_mode), .number = st.st_rdev};
}

struct tree {
    char root[32];
};

static void grow(struct tree *t)
{
    (void)snprintf(t->root, sizeof(t->root), "/tmp/holders-XXXXXX");
    assert_non_null(mkdtemp(t->root));
}

static void fell(const struct tree *t)
{
    assert_int_equal(tree_remove(AT_FDCWD, t->root), 0);
}

/* A process with a name and descriptors of these files, up to a NULL. */
static void add(const struct tree *t, const char *pid, const char *command, const char *const *files)
{
    char path[128];
    AUTO_CLOSE int comm = -1;

    (void)snprintf(path, sizeof(path), "%s/%s", t->root, pid);
    assert_int_equal(mkdir(path, 0755), 0);
    (void)snprintf(path, sizeof(path), "%s/%s/comm", t->root, pid);
    comm = open(path, O_WRONLY | O_CREAT, 0644);
    assert_int_equal(fd_write_all(comm, command, strlen(command)), 0);
    (void)snprintf(path, sizeof(path), "%s/%s/fd", t->root, pid);
    assert_int_equal(mkdir(path, 0755), 0);
    for (int i = 0; files[i] != NULL; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s/fd/%d", t->root, pid, i);
        assert_int_equal(symlink(files[i], path), 0);
    }
}

static void those_that_have_it_are_found(void **state)
{
    static const char *const NOTHING[] = {"/dev/null", "pipe:[1]", "/etc/passwd", "/nowhere", NULL};
    static const char *const ONE[] = {"/dev/null", "/dev/full", "/dev/full", NULL};
    static const char *const BOTH[] = {"/dev/zero", "/dev/full", NULL};
    const struct device_number devices[] = {device_at("/dev/full"), device_at("/dev/zero")};
    struct device_holders found;
    struct tree t;

    (void)state;
    grow(&t);
    add(&t, "100", "innocent\n", NOTHING);
    add(&t, "200", "py\x1bthon3\n", ONE);
    add(&t, "300", "", BOTH);
    add(&t, "self", "no process\n", ONE);
    assert_int_equal(device_holders_find(t.root, devices, ARRAY_SIZE(devices), PATIENCE_MS, &found), 0);
    assert_int_equal(found.count, 2);
    assert_false(found.more);
    for (size_t i = 0; i < found.count; i++) {
        const struct device_holder *h = &found.item[i];
        assert_true(h->pid == 200 || h->pid == 300);
        assert_int_equal(h->device, 0);
        assert_string_equal(h->command, h->pid == 200 ? "py?thon3" : "?");
    }
    assert_int_equal(device_holders_find(t.root, &devices[1], 1, PATIENCE_MS, &found), 0);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.item[0].pid, 300);
    fell(&t);
}

/* A character device has the number of a block device without being it. */
static void the_kind_counts(void **state)
{
    static const char *const ONE[] = {"/dev/full", NULL};
    struct device_number device = device_at("/dev/full");
    struct device_holders found;
    struct tree t;

    (void)state;
    grow(&t);
    add(&t, "100", "x\n", ONE);
    device.block = true;
    assert_int_equal(device_holders_find(t.root, &device, 1, PATIENCE_MS, &found), 0);
    assert_int_equal(found.count, 0);
    fell(&t);
}

static void more_than_have_room_are_told(void **state)
{
    static const char *const ONE[] = {"/dev/full", NULL};
    const struct device_number device = device_at("/dev/full");
    struct device_holders found;
    struct tree t;
    char pid[16];

    (void)state;
    grow(&t);
    for (int i = 0; i < DEVICE_HOLDERS_MAX + 1; i++) {
        (void)snprintf(pid, sizeof(pid), "%d", 1000 + i);
        add(&t, pid, "x\n", ONE);
    }
    assert_int_equal(device_holders_find(t.root, &device, 1, PATIENCE_MS, &found), 0);
    assert_int_equal(found.count, DEVICE_HOLDERS_MAX);
    assert_true(found.more);
    fell(&t);
}

static void who_cannot_look_says_so(void **state)
{
    const struct device_number device = device_at("/dev/full");
    struct device_holders found;

    (void)state;
    assert_int_equal(device_holders_find("/nowhere", &device, 1, PATIENCE_MS, &found), -EIO);
    assert_int_equal(device_holders_find("/proc", &device, 1, 0, &found), -ETIMEDOUT);
    assert_int_equal(found.count, 0);
}

static void on_this_machine(void **state)
{
    const struct device_number device = device_at("/dev/full");
    struct device_holders found;
    bool self = false;
    AUTO_CLOSE int fd = open("/dev/full", O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(device_holders_find("/proc", &device, 1, PATIENCE_MS, &found), 0);
    for (size_t i = 0; i < found.count; i++)
        self = self || found.item[i].pid == getpid();
    assert_true(self || found.more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_that_have_it_are_found),
        cmocka_unit_test(the_kind_counts),
        cmocka_unit_test(more_than_have_room_are_told),
        cmocka_unit_test(who_cannot_look_says_so),
        cmocka_unit_test(on_this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
