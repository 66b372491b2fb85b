/* test_device_fence.c - which devices a run's control group may open: the rules, what the program decides, what the list of
 * version 1 must say; and both ways on this machine's own kernel, where it lets us. */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "bpf_machine.h"
#include "supervisor/device_fence.h"
#include "sys/fd.h"

static struct granted_devices granted(void)
{
    return (struct granted_devices){
        .item = {{.path = "/dev/fuse", .number = makedev(10, 229)},
                 {.path = "/dev/sdb", .block = true, .number = makedev(8, 16)},
                 {.path = "/dev/nvidia0", .number = makedev(195, 1048575)}},
        .count = 3,
    };
}

/* ---- the program ---- */

static const struct {
    uint32_t kind, major, minor, access;
    bool passes;
} CASES[] = {
    {BPF_DEVCG_DEV_CHAR, 1, 3, BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE, true},
    {BPF_DEVCG_DEV_CHAR, 1, 3, BPF_DEVCG_ACC_MKNOD, false},
    {BPF_DEVCG_DEV_CHAR, 1, 3, BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ, false},
    {BPF_DEVCG_DEV_BLOCK, 1, 3, BPF_DEVCG_ACC_READ, false},
    {BPF_DEVCG_DEV_CHAR, 1, 1, BPF_DEVCG_ACC_READ, false},
    {BPF_DEVCG_DEV_CHAR, 1, 11, BPF_DEVCG_ACC_READ, false},
    {BPF_DEVCG_DEV_CHAR, 5, 0, BPF_DEVCG_ACC_WRITE, true},
    {BPF_DEVCG_DEV_CHAR, 5, 1, BPF_DEVCG_ACC_WRITE, false},
    {BPF_DEVCG_DEV_CHAR, 5, 2, BPF_DEVCG_ACC_WRITE, true},
    {BPF_DEVCG_DEV_CHAR, 136, 0, BPF_DEVCG_ACC_READ, true},
    {BPF_DEVCG_DEV_CHAR, 136, 4097, BPF_DEVCG_ACC_READ, true},
    {BPF_DEVCG_DEV_BLOCK, 136, 0, BPF_DEVCG_ACC_READ, false},
    {BPF_DEVCG_DEV_CHAR, 10, 229, BPF_DEVCG_ACC_READ, true},
    {BPF_DEVCG_DEV_CHAR, 10, 229, BPF_DEVCG_ACC_MKNOD, true},
    {BPF_DEVCG_DEV_CHAR, 10, 230, BPF_DEVCG_ACC_READ, false},
    {BPF_DEVCG_DEV_BLOCK, 8, 16, BPF_DEVCG_ACC_READ, true},
    {BPF_DEVCG_DEV_CHAR, 8, 16, BPF_DEVCG_ACC_READ, false},
    {BPF_DEVCG_DEV_BLOCK, 8, 0, BPF_DEVCG_ACC_READ, false},
    {BPF_DEVCG_DEV_CHAR, 195, 1048575, BPF_DEVCG_ACC_WRITE, true},
    {BPF_DEVCG_DEV_CHAR, 195, 1048574, BPF_DEVCG_ACC_WRITE, false},
};

static void decisions_of_the_program(void **state)
{
    const struct granted_devices devices = granted();
    struct device_rule rules[DEVICE_RULES_MAX];
    struct bpf_insn code[DEVICE_CODE_MAX];
    size_t length = device_program(rules, device_rules(&devices, rules), code);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct bpf_cgroup_dev_ctx context = {.access_type = CASES[i].access << 16 | CASES[i].kind,
                                             .major = CASES[i].major,
                                             .minor = CASES[i].minor};
        struct machine m = {.context = &context};
        if ((machine_run(code, length, &m) == 1) != CASES[i].passes)
            fail_msg("case %zu: %u %u:%u", i, CASES[i].kind, CASES[i].major, CASES[i].minor);
    }
}

static void as_many_as_can_be_granted(void **state)
{
    struct granted_devices devices = {.count = SANDBOX_DEVICES_MAX};
    struct device_rule rules[DEVICE_RULES_MAX];
    struct bpf_insn code[DEVICE_CODE_MAX];
    size_t count, length;

    (void)state;
    for (size_t i = 0; i < SANDBOX_DEVICES_MAX; i++)
        devices.item[i] = (struct granted_device){.path = "/dev/x", .number = makedev(200, (unsigned)i)};
    count = device_rules(&devices, rules);
    assert_in_range(count, SANDBOX_DEVICES_MAX + 1, DEVICE_RULES_MAX);
    length = device_program(rules, count, code);
    assert_in_range(length, count, DEVICE_CODE_MAX);
    for (uint32_t i = 0; i <= SANDBOX_DEVICES_MAX; i++) {
        struct bpf_cgroup_dev_ctx context = {
            .access_type = BPF_DEVCG_ACC_READ << 16 | BPF_DEVCG_DEV_CHAR, .major = 200, .minor = i};
        struct machine m = {.context = &context};
        assert_int_equal(machine_run(code, length, &m), i < SANDBOX_DEVICES_MAX);
    }
}

/* ---- the list ---- */

static void the_list_of_version_1(void **state)
{
    const struct granted_devices devices = granted();
    struct device_rule rules[DEVICE_RULES_MAX];
    size_t count = device_rules(&devices, rules);
    char text[DEVICE_RULE_TEXT], list[1024] = "", one[1100];

    (void)state;
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(list);
        device_rule_format(&rules[i], text);
        (void)snprintf(list + used, sizeof(list) - used, "%s\n", text);
    }
    assert_non_null(strstr(list, "c 1:3 rw\n"));
    assert_non_null(strstr(list, "c 136:* rw\n"));
    assert_non_null(strstr(list, "b 8:16 rwm\n"));
    assert_true(device_list_holds(list, rules, count));
    assert_false(device_list_holds("a *:* rwm\n", rules, count));
    assert_false(device_list_holds("", rules, count));
    assert_false(device_list_holds(strchr(list, '\n') + 1, rules, count)); /* one is missing */
    (void)snprintf(one, sizeof(one), "%sc 1:1 rw\n", list);
    assert_false(device_list_holds(one, rules, count)); /* one too many */
    (void)snprintf(one, sizeof(one), "%sc 1:3 rwm\n", list);
    assert_false(device_list_holds(one, rules, count)); /* a right too many */
}

/* ---- on this kernel ---- */

/* Joins the group in a child, opens there, and returns the errno; 0 when it could be opened. */
static int errno_inside(const struct run_group *group, const char *path)
{
    int status = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        int r = run_group_join(group);
        int fd = r == 0 ? open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
        _exit(r < 0 ? 255 : fd < 0 ? errno : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* A group of its own, and nodes of the test's own for a granted device and for one that is not. */
static void on_this_kernel(bool version_1)
{
    struct granted_devices devices = {.item = {{.path = "/dev/kmsg", .number = makedev(1, 11)}}, .count = 1};
    struct device_rule rules[DEVICE_RULES_MAX];
    struct run_group group = RUN_GROUP_INIT;
    struct cgroup_places places;
    struct err e = ERR_INIT;
    char id[64], folder[] = "/tmp/device-fence-XXXXXX", kmsg[64], fuse[64];
    size_t count = device_rules(&devices, rules);
    int r;

    if (geteuid() != 0)
        skip();
    assert_non_null(mkdtemp(folder));
    (void)snprintf(kmsg, sizeof(kmsg), "%s/kmsg", folder);
    (void)snprintf(fuse, sizeof(fuse), "%s/fuse", folder);
    (void)snprintf(id, sizeof(id), "test-device-fence.%d.%d", (int)getpid(), version_1);
    cgroup_places_read(&places);
    r = run_group_create(&places, id, &group, &e);
    if (r == 0 && (mknod(kmsg, S_IFCHR | 0600, makedev(1, 11)) < 0 ||
                   mknod(fuse, S_IFCHR | 0600, makedev(10, 229)) < 0 || errno_inside(&group, kmsg) != 0 ||
                   errno_inside(&group, fuse) != 0))
        r = -ENOTSUP; /* not even without the fence */
    if (r == 0)
        r = version_1 ? device_fence_by_list(&group, rules, count, &e)
                      : device_fence_by_program(&group, rules, count, &e);
    if (r == 0) {
        assert_int_equal(errno_inside(&group, kmsg), 0);
        assert_int_equal(errno_inside(&group, fuse), EPERM);
        assert_int_equal(errno_inside(&group, "/dev/null"), 0);
    }
    (void)run_group_remove(&group);
    run_group_close(&group);
    (void)tree_remove(AT_FDCWD, folder);
    assert_string_equal(e.text, "");
    if (r < 0)
        skip();
}

static void by_program_on_this_kernel(void **state)
{
    (void)state;
    on_this_kernel(false);
}

static void by_list_on_this_kernel(void **state)
{
    (void)state;
    on_this_kernel(true);
}

/* Where neither way is there the record says so, and the run goes on. */
static void a_machine_without_either(void **state)
{
    const struct granted_devices devices = granted();
    const struct run_group none = RUN_GROUP_INIT;
    AUTO(containment) struct containment_list list = {0};
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(device_fence(&devices, &none, &list, &e), 0);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.item[0].name, "devices");
    assert_int_equal(list.item[0].state, CONTAINMENT_MISSING);
}

/* A group of version 1 alone, as plain files: the kernel does not move what is written to the list. */
static void a_list_that_does_not_take(void **state)
{
    const struct granted_devices devices = granted();
    struct run_group group = RUN_GROUP_INIT;
    AUTO(containment) struct containment_list list = {0};
    struct err e = ERR_INIT;
    char folder[] = "/tmp/device-fence-XXXXXX", path[64];

    (void)state;
    assert_non_null(mkdtemp(folder));
    for (unsigned i = 0; i < 3; i++) {
        static const char *const FILES[] = {"deny", "allow", "list"};
        AUTO_CLOSE int fd = -1;
        (void)snprintf(path, sizeof(path), "%s/devices.%s", folder, FILES[i]);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(i < 2 ? 0 : fd_write_all(fd, "a *:* rwm\n", 10), 0);
    }
    group.v1[CONTROLLER_DEVICES].fd = dir_open(AT_FDCWD, folder);
    assert_int_equal(device_fence(&devices, &group, &list, &e), -ENOTSUP);
    assert_int_equal(e.blame, BLAME_NODE);
    assert_int_equal(list.count, 0);
    run_group_close(&group);
    assert_int_equal(tree_remove(AT_FDCWD, folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions_of_the_program),  cmocka_unit_test(as_many_as_can_be_granted),
        cmocka_unit_test(the_list_of_version_1),     cmocka_unit_test(by_program_on_this_kernel),
        cmocka_unit_test(by_list_on_this_kernel),    cmocka_unit_test(a_machine_without_either),
        cmocka_unit_test(a_list_that_does_not_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
