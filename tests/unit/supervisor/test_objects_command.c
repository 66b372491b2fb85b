/* test_objects_command.c - how rclone is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/auto.h"
#include "supervisor/objects_command.h"

static const struct objects_policy POLICY = {.credentials = "/etc/runlet/key",
                                             .profile = "runs",
                                             .endpoint = "",
                                             .region = "eu-frankfurt-1",
                                             .ca_file = "",
                                             .buckets = "*",
                                             .uid = 65530,
                                             .cache_bytes = 1 << 20,
                                             .timeout_ms = 90000};

static bool has(const struct strlist *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->item[i], text) == 0)
            return true;
    return false;
}

static void where_the_server_is(void **state)
{
    static const struct {
        const char *location, *endpoint, *expected;
    } CASES[] = {
        {"oci://b@space", "",
         "RCLONE_CONFIG_RUNLET_ENDPOINT=https://space.compat.objectstorage.eu-frankfurt-1.oraclecloud.com"},
        {"oci://b@space", "http://127.0.0.1:1", "RCLONE_CONFIG_RUNLET_ENDPOINT=http://127.0.0.1:1"},
        {"s3://b", "http://127.0.0.1:1", "RCLONE_CONFIG_RUNLET_ENDPOINT=http://127.0.0.1:1"},
        {"s3://b", "", "RCLONE_CONFIG_RUNLET_PROVIDER=AWS"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(strlist) struct strlist words = {0};
        struct objects_policy policy = POLICY;
        struct object_location l;
        policy.endpoint = CASES[i].endpoint;
        assert_true(object_location_parse(CASES[i].location, &l));
        assert_int_equal(objects_environment(&policy, &l, &words), 0);
        if (!has(&words, CASES[i].expected))
            fail_msg("%s: no %s", CASES[i].location, CASES[i].expected);
        assert_true(has(&words, "AWS_SHARED_CREDENTIALS_FILE=/proc/self/fd/20"));
        assert_true(has(&words, "AWS_PROFILE=runs"));
    }
}

static void what_is_mounted(void **state)
{
    AUTO(strlist) struct strlist words = {0};
    const struct user_ids owner = {1000, 100};
    struct object_location l;

    (void)state;
    assert_true(object_location_parse("oci://b@n/some/prefix", &l));
    assert_int_equal(objects_mount_arguments(&POLICY, &l, &owner, true, &words), 0);
    assert_string_equal(words.item[0], "rclone");
    assert_string_equal(words.item[words.count - 2], "runlet:b/some/prefix");
    assert_string_equal(words.item[words.count - 1], "/proc/self/fd/22/mnt");
    assert_true(has(&words, "--read-only") && has(&words, "--uid=1000") && has(&words, "--gid=100"));
    assert_true(has(&words, "--vfs-cache-max-size=1048576B"));
    for (size_t i = 0; i < words.count; i++)
        assert_null(strstr(words.item[i], "/etc/runlet"));
}

static void what_is_copied(void **state)
{
    AUTO(strlist) struct strlist folder = {0};
    AUTO(strlist) struct strlist file = {0};
    struct object_location l;

    (void)state;
    assert_true(object_location_parse("s3://b", &l));
    assert_int_equal(objects_copy_arguments(&POLICY, &l, "", &folder), 0);
    assert_string_equal(folder.item[folder.count - 2], "/proc/self/fd/23");
    assert_string_equal(folder.item[folder.count - 1], "runlet:b");
    assert_int_equal(objects_copy_arguments(&POLICY, &l, "-model", &file), 0);
    assert_string_equal(file.item[file.count - 2], "/proc/self/fd/23/-model");
}

static void remedies(void **state)
{
    (void)state;
    assert_non_null(strstr(objects_remedy("rclone is not installed"), "install"));
    assert_non_null(strstr(objects_remedy("... SignatureDoesNotMatch: ..."), "objects.credentials"));
    assert_non_null(strstr(objects_remedy("AccessDenied: ..."), "policy"));
    assert_non_null(strstr(objects_remedy("error listing: directory not found"), "names of bucket"));
    assert_non_null(strstr(objects_remedy("dial tcp: connection refused"), "objects.endpoint"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_the_server_is),
        cmocka_unit_test(what_is_mounted),
        cmocka_unit_test(what_is_copied),
        cmocka_unit_test(remedies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
