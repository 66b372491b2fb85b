/* test_policy.c - the policy from a command line, and what it allows. */
#include "cmocka_all.h"

#include <errno.h>

#include "base/auto.h"
#include "supervisor/policy.h"

#define WORDS_MAX 20

static int parse(const char *const *words, struct policy *p, struct service_fds *fds, struct err *e)
{
    char *argv[WORDS_MAX + 2] = {(char[]){"runlet-supervisor"}};
    int argc = 1;

    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    return policy_from_arguments(argc, argv, p, fds, e);
}

static void a_full_line(void **state)
{
    static const char *const WORDS[] = {
        "--connection-fd",   "3",  "--job-uid",  "2000", "--helper-memory", "1000",
        "--helper-pids",     "20", "--job-user", "ann",  "--agent-uid",     "77",
        "--maximum-runtime", "2h", NULL};
    struct policy p;
    struct service_fds fds;
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(parse(WORDS, &p, &fds, &e), 0);
    assert_int_equal(fds.connection, 3);
    assert_int_equal(fds.starter, -1);
    assert_int_equal(p.job_uid, 2000);
    assert_string_equal(p.job_user, "ann");
    assert_int_equal(p.maximum_runtime_ms, 7200000);
    assert_int_equal(p.agent_uid, 77);
    assert_int_equal(p.helper_memory_bytes, 1000);
    assert_int_equal(p.helper_pids, 20);
}

static void devices(void **state)
{
    static const char *const WORDS[] = {"--connection-fd",
                                        "3",
                                        "--devices",
                                        "/dev/nvidia*::/dev/dri/*",
                                        "--shared-devices",
                                        "/dev/nvidiactl:/dev/infiniband/*",
                                        NULL};
    static const char *const NONE[] = {"--connection-fd", "3", NULL};
    struct policy p;
    struct service_fds fds;
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(parse(WORDS, &p, &fds, &e), 0);
    assert_true(policy_grants_device(&p, "/dev/nvidia0"));
    assert_true(policy_grants_device(&p, "/dev/dri/card0"));
    assert_false(policy_grants_device(&p, "/dev/dri/by-path/x"));
    assert_false(policy_grants_device(&p, "/dev/sda"));
    assert_true(policy_grants_device(&p, "/dev/nvidiactl"));
    assert_true(policy_grants_device(&p, "/dev/infiniband/uverbs0"));
    assert_false(policy_grants_device(&p, "/dev/infiniband"));
    assert_true(policy_shares_device(&p, "/dev/nvidiactl"));
    assert_true(policy_shares_device(&p, "/dev/infiniband/uverbs0"));
    assert_false(policy_shares_device(&p, "/dev/nvidia0"));
    assert_false(policy_shares_device(&p, "/dev/sda"));
    assert_int_equal(parse(NONE, &p, &fds, &e), 0);
    assert_false(policy_grants_device(&p, "/dev/null"));
}

static void storage(void **state)
{
    static const char *const WORDS[] = {"--connection-fd", "3",
                                        "--volume",        "block",
                                        "--volume-device", "/dev/oracleoci/oraclevd[b-z]",
                                        "--volume-fsck",   "always",
                                        "--nfs-on-lost",   "fail",
                                        "--allow-nfs",     NULL};
    static const char *const NONE[] = {"--connection-fd", "3", NULL};
    struct plan_mount m = {.source = (char[]){"1.2.3.4:/e"}, .target = (char[]){"/mnt/e"}};
    struct plan plan = {.maximum_runtime_ms = 1, .mount = {m}, .mount_count = 1};
    struct policy p;
    struct service_fds fds;
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(parse(WORDS, &p, &fds, &e), 0);
    assert_int_equal(p.storage.volume, VOLUME_BLOCK);
    assert_string_equal(p.storage.device, "/dev/oracleoci/oraclevd[b-z]");
    assert_int_equal(p.storage.file_system, VOLUME_EXT4);
    assert_int_equal(p.storage.fsck, FSCK_ALWAYS);
    assert_true(p.storage.lost_ends);
    assert_false(p.storage.ignore_failure);
    assert_false(p.storage.grow);
    assert_int_equal(p.storage.nfs_timeout_ms, 90000);
    assert_int_equal(policy_check(&p, &plan, &e), 0);
    assert_int_equal(parse(NONE, &p, &fds, &e), 0);
    assert_int_equal(p.storage.volume, VOLUME_DIRECTORY);
    assert_int_equal(policy_check(&p, &plan, &e), -EPERM);
    assert_non_null(strstr(e.text, "/mnt/e"));
}

static void buckets(void **state)
{
    static const char *const WORDS[] = {"--connection-fd",
                                        "3",
                                        "--objects-credentials",
                                        "/k",
                                        "--objects-buckets",
                                        "data-*,x",
                                        "--objects-uid",
                                        "70000",
                                        "--objects-on-lost",
                                        "fail",
                                        "--objects-upload-time",
                                        "5m",
                                        "--objects-endpoint",
                                        "http://h:1",
                                        NULL};
    static const char *const NO_REGION[] = {"--connection-fd", "3", "--objects-credentials", "/k", NULL};
    static const char *const NONE[] = {"--connection-fd", "3", NULL};
    struct plan_mount m = {
        .kind = MOUNT_OBJECTS, .source = (char[]){"oci://data-1@n"}, .target = (char[]){"/mnt/e"}};
    struct plan plan = {.maximum_runtime_ms = 1, .mount = {m}, .mount_count = 1};
    struct plan out = {.maximum_runtime_ms = 1};
    struct policy p;
    struct service_fds fds;
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(parse(WORDS, &p, &fds, &e), 0);
    assert_int_equal(p.objects.uid, 70000);
    assert_int_equal(p.objects.upload_ms, 300000);
    assert_true(p.objects.lost_ends);
    assert_int_equal(policy_check(&p, &plan, &e), 0);
    assert_true(policy_grants_bucket(&p, "x"));
    assert_false(policy_grants_bucket(&p, "y"));
    assert_int_equal(run_outputs_add(&out.outputs, "a", "s3://y", false), 0);
    assert_int_equal(policy_check(&p, &out, &e), -EPERM);
    assert_non_null(strstr(e.text, "objects.buckets"));
    run_outputs_free(&out.outputs);
    assert_int_equal(parse(NO_REGION, &p, &fds, &e), 0);
    assert_int_equal(policy_check(&p, &plan, &e), -EPERM);
    assert_non_null(strstr(e.text, "objects.region"));
    assert_int_equal(parse(NONE, &p, &fds, &e), 0);
    assert_int_equal(policy_check(&p, &plan, &e), -EPERM);
    assert_non_null(strstr(e.text, "objects.credentials"));
}

static void refusals(void **state)
{
    static const struct {
        const char *words[WORDS_MAX];
        const char *says;
    } CASES[] = {
        {{NULL}, "exactly one"},
        {{"--connection-fd", "3", "--starter-fd", "4", NULL}, "exactly one"},
        {{"--connection-fd", "x", NULL}, "number"},
        {{"--connection-fd", "3", "--job-uid", "0", NULL}, "--allow-root"},
        {{"--connection-fd", "3", "--job-uid", "-1", NULL}, "number"},
        {{"--connection-fd", "3", "--runs-directory", "relative", NULL}, "absolute"},
        {{"--connection-fd", "3", "--job-user", "a:b", NULL}, "user name"},
        {{"--connection-fd", "3", "--no-such-option", NULL}, "unknown option"},
        {{"--connection-fd", "3", "word", NULL}, "unexpected"},
        {{"--connection-fd", "3", "--volume", "tape", NULL}, "unknown value 'tape'"},
        {{"--connection-fd", "3", "--volume", "block", NULL}, "volume.device"},
        {{"--connection-fd", "3", "--volume", "image", "--rootless", NULL}, "only be a directory"},
        {{"--connection-fd", "3", "--objects-credentials", "/k", "--objects-uid", "1000", NULL},
         "objects.uid"},
        {{"--connection-fd", "3", "--objects-credentials", "/k", "--objects-uid", "0", NULL}, "objects.uid"},
        {{"--connection-fd", "3", "--maximum-runtime", "long", NULL}, "length of time"},
        {{"--connection-fd", "3", "--images-directory", "images", NULL}, "absolute"},
        {{"--connection-fd", "3", "--umoci", "umoci", NULL}, "absolute"},
        {{"--connection-fd", "3", "--image-ids", "65536", NULL}, "without root"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct policy p;
        struct service_fds fds;
        struct err e = ERR_INIT;
        if (parse(CASES[i].words, &p, &fds, &e) != -EINVAL || strstr(e.text, CASES[i].says) == NULL)
            fail_msg("case %zu: %s", i, e.text);
    }
}

static void what_a_plan_may_ask(void **state)
{
    const struct policy strict = {.job_uid = 1000, .job_gid = 100, .maximum_runtime_ms = 1000};
    const struct policy open_policy = {.job_uid = 1000, .allow_root = true, .maximum_runtime_ms = 1000};
    struct plan plan = {.maximum_runtime_ms = 1000};
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(policy_check(&strict, &plan, &e), 0);
    assert_int_equal(policy_uid(&strict, &plan), 1000);
    plan.maximum_runtime_ms = 1001;
    assert_int_equal(policy_check(&strict, &plan, &e), -EPERM);
    assert_int_equal(e.blame, BLAME_ASSIGNMENT);
    plan = (struct plan){.maximum_runtime_ms = 1, .as_root = true};
    assert_int_equal(policy_check(&strict, &plan, &e), -EPERM);
    assert_int_equal(policy_check(&open_policy, &plan, &e), 0);
    assert_int_equal(policy_uid(&open_policy, &plan), 0);
}

static void images(void **state)
{
    static const char *const WORDS[WORDS_MAX] = {
        "--connection-fd", "3", "--image-first-id", "200000", "--image-ids", "65536", NULL};
    struct policy p;
    struct service_fds fds;
    struct err e = ERR_INIT;
    struct plan plan = {
        .maximum_runtime_ms = 1000, .entry_kind = ENTRY_IMAGE, .image_uid = 5, .image_gid = 6};

    (void)state;
    assert_int_equal(parse(WORDS, &p, &fds, &e), 0);
    assert_int_equal(policy_check(&p, &plan, &e), 0);
    /* The image's user is one of the node's range, whatever the job's user is; and always in a namespace. */
    assert_int_equal(policy_uid(&p, &plan), 200005);
    assert_int_equal(policy_gid(&p, &plan), 200006);
    assert_int_equal(policy_own_ids(&p, &plan).uid, 5);
    assert_true(policy_user_namespace(&p, &plan));
    p.image_ids = 0;
    assert_int_equal(policy_check(&p, &plan, &e), -EPERM);
    assert_int_equal(e.blame, BLAME_NODE);
    p.rootless = true;
    assert_int_equal(policy_check(&p, &plan, &e), -EPERM);
    assert_non_null(strstr(e.text, "by root"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_line), cmocka_unit_test(devices),  cmocka_unit_test(storage),
        cmocka_unit_test(buckets),     cmocka_unit_test(refusals), cmocka_unit_test(what_a_plan_may_ask),
        cmocka_unit_test(images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
