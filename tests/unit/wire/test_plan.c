/* test_plan.c - a plan arrives as it was sent, and what is not exactly a plan is refused with its line. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "wire/plan.h"

#define FIRST                                                                                                \
    "{\"plan\":1,\"run_id\":\"r1\",\"job_name\":\"n\",\"epoch\":1,\"as_root\":false,"                        \
    "\"entrypoint\":\"a.py\",\"python\":\"/usr/bin/python3\",\"maximum_runtime_ms\":60000,"                  \
    "\"stop_grace_ms\":1000,\"stop_signal\":15,\"stop_whole_tree\":true,\"nice\":0,\"lease_until_ms\":0,"    \
    "\"oom_score_adj\":0,\"umask_bits\":18,\"notice_before_ms\":0,\"notice_signal\":0,\"volume_bytes\":0,"   \
    "\"network_off\":"                                                                                       \
    "false,"                                                                                                 \
    "\"user_namespace\":false,\"learn\":false,\"probe_delay_s\":0,\"probe_period_s\":0,\"probe_failures\":"  \
    "0,\"entry_kind\":\"file\","
#define OUTPUTS(n)                                                                                           \
    "\"placements\":0,\"args\":0,\"vars\":0,\"limits\":0,\"devices\":0,\"system_calls\":0,\"stop_signals\":" \
    "0,"                                                                                                     \
    "\"mounts\":0,\"outputs\":" #n ",\"nodes\":0,\"probe_words\":0}\n"
#define OUTPUT(from, to) "{\"output\":\"" from "\",\"to\":\"" to "\",\"always\":true}\n"
#define ALL_COUNTS(places, args, vars, limits, devices, calls, mounts)                                       \
    "\"placements\":" #places ",\"args\":" #args ",\"vars\":" #vars ",\"limits\":" #limits                   \
    ",\"devices\":" #devices ",\"system_calls\":" #calls ",\"stop_signals\":0,\"mounts\":" #mounts           \
    ",\"outputs\":0,\"nodes\":0,\"probe_words\":0}\n"
#define NODES(nodes, words)                                                                                  \
    "\"placements\":0,\"args\":0,\"vars\":0,\"limits\":0,\"devices\":0,\"system_calls\":0,\"stop_signals\":" \
    "0,\"mounts\":0,\"outputs\":0,\"nodes\":" #nodes ",\"probe_words\":" #words "}\n"
#define NODE(address, fqdn, group)                                                                           \
    "{\"node\":\"" address "\",\"fqdn\":\"" fqdn "\",\"group\":\"" group "\"}\n"
#define MORE_COUNTS(places, args, vars, limits, devices, calls)                                              \
    ALL_COUNTS(places, args, vars, limits, devices, calls, 0)
#define MOUNTS(n)                  ALL_COUNTS(0, 0, 0, 0, 0, 0, n)
#define COUNTS(places, args, vars) MORE_COUNTS(places, args, vars, 0, 0, 0)
#define MOUNT(kind, source, target)                                                                          \
    "{\"mount\":\"" kind "\",\"source\":\"" source "\",\"target\":\"" target "\",\"read_only\":true}\n"

static void fill(struct plan *p)
{
    *p = (struct plan){
        .run_id = strdup("ocid1.datasciencejobrun.oc1..abc"),
        .job_name = strdup("train \"r\xC3\xA9sum\xC3\xA9\"\n"),
        .epoch = 7,
        .as_root = true,
        .placement_count = 2,
        .entry_kind = ENTRY_ARCHIVE,
        .entrypoint = strdup("src/./train.py"),
        .python = strdup("/opt/conda/bin/python"),
        .bash = strdup("/bin/bash"),
        .conda_prefix = strdup("/opt/conda"),
        .maximum_runtime_ms = JOB_RUNTIME_MS_MAX,
        .lease_until_ms = 123456,
        .stop_grace_ms = 30000,
        .stop_signal = 15,
        .stop_whole_tree = true,
        .nice = -5,
        .oom_score_adj = 500,
        .umask_bits = 0027,
        .volume_bytes = 50LL << 30,
        .mount_count = 1,
        .notice_before_ms = 60000,
        .notice_signal = 10,
        .stop_then = {.item = {{2, 1000}, {3, 2000}}, .count = 2},
    };
    run_limits_init(&p->limits);
    p->limits.value[LIMIT_MEMORY] = 1LL << 30;
    p->limits.by_shape[LIMIT_MEMORY] = true;
    p->limits.value[LIMIT_CORE_SIZE] = 0;
    (void)snprintf(p->limits.cpuset, sizeof(p->limits.cpuset), "0-1");
    p->sandbox.network_off = true;
    p->sandbox.learn = true;
    strlist_add(&p->sandbox.devices, "/dev/dri/card0");
    strlist_add(&p->sandbox.system_calls, "openat");
    p->placement[0] =
        (struct placement){.form = PLACE_ARCHIVE, .name = strdup("p.zip"), .into = strdup(JOB_DECOMPRESSED)};
    p->placement[1] = (struct placement){.form = PLACE_FILE, .name = strdup("x"), .into = strdup("")};
    p->mount[0] = (struct plan_mount){.kind = MOUNT_NFS,
                                      .source = strdup("10.0.0.5:/exports/data"),
                                      .target = strdup("/mnt/data"),
                                      .read_only = true};
    run_outputs_add(&p->outputs, "results/a", "oci://b@n/p", true);
    cluster_add(&p->cluster, "head node", "127.0.0.1", "a.example");
    cluster_add(&p->cluster, "workers", "fd00::2", "");
    strlist_add(&p->probe.command, "test -e \"x\"");
    p->probe.period_s = 10;
    p->probe.failure_threshold = 3;
    strlist_add(&p->args, "");
    strlist_add(&p->args, "--text=two words\n\ttab");
    env_set(&p->env, ENV_DEFAULT, "PATH", "/usr/bin");
    env_set(&p->env, ENV_RUN, "JSON", "{\"a\": [1]}\nsecond line");
    env_set(&p->env, ENV_PLATFORM, "JOB_RUN_OCID", "");
}

static void round_trip(void **state)
{
    AUTO(plan) struct plan sent = {0};
    AUTO(plan) struct plan got = {0};
    AUTO(strbuf) struct strbuf first = STRBUF_INIT(PLAN_BYTES_MAX);
    AUTO(strbuf) struct strbuf again = STRBUF_INIT(PLAN_BYTES_MAX);
    struct err e = ERR_INIT;

    (void)state;
    fill(&sent);
    assert_int_equal(plan_encode(&sent, &first), 0);
    if (plan_decode(first.data, first.len, &got, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(plan_encode(&got, &again), 0);
    assert_string_equal(first.data, again.data);

    assert_string_equal(got.run_id, sent.run_id);
    assert_string_equal(got.job_name, sent.job_name);
    assert_int_equal(got.epoch, 7);
    assert_true(got.as_root);
    assert_int_equal(got.entry_kind, ENTRY_ARCHIVE);
    assert_string_equal(got.entrypoint, "src/./train.py");
    assert_string_equal(got.python, "/opt/conda/bin/python");
    assert_string_equal(got.bash, "/bin/bash");
    assert_null(got.java);
    assert_string_equal(got.conda_prefix, "/opt/conda");
    assert_int_equal(got.maximum_runtime_ms, JOB_RUNTIME_MS_MAX);
    assert_int_equal(got.lease_until_ms, 123456);
    assert_int_equal(got.stop_grace_ms, 30000);
    assert_int_equal(got.stop_signal, 15);
    assert_true(got.stop_whole_tree);
    assert_int_equal(got.nice, -5);
    assert_int_equal(got.oom_score_adj, 500);
    assert_int_equal(got.umask_bits, 0027);
    assert_int_equal(got.placement_count, 2);
    assert_int_equal(got.placement[0].form, PLACE_ARCHIVE);
    assert_string_equal(got.placement[0].into, JOB_DECOMPRESSED);
    assert_string_equal(got.placement[1].name, "x");
    assert_int_equal(got.args.count, 2);
    assert_string_equal(got.args.item[0], "");
    assert_string_equal(got.args.item[1], "--text=two words\n\ttab");
    assert_int_equal(got.env.count, 3);
    assert_string_equal(env_value(&got.env, "JSON"), "{\"a\": [1]}\nsecond line");
    assert_int_equal(env_find(&got.env, "JSON")->layer, ENV_RUN);
    assert_int_equal(env_find(&got.env, "PATH")->layer, ENV_DEFAULT);
    assert_int_equal(got.limits.value[LIMIT_MEMORY], 1LL << 30);
    assert_true(got.limits.by_shape[LIMIT_MEMORY]);
    assert_false(got.limits.by_shape[LIMIT_CORE_SIZE]);
    assert_int_equal(got.limits.value[LIMIT_CORE_SIZE], 0);
    assert_int_equal(got.limits.value[LIMIT_PIDS], LIMIT_UNSET);
    assert_string_equal(got.limits.cpuset, "0-1");
    assert_true(got.sandbox.network_off);
    assert_false(got.sandbox.user_namespace);
    assert_true(got.sandbox.learn);
    assert_string_equal(got.sandbox.devices.item[0], "/dev/dri/card0");
    assert_string_equal(got.sandbox.system_calls.item[0], "openat");
    assert_int_equal(got.notice_before_ms, 60000);
    assert_int_equal(got.notice_signal, 10);
    assert_int_equal(got.stop_then.count, 2);
    assert_int_equal(got.stop_then.item[1].signal, 3);
    assert_int_equal(got.stop_then.item[1].after_ms, 2000);
    assert_int_equal(got.volume_bytes, 50LL << 30);
    assert_int_equal(got.mount_count, 1);
    assert_string_equal(got.mount[0].source, "10.0.0.5:/exports/data");
    assert_string_equal(got.mount[0].target, "/mnt/data");
    assert_true(got.mount[0].read_only);
    assert_int_equal(got.outputs.count, 1);
    assert_string_equal(got.outputs.item[0].from, "results/a");
    assert_string_equal(got.outputs.item[0].to, "oci://b@n/p");
    assert_true(got.outputs.item[0].always);
}

static void refusals(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } CASES[] = {
        {"", "the plan is empty"},
        {"{\"plan\":1}", "line 1: no newline"},
        {"{\"plan\":1}\n", "line 1: run_id: a string expected"},
        {"{\"env\":\"A\",\"value\":\"\",\"layer\":\"run\"}\n", "line 1: this is not a plan"},
        {"{\"plan\":2}\n", "plan version 2"},
        {FIRST "\"later\":1," COUNTS(0, 0, 0), "unknown member 'later'"},
        {FIRST COUNTS(0, 0, 1), "announces 1 vars and has 0"},
        {FIRST COUNTS(0, 1, 0), "announces 1 args and has 0"},
        {FIRST COUNTS(13, 0, 0), "placements: 13 is not in 0..12"},
        {FIRST COUNTS(0, 0, 0) "{\"arg\":\"x\"}\n", "announces 0 args and has 1"},
        {FIRST COUNTS(0, 0, 0) "{\"wish\":\"x\"}\n", "line 2: unknown kind of fact"},
        {FIRST COUNTS(0, 1, 0) "{\"arg\":1}\n", "line 2: arg: a string expected"},
        {FIRST COUNTS(0, 1, 0) "{\"arg\":\"x\",\"env\":\"A\"}\n", "unknown member 'env'"},
        {FIRST COUNTS(0, 0, 1) "{\"env\":\"1A\",\"value\":\"\",\"layer\":\"run\"}\n", "env: the name of a"},
        {FIRST COUNTS(0, 0, 1) "{\"env\":\"A=B\",\"value\":\"\",\"layer\":\"run\"}\n", "env: the name of a"},
        {FIRST COUNTS(0, 0, 1) "{\"env\":\"A\",\"layer\":\"run\"}\n", "value: a string expected"},
        {FIRST COUNTS(0, 0, 1) "{\"env\":\"A\",\"value\":\"\",\"layer\":\"boss\"}\n", "layer: "},
        {FIRST COUNTS(0, 0, 1) "{\"env\":\"A\",\"value\":\"\",\"layer\":\"jobruntime.yaml\"}\n", "layer: "},
        {FIRST COUNTS(0, 0, 2) "{\"env\":\"A\",\"value\":\"\",\"layer\":\"run\"}\n"
                               "{\"env\":\"A\",\"value\":\"\",\"layer\":\"run\"}\n",
         "line 3: A: given twice"},
        {FIRST MORE_COUNTS(0, 0, 0, 1, 0, 0) "{\"limit\":\"speed\",\"value\":1,\"shape\":false}\n",
         "unknown value 'speed'"},
        {FIRST MORE_COUNTS(0, 0, 0, 1, 0, 0) "{\"limit\":\"memory\",\"value\":1,\"shape\":false}\n",
         "value: 1 is not in 4194304"},
        {FIRST MORE_COUNTS(0, 0, 0, 2, 0, 0) "{\"limit\":\"pids\",\"value\":9,\"shape\":false}\n{\"limit\":"
                                             "\"pids\",\"value\":9,\"shape\":false}\n",
         "line 3: pids: given twice"},
        {FIRST MORE_COUNTS(0, 0, 0, 1, 0, 0) "{\"cpuset\":\"3-1\"}\n", "cpuset: one list"},
        {FIRST MORE_COUNTS(0, 0, 0, 0, 1, 0) "{\"device\":\"/dev/../etc\"}\n", "device: not a valid"},
        {FIRST MORE_COUNTS(0, 0, 0, 0, 1, 0) "{\"device\":\"/etc/passwd\"}\n", "device: not a valid"},
        {FIRST MORE_COUNTS(0, 0, 0, 0, 0, 1) "{\"system-call\":\"Open\"}\n", "system-call: not a valid"},
        {FIRST MORE_COUNTS(0, 0, 0, 0, 0, 1), "announces 1 system_calls and has 0"},
        {FIRST COUNTS(0, 0, 0) "{\"stop-signal\":65,\"after\":1}\n", "stop-signal: 65 is not in"},
        {FIRST COUNTS(0, 0, 0) "{\"stop-signal\":2,\"after\":5}\n{\"stop-signal\":15,\"after\":5}\n",
         "line 3: after: 5 is not in 6.."},
        {FIRST COUNTS(0, 0, 0) "{\"stop-signal\":2,\"after\":5}\n", "announces 0 stop_signals and has 1"},
        {FIRST MOUNTS(1) MOUNT("9p", "1.2.3.4:/e", "/mnt/a"), "mount: unknown value '9p'"},
        {FIRST MOUNTS(1) MOUNT("objects", "1.2.3.4:/e", "/mnt/a"), "source: the address of a bucket"},
        {FIRST MOUNTS(1) MOUNT("nfs", "s3://b", "/mnt/a"), "source: address:/export"},
        {FIRST OUTPUTS(1) OUTPUT("../x", "s3://b"), "output: a path below the home"},
        {FIRST OUTPUTS(1) OUTPUT("x", "file:///x"), "to: the address of a bucket"},
        {FIRST OUTPUTS(1) "{\"output\":\"x\",\"to\":\"s3://b\"}\n", "always: true or false"},
        {FIRST OUTPUTS(2) OUTPUT("x", "s3://b"), "announces 2 outputs and has 1"},
        {FIRST MOUNTS(1) MOUNT("nfs", "server:/e", "/mnt/a"), "source: address:/export"},
        {FIRST MOUNTS(1) MOUNT("nfs", "1.2.3.4:e", "/mnt/a"), "source: address:/export"},
        {FIRST MOUNTS(1) MOUNT("nfs", "1.2.3.4:/../e", "/mnt/a"), "source: address:/export"},
        {FIRST MOUNTS(1) MOUNT("nfs", "1.2.3.4:/e", "/etc/a"), "target: a place"},
        {FIRST MOUNTS(1) MOUNT("nfs", "1.2.3.4:/e", "/mnt/../etc"), "target: a place"},
        {FIRST MOUNTS(1) MOUNT("nfs", "1.2.3.4:/e", "/mnt/a/"), "target: a place"},
        {FIRST MOUNTS(1) MOUNT("nfs", "1.2.3.4:/e", "mnt"), "target: a place"},
        {FIRST MOUNTS(2) MOUNT("nfs", "1.2.3.4:/e", "/mnt/a") MOUNT("nfs", "1.2.3.4:/f", "/mnt/a"),
         "line 3: /mnt/a: given twice"},
        {FIRST MOUNTS(2) MOUNT("nfs", "1.2.3.4:/e", "/mnt/a"), "announces 2 mounts and has 1"},
        {FIRST MOUNTS(1) "{\"mount\":\"nfs\",\"source\":\"1.2.3.4:/e\",\"target\":\"/mnt/a\"}\n",
         "read_only: true or false"},
        {FIRST COUNTS(1, 0, 0) "{\"place\":\"link\",\"name\":\"a\",\"into\":\"\"}\n", "unknown value 'link'"},
        {FIRST COUNTS(1, 0, 0) "{\"place\":\"file\",\"name\":\"a/b\",\"into\":\"\"}\n", "name: a plain"},
        {FIRST COUNTS(1, 0, 0) "{\"place\":\"file\",\"name\":\"..\",\"into\":\"\"}\n", "name: a plain"},
        {FIRST COUNTS(1, 0, 0) "{\"place\":\"file\",\"name\":\"a\",\"into\":\"../up\"}\n", "into: a folder"},
        {FIRST COUNTS(1, 0, 0) "{\"place\":\"file\",\"name\":\"a\",\"into\":\"/etc\"}\n", "into: a folder"},
        {FIRST COUNTS(1, 0, 0) "{\"place\":\"file\",\"name\":\"a\",\"into\":\"d/..\"}\n", "into: a folder"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct plan p = {0};
        struct err e = ERR_INIT;
        int r = plan_decode(CASES[i].text, strlen(CASES[i].text), &p, &e);
        if (r >= 0 || strstr(e.text, CASES[i].says) == NULL)
            fail_msg("case %zu: %d '%s' does not say '%s'", i, r, e.text, CASES[i].says);
        assert_null(p.run_id);
        assert_int_equal(p.placement_count, 0);
    }
}

/* One member of a good first line at a time becomes a bad one. */
static void numbers_and_names_out_of_range(void **state)
{
    static const struct {
        const char *from;
        const char *to;
        const char *says;
    } CASES[] = {
        {"\"run_id\":\"r1\"", "\"run_id\":\"../r\"", "run_id"},
        {"\"run_id\":\"r1\"", "\"run_id\":\"\"", "run_id"},
        {"\"run_id\":\"r1\"", "\"run_id\":1", "run_id"},
        {"\"epoch\":1", "\"epoch\":-1", "epoch: -1 is not in"},
        {"\"as_root\":false", "\"as_root\":0", "as_root: true or false"},
        {"\"entrypoint\":\"a.py\"", "\"entrypoint\":\"/a.py\"", "entrypoint"},
        {"\"entrypoint\":\"a.py\"", "\"entrypoint\":\"x/../a.py\"", "entrypoint"},
        {"\"entrypoint\":\"a.py\"", "\"entrypoint\":\"d/a.py\"", "entrypoint: a plain file name"},
        {"\"entrypoint\":\"a.py\",", "", "entrypoint: a string expected"},
        {"\"python\":\"/usr/bin/python3\"", "\"python\":\"python3\"", "python"},
        {"\"python\":\"/usr/bin/python3\"", "\"python\":\"/a/../b\"", "python"},
        {"\"python\":\"/usr/bin/python3\"", "\"python\":3", "python: a string expected"},
        {"\"maximum_runtime_ms\":60000", "\"maximum_runtime_ms\":0", "maximum_runtime_ms"},
        {"\"maximum_runtime_ms\":60000", "\"maximum_runtime_ms\":2592000001", "maximum_runtime_ms"},
        {"\"stop_grace_ms\":1000", "\"stop_grace_ms\":3600001", "stop_grace_ms"},
        {"\"lease_until_ms\":0", "\"lease_until_ms\":-1", "lease_until_ms"},
        {",\"lease_until_ms\":0", "", "lease_until_ms"},
        {"\"stop_signal\":15", "\"stop_signal\":0", "stop_signal"},
        {"\"stop_signal\":15", "\"stop_signal\":65", "stop_signal"},
        {"\"volume_bytes\":0", "\"volume_bytes\":-1", "volume_bytes"},
        {"\"nice\":0", "\"nice\":20", "nice"},
        {"\"oom_score_adj\":0", "\"oom_score_adj\":-1001", "oom_score_adj"},
        {"\"umask_bits\":18", "\"umask_bits\":512", "umask_bits"},
        {"\"entry_kind\":\"file\"", "\"entry_kind\":\"disk\"", "entry_kind: unknown value"},
        {"\"entry_kind\":\"file\"", "\"entry_kind\":\"image\"",
         "image_digest: expected with entry_kind image"},
        {"\"entry_kind\":\"file\"", "\"entry_kind\":\"image\",\"image_digest\":\"sha256:1\"",
         "image_digest: not a valid"},
        {"\"entry_kind\":\"file\"", "\"entry_kind\":\"file\",\"image_user\":\"a b\"",
         "image_user: not a valid"},
        {"\"entry_kind\":\"file\"", "\"entry_kind\":\"file\",\"directory\":\"/a/../b\"",
         "directory: not a valid"},
        {"\"entry_kind\":\"file\"", "\"entry_kind\":\"file\",\"image_uid\":1", "unknown member"},
    };
    static const char GOOD[] = FIRST COUNTS(0, 0, 0);
    AUTO(plan) struct plan good = {0};
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(plan_decode(GOOD, sizeof(GOOD) - 1, &good, &e), 0);
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(strbuf) struct strbuf text = STRBUF_INIT(4096);
        struct plan p = {0};
        const char *at = strstr(GOOD, CASES[i].from);
        int r;

        assert_non_null(at);
        strbuf_add(&text, GOOD, (size_t)(at - GOOD));
        strbuf_addstr(&text, CASES[i].to);
        strbuf_addstr(&text, at + strlen(CASES[i].from));
        r = plan_decode(text.data, text.len, &p, &e);
        if (r != -EBADMSG || strstr(e.text, CASES[i].says) == NULL)
            fail_msg("%s: %d '%s'", CASES[i].to, r, e.text);
    }
}

static void what_cannot_arrive_is_not_sent(void **state)
{
    AUTO(plan) struct plan p = {0};
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(PLAN_BYTES_MAX);
    AUTO(strbuf) struct strbuf small = STRBUF_INIT(100);
    AUTO_FREE char *huge = malloc(FACT_LINE_MAX + 1);

    (void)state;
    fill(&p);
    assert_int_equal(plan_encode(&p, &small), -E2BIG);
    env_set(&p.env, ENV_RUN, "BYTES", "\xFF");
    assert_int_equal(plan_encode(&p, &out), -EILSEQ);
    strbuf_reset(&out);
    memset(huge, 'x', FACT_LINE_MAX);
    huge[FACT_LINE_MAX] = '\0';
    env_set(&p.env, ENV_RUN, "BYTES", huge);
    assert_int_equal(plan_encode(&p, &out), -E2BIG);
}

static void too_many_arguments(void **state)
{
    AUTO(plan) struct plan p = {0};
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(PLAN_BYTES_MAX);

    (void)state;
    fill(&p);
    for (int i = 0; i < PLAN_ARGS_MAX; i++)
        strlist_add(&p.args, "a");
    assert_int_equal(plan_encode(&p, &out), -E2BIG);
}

/* A plan cut anywhere is never taken for a whole one. */
static void every_prefix_is_refused(void **state)
{
    AUTO(plan) struct plan p = {0};
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(PLAN_BYTES_MAX);

    (void)state;
    fill(&p);
    assert_int_equal(plan_encode(&p, &out), 0);
    for (size_t n = 0; n < out.len; n++) {
        struct plan cut = {0};
        struct err e = ERR_INIT;
        assert_true(plan_decode(out.data, n, &cut, &e) < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(refusals),
        cmocka_unit_test(numbers_and_names_out_of_range),
        cmocka_unit_test(what_cannot_arrive_is_not_sent),
        cmocka_unit_test(too_many_arguments),
        cmocka_unit_test(every_prefix_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
