/* test_storage.c - the pure parts of storage: options, remedies, order of mounts, serial numbers, and what a hung step is. */
#include "cmocka_all.h"

#include <string.h>

#include "base/auto.h"
#include "supervisor/nfs.h"
#include "supervisor/storage.h"
#include "supervisor/view_mounts.h"
#include "supervisor/volume_find.h"

static void options(void **state)
{
    static const struct {
        const char *configured;
        bool read_only;
        const char *text;
    } CASES[] = {
        {"", false, "nosuid,nodev,nosharecache"},
        {"", true, "nosuid,nodev,nosharecache,ro"},
        {"vers=3,nolock", false, "vers=3,nolock,nosuid,nodev,nosharecache"},
        /* Ours come last, so they hold. */
        {"suid,dev,rw", true, "suid,dev,rw,nosuid,nodev,nosharecache,ro"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(strbuf) struct strbuf out = STRBUF_INIT(256);
        assert_int_equal(nfs_options(CASES[i].configured, CASES[i].read_only, &out), 0);
        assert_string_equal(strbuf_str(&out), CASES[i].text);
    }
}

static void remedies(void **state)
{
    static const struct {
        const char *words, *says;
    } CASES[] = {
        {"mount.nfs: access denied by server while mounting 1.2.3.4:/e", "export's options"},
        {"mount.nfs: mounting 1.2.3.4:/e failed, reason given by server: No such file or directory",
         "path of the export"},
        {"mount.nfs: requested NFS version or transport protocol is not supported", "vers="},
        {"mount.nfs: rpc.statd is not running but is required for remote locking", "nolock"},
        {"mount.nfs is not installed; install the NFS client", "nfs-common"},
        {"mount.nfs: Connection refused", "security list"},
        {"", "security list"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
        if (strstr(nfs_remedy(CASES[i].words), CASES[i].says) == NULL)
            fail_msg("%s: %s", CASES[i].words, nfs_remedy(CASES[i].words));
}

static void what_lies_in_another_comes_later(void **state)
{
    struct plan plan = {.mount = {{.target = (char[]){"/mnt/a/b/c"}},
                                  {.target = (char[]){"/fss"}},
                                  {.target = (char[]){"/mnt/a"}},
                                  {.target = (char[]){"/mnt/a/b"}},
                                  {.target = (char[]){"/mnt/z"}}},
                        .mount_count = 5};
    static const size_t WANTED[] = {1, 2, 4, 3, 0};
    size_t order[JOB_MOUNTS_MAX];

    (void)state;
    view_mounts_order(&plan, order);
    assert_memory_equal(order, WANTED, sizeof(WANTED));
}

static void serial_numbers(void **state)
{
    (void)state;
    assert_true(volume_serial_matches("abc\n", "abc"));
    assert_true(volume_serial_matches("   abc  \n", "abc"));
    assert_false(volume_serial_matches("abcd\n", "abc"));
    assert_false(volume_serial_matches("ab\n", "abc"));
    assert_false(volume_serial_matches("\n", ""));
}

static void storage_is_wanted_for_a_reason(void **state)
{
    struct policy policy = {.storage = {.volume = VOLUME_DIRECTORY}};
    struct plan plan = {.volume_bytes = 1};

    (void)state;
    assert_false(storage_wanted(&policy, &plan));
    plan.mount_count = 1;
    assert_true(storage_wanted(&policy, &plan));
    plan.mount_count = 0;
    policy.storage.volume = VOLUME_IMAGE;
    assert_true(storage_wanted(&policy, &plan));
}

static void a_hung_step_is_named(void **state)
{
    struct storage s = STORAGE_INIT;
    struct err e = ERR_INIT;

    (void)state;
    assert_false(storage_hung(&s, (boot_ms_t){INT64_MAX - 1}, &e));
    s.until.ms = 1000;
    strcpy(s.step.step, "mount");
    strcpy(s.step.object, "/dev/sdb");
    assert_false(storage_hung(&s, (boot_ms_t){999}, &e));
    assert_true(storage_hung(&s, (boot_ms_t){1000}, &e));
    assert_non_null(strstr(e.text, "storage: mount /dev/sdb"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options),
        cmocka_unit_test(remedies),
        cmocka_unit_test(what_lies_in_another_comes_later),
        cmocka_unit_test(serial_numbers),
        cmocka_unit_test(storage_is_wanted_for_a_reason),
        cmocka_unit_test(a_hung_step_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
