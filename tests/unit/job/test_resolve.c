/* test_resolve.c - job, run and command line, layered: who wins, and the limits on what results. */
#include "cmocka_all.h"

#include <errno.h>
#include <signal.h>

#include "job/reading.h"
#include "job/resolve.h"

static const struct run_options NOTHING = {.maximum_runtime_ms = -1};

static void run_over_job(void **state)
{
    AUTO(reading)
    struct reading r = read_oci(
        "{\"id\":\"job1\",\"displayName\":\"jn\",\"projectId\":\"p\",\"compartmentId\":\"jc\",\"tenancyId\":"
        "\"t\","
        "\"jobConfigurationDetails\":{\"environmentVariables\":{\"A\":\"job\",\"B\":\"job\",\"JOB_OCID\":"
        "\"fake\","
        "\"JOB_RUN_ENTRYPOINT\":\"a.py\",\"CONDA_ENV_TYPE\":\"service\",\"CONDA_ENV_SLUG\":\"one\"},"
        "\"commandLineArguments\":\"x 'y "
        "z'\",\"maximumRuntimeInMinutes\":10},\"x-runlet\":{\"stopGrace\":\"5s\"}}",
        "{\"id\":\"run1\",\"jobId\":\"job1\",\"compartmentId\":\"rc\",\"jobConfigurationOverrideDetails\":{"
        "\"environmentVariables\":{\"B\":\"run\",\"CONDA_ENV_SLUG\":\"two\",\"NODE_RANK\":\"7\"},"
        "\"commandLineArguments\":\"only\",\"maximumRuntimeInMinutes\":20},"
        "\"x-runlet\":{\"stopSignal\":\"HUP\",\"stopWholeTree\":true,\"stopThen\":[{\"signal\":\"INT\","
        "\"after\":\"2s\"}]}}");
    AUTO(run_spec) struct run_spec s = {0};
    struct run_options options = NOTHING;

    (void)state;
    options.fqdn = "node1.example";
    assert_int_equal(run_resolve(&r.request, &options, &s, &r.diags), 0);
    assert_string_equal(s.run_id, "run1");
    assert_string_equal(s.job_id, "job1");
    assert_string_equal(s.job_name, "jn");
    assert_string_equal(s.run_name, "jn");
    assert_string_equal(env_value(&s.env, "A"), "job");
    assert_int_equal(env_find(&s.env, "A")->layer, ENV_JOB);
    assert_string_equal(env_value(&s.env, "B"), "run");
    assert_int_equal(env_find(&s.env, "B")->layer, ENV_RUN);
    assert_string_equal(env_value(&s.env, "JOB_OCID"), "job1");
    assert_int_equal(env_find(&s.env, "JOB_OCID")->layer, ENV_PLATFORM);
    assert_string_equal(env_value(&s.env, "JOB_RUN_OCID"), "run1");
    assert_string_equal(env_value(&s.env, "PROJECT_OCID"), "p");
    assert_string_equal(env_value(&s.env, "JOB_COMPARTMENT_OCID"), "jc");
    assert_string_equal(env_value(&s.env, "JOB_RUN_COMPARTMENT_OCID"), "rc");
    assert_string_equal(env_value(&s.env, "TENANCY_OCID"), "t");
    assert_string_equal(env_value(&s.env, "FQDN"), "node1.example");
    assert_string_equal(env_value(&s.env, "NODE_RANK"), "0");
    assert_string_equal(env_value(&s.env, "INITIAL_CLUSTER_SIZE"), "1");
    assert_null(env_value(&s.env, "JOB_ARTIFACT_FILE_NAME"));
    assert_int_equal(s.args.count, 1);
    assert_string_equal(s.args.item[0], "only");
    assert_string_equal(s.entrypoint, "a.py");
    assert_int_equal(s.maximum_runtime_ms, 20 * 60000);
    assert_int_equal(s.maximum_runtime_layer, ENV_RUN);
    assert_int_equal(s.stop_grace_ms, 5000);
    assert_int_equal(s.stop_signal, SIGHUP);
    assert_true(s.stop_whole_tree);
    assert_int_equal(s.stop_then.count, 1);
    assert_int_equal(s.stop_then.item[0].signal, 2);
    assert_int_equal(s.stop_then.item[0].after_ms, 2000);
    assert_int_equal(s.conda_type, CONDA_SERVICE);
    assert_string_equal(s.conda_slug, "two");
}

static void defaults(void **state)
{
    AUTO(reading) struct reading r = read_oci("{}", NULL);
    AUTO(run_spec) struct run_spec s = {0};

    (void)state;
    assert_int_equal(run_resolve(&r.request, &NOTHING, &s, &r.diags), 0);
    assert_null(s.run_id);
    assert_null(s.entrypoint);
    assert_int_equal(s.args.count, 0);
    assert_int_equal(s.maximum_runtime_ms, JOB_RUNTIME_MS_MAX);
    assert_int_equal(s.maximum_runtime_layer, ENV_DEFAULT);
    assert_int_equal(s.stop_grace_ms, STOP_GRACE_MS_DEFAULT);
    assert_int_equal(s.stop_signal, SIGTERM);
    assert_false(s.stop_whole_tree);
    assert_int_equal(s.conda_type, CONDA_NONE);
    assert_null(env_find(&s.env, "FQDN"));
    assert_null(env_find(&s.env, "TENANCY_OCID"));
}

static void command_line_over_both(void **state)
{
    AUTO(reading)
    struct reading r = read_oci("{\"jobConfigurationDetails\":{\"commandLineArguments\":\"a\","
                                "\"environmentVariables\":{\"K\":\"job\"}},"
                                "\"x-runlet\":{\"maximumRuntime\":\"90s\"}}",
                                "{\"jobConfigurationOverrideDetails\":{\"commandLineArguments\":\"b\"}}");
    AUTO(run_spec) struct run_spec s = {0};
    AUTO(strlist) struct strlist args = {0};
    AUTO(env) struct env env = {0};
    struct run_options options = {
        .args = &args, .env = &env, .entrypoint = "main.py", .maximum_runtime_ms = 1500, .name = "mine"};

    (void)state;
    assert_int_equal(strlist_add(&args, "x y"), 0);
    assert_int_equal(env_set(&env, ENV_RUN, "K", "line"), 0);
    assert_int_equal(run_resolve(&r.request, &options, &s, &r.diags), 0);
    assert_string_equal(s.args.item[0], "x y");
    assert_string_equal(env_value(&s.env, "K"), "line");
    assert_string_equal(s.entrypoint, "main.py");
    assert_string_equal(env_value(&s.env, "JOB_RUN_ENTRYPOINT"), "main.py");
    assert_int_equal(s.maximum_runtime_ms, 1500);
    assert_int_equal(s.maximum_runtime_layer, ENV_RUN);
    assert_string_equal(s.run_name, "mine");
}

static void empty_arguments_replace_too(void **state)
{
    AUTO(reading)
    struct reading r = read_oci("{\"jobConfigurationDetails\":{\"commandLineArguments\":\"a b\"}}",
                                "{\"jobConfigurationOverrideDetails\":{\"commandLineArguments\":\"\"}}");
    AUTO(run_spec) struct run_spec s = {0};

    (void)state;
    assert_int_equal(run_resolve(&r.request, &NOTHING, &s, &r.diags), 0);
    assert_int_equal(s.args.count, 0);
}

static void entrypoint_option_reaches_the_entry_program(void **state)
{
    AUTO(reading)
    struct reading r = read_ads(
        "kind: job\nspec:\n  runtime: {type: python, spec: {scriptPathURI: p.zip, entrypoint: a.py}}\n");
    AUTO(run_spec) struct run_spec s = {0};
    struct run_options options = NOTHING;

    (void)state;
    options.entrypoint = "b.py";
    assert_int_equal(run_resolve(&r.request, &options, &s, &r.diags), 0);
    assert_string_equal(s.entrypoint, "driver_python.py");
    assert_string_equal(env_value(&s.env, "CODE_ENTRYPOINT"), "b.py");
    assert_string_equal(env_value(&s.env, "JOB_ARTIFACT_FILE_NAME"), "p.zip");
}

static void finer_limit_of_one_document_wins_over_its_minutes(void **state)
{
    AUTO(reading)
    struct reading r = read_oci("{\"jobConfigurationDetails\":{\"maximumRuntimeInMinutes\":10},"
                                "\"x-runlet\":{\"maximumRuntime\":\"30s\"}}",
                                NULL);
    AUTO(run_spec) struct run_spec s = {0};

    (void)state;
    assert_int_equal(run_resolve(&r.request, &NOTHING, &s, &r.diags), 0);
    assert_int_equal(s.maximum_runtime_ms, 30000);
    assert_int_equal(s.maximum_runtime_layer, ENV_JOB);
}

static void too_much_together(void **state)
{
    AUTO(reading) struct reading r = read_oci("{}", NULL);
    AUTO(run_spec) struct run_spec s = {0};
    AUTO(strbuf) struct strbuf value = STRBUF_INIT(JOB_ENV_CHARS_MAX);
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(4096);
    AUTO(strlist) struct strlist args = {0};
    struct run_options options = {.args = &args, .maximum_runtime_ms = JOB_RUNTIME_MS_MAX + 1};

    (void)state;
    for (int i = 0; i < JOB_ENV_CHARS_MAX / 2; i++)
        strbuf_addch(&value, 'v');
    assert_int_equal(env_set(&r.request.job.configuration.env, ENV_JOB, "A", value.data), 0);
    assert_int_equal(env_set(&r.request.run.overrides.env, ENV_RUN, "B", value.data), 0);
    assert_int_equal(strlist_add(&args, value.data), 0);
    assert_int_equal(run_resolve(&r.request, &options, &s, &r.diags), -EINVAL);
    diag_print(&r.diags, &out);
    assert_non_null(strstr(out.data, "job and run together have 20002 characters; the limit is 20000"));
    assert_non_null(strstr(out.data, "arguments have 10000 characters; the limit is 4000"));
    assert_non_null(strstr(out.data, "the maximum runtime must be above 0 and at most 30 days"));
    assert_int_equal(s.env.count, 0);
}

static void shape_and_finer_limits(void **state)
{
    AUTO(reading)
    struct reading r = read_oci(
        "{\"jobInfrastructureConfigurationDetails\":{\"jobInfrastructureType\":\"ME_STANDALONE\","
        "\"shapeName\":"
        "\"VM.Standard.E4.Flex\",\"jobShapeConfigDetails\":{\"ocpus\":2,\"memoryInGBs\":16}},"
        "\"x-runlet\":{\"limits\":{\"pids\":100,\"scratch\":\"1G\",\"cpuset\":\"0-1\"},"
        "\"sandbox\":{\"network\":\"none\",\"devices\":[\"/dev/fuse\"]},\"notice\":{\"before\":\"5m\"}}}",
        "{\"x-runlet\":{\"limits\":{\"pids\":200,\"memory\":\"1G\"},\"sandbox\":{\"network\":\"host\","
        "\"learn\":true},\"notice\":{\"signal\":\"USR1\"}}}");
    AUTO(run_spec) struct run_spec s = {0};

    (void)state;
    assert_int_equal(run_resolve(&r.request, &NOTHING, &s, &r.diags), 0);
    assert_int_equal(s.limits.value[LIMIT_CPU], 4000);
    assert_true(s.limits.by_shape[LIMIT_CPU]);
    assert_false(s.limits.by_shape[LIMIT_MEMORY]);
    assert_int_equal(s.limits.value[LIMIT_MEMORY], 1LL << 30);
    assert_int_equal(s.limits.value[LIMIT_PIDS], 200);
    assert_int_equal(s.limits.value[LIMIT_SCRATCH], 1LL << 30);
    assert_int_equal(s.limits.value[LIMIT_SWAP], LIMIT_UNSET);
    assert_string_equal(s.limits.cpuset, "0-1");
    assert_false(s.sandbox.network_off);
    assert_true(s.sandbox.learn);
    assert_int_equal(s.sandbox.devices.count, 1);
    assert_int_equal(s.notice_before_ms, 300000);
    assert_int_equal(s.notice_signal, SIGUSR1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_over_job),
        cmocka_unit_test(shape_and_finer_limits),
        cmocka_unit_test(defaults),
        cmocka_unit_test(command_line_over_both),
        cmocka_unit_test(empty_arguments_replace_too),
        cmocka_unit_test(entrypoint_option_reaches_the_entry_program),
        cmocka_unit_test(finer_limit_of_one_document_wins_over_its_minutes),
        cmocka_unit_test(too_much_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
