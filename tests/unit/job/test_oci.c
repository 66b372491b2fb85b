/* test_oci.c - OCI Job and JobRun documents: what is read, and what is refused where. */
#include "cmocka_all.h"

#include <errno.h>
#include <signal.h>

#include "job/reading.h"

static const char JOB[] =
    "{\"id\":\"ocid1.datasciencejob.oc1.iad.aaaa\",\"timeCreated\":\"2026-11-01T10:00:00.000Z\","
    "\"createdBy\":\"ocid1.user.oc1..u\",\"projectId\":\"ocid1.project.p\",\"compartmentId\":\"ocid1."
    "compartment.c\","
    "\"displayName\":\"train\",\"lifecycleState\":\"ACTIVE\",\"lifecycleDetails\":null,"
    "\"jobConfigurationDetails\":{\"jobType\":\"DEFAULT\","
    "\"environmentVariables\":{\"CONDA_ENV_TYPE\":\"service\",\"CONDA_ENV_SLUG\":\"dbexp_p38_cpu_v1\","
    "\"JOB_RUN_ENTRYPOINT\":\"pkg/entry.py\",\"EMPTY\":\"\",\"NONE\":null},"
    "\"commandLineArguments\":\"100 linux \\\"hi there\\\"\",\"maximumRuntimeInMinutes\":\"60\","
    "\"startupProbeDetails\":null},"
    "\"jobInfrastructureConfigurationDetails\":{\"jobInfrastructureType\":\"STANDALONE\","
    "\"shapeName\":\"VM.Standard.E4.Flex\",\"subnetId\":\"ocid1.subnet.s\",\"blockStorageSizeInGBs\":\"100\","
    "\"jobShapeConfigDetails\":{\"ocpus\":2.5,\"memoryInGBs\":16}},"
    "\"jobEnvironmentConfigurationDetails\":null,"
    "\"jobLogConfigurationDetails\":{\"enableLogging\":true,\"enableAutoLogCreation\":false,"
    "\"logGroupId\":\"ocid1.loggroup.g\",\"logId\":\"ocid1.log.l\"},"
    "\"jobStorageMountConfigurationDetailsList\":["
    "{\"storageType\":\"FILE_STORAGE\",\"destinationDirectoryName\":\"fss\",\"mountTargetId\":\"ocid1."
    "mounttarget.m\","
    "\"exportId\":\"ocid1.export.e\",\"destinationPath\":\"/opc\"},"
    "{\"storageType\":\"OBJECT_STORAGE\",\"destinationDirectoryName\":\"data\",\"namespace\":\"ns\","
    "\"bucket\":\"b\","
    "\"prefix\":\"p/q\"}],"
    "\"jobNodeConfigurationDetails\":null,\"freeformTags\":{\"a\":\"b\"},\"definedTags\":{\"n\":{\"k\":1}},"
    "\"x-runlet\":{\"maximumRuntime\":\"90s\",\"stopGrace\":\"10s\",\"stopSignal\":\"INT\",\"stopWholeTree\":"
    "true}}";

static void a_job_as_the_api_returns_it(void **state)
{
    AUTO(reading) struct reading r = read_oci(JOB, NULL);
    const struct job *j = &r.request.job;

    (void)state;
    assert_string_equal(strbuf_str(&r.text), "");
    assert_int_equal(r.result, 0);
    assert_string_equal(j->id, "ocid1.datasciencejob.oc1.iad.aaaa");
    assert_string_equal(j->display_name, "train");
    assert_string_equal(j->project_id, "ocid1.project.p");
    expect_env(&r, "JOB_RUN_ENTRYPOINT", "pkg/entry.py");
    expect_env(&r, "EMPTY", "");
    expect_env(&r, "NONE", NULL);
    assert_string_equal(j->configuration.arguments, "100 linux \"hi there\"");
    assert_int_equal(j->configuration.maximum_runtime_minutes, 60);
    assert_string_equal(j->infra.type, "STANDALONE");
    assert_int_equal(j->infra.block_storage_gb, 100);
    assert_true(j->infra.ocpus == 2.5 && j->infra.memory_gb == 16);
    assert_true(j->enable_logging && !j->enable_auto_log_creation);
    assert_true(j->configuration.has_mounts);
    assert_int_equal(j->configuration.mount_count, 2);
    assert_string_equal(j->configuration.mount[0].destination_path, "/opc");
    assert_true(j->configuration.mount[1].object_storage);
    assert_string_equal(j->configuration.mount[1].prefix, "p/q");
    assert_null(j->configuration.mount[1].destination_path);
    assert_int_equal(j->configuration.x.maximum_runtime_ms, 90000);
    assert_int_equal(j->configuration.x.stop_grace_ms, 10000);
    assert_int_equal(j->configuration.x.stop_signal, SIGINT);
    assert_int_equal(j->configuration.x.stop_whole_tree, 1);
    assert_int_equal(r.request.conda_type, CONDA_SERVICE);
    assert_string_equal(r.request.conda_slug, "dbexp_p38_cpu_v1");
    assert_int_equal(r.request.runtime, RUNTIME_ARTIFACT);
    assert_false(j->multi_node);
}

static void absent_is_minus_one(void **state)
{
    AUTO(reading)
    struct reading r = read_oci("{\"projectId\":\"p\",\"compartmentId\":\"c\"}", "{\"jobId\":\"j\"}");
    const struct job *j = &r.request.job;

    (void)state;
    assert_int_equal(r.result, 0);
    assert_int_equal(j->infra.block_storage_gb, -1);
    assert_int_equal(j->configuration.maximum_runtime_minutes, -1);
    assert_int_equal(j->configuration.x.maximum_runtime_ms, -1);
    assert_int_equal(j->configuration.x.stop_grace_ms, -1);
    assert_int_equal(j->configuration.x.stop_whole_tree, -1);
    assert_int_equal(r.request.run.overrides.maximum_runtime_minutes, -1);
    assert_false(j->configuration.has_mounts);
    assert_null(j->configuration.arguments);
}

static void a_run_with_overrides(void **state)
{
    static const char RUN[] =
        "{\"id\":\"ocid1.datasciencejobrun.oc1.iad.rrrr\",\"timeAccepted\":\"x\",\"jobId\":\"ocid1.j\","
        "\"displayName\":\"run 1\",\"JobConfigurationOverrideDetails\":{\"jobType\":\"DEFAULT\","
        "\"environmentVariables\":{\"A\":\"1\"},\"commandLineArguments\":\"\",\"maximumRuntimeInMinutes\":5},"
        "\"JobEnvironmentConfigurationOverrideDetails\":{\"jobEnvironmentType\":\"OCIR_CONTAINER\",\"image\":"
        "\"i:1\","
        "\"cmd\":[\"a\",\"b c\"]},"
        "\"jobStorageMountConfigurationOverrideDetailsList\":[],\"logDetails\":{\"logId\":\"l\","
        "\"logGroupId\":\"g\"}}";
    AUTO(reading) struct reading r = read_oci(NULL, RUN);
    const struct job_run *run = &r.request.run;

    (void)state;
    assert_string_equal(strbuf_str(&r.text), "");
    assert_int_equal(r.result, 0);
    assert_string_equal(run->id, "ocid1.datasciencejobrun.oc1.iad.rrrr");
    assert_string_equal(env_value(&run->overrides.env, "A"), "1");
    assert_int_equal(env_find(&run->overrides.env, "A")->layer, ENV_RUN);
    assert_string_equal(run->overrides.arguments, "");
    assert_int_equal(run->overrides.maximum_runtime_minutes, 5);
    assert_true(run->overrides.has_mounts);
    assert_string_equal(run->overrides.container->image, "i:1");
    assert_string_equal(run->overrides.container->cmd.item[1], "b c");
    assert_int_equal(r.request.runtime, RUNTIME_CONTAINER);
}

static void multi_node_is_recognised(void **state)
{
    AUTO(reading)
    struct reading r = read_oci(
        "{\"jobConfigurationDetails\":{\"jobType\":\"EMPTY\"},\"jobInfrastructureConfigurationDetails\":"
        "{\"jobInfrastructureType\":\"EMPTY\"},\"jobNodeConfigurationDetails\":{\"jobNodeType\":\"MULTI_"
        "NODE\","
        "\"startupOrder\":\"IN_PARALLEL\",\"jobNodeGroupConfigurationDetailsList\":[{\"name\":\"a\","
        "\"replicas\":3},"
        "{\"name\":\"b\"}]}}",
        NULL);

    (void)state;
    assert_int_equal(r.result, 0);
    assert_true(r.request.job.multi_node);
    assert_int_equal(r.request.job.replicas, 4);
}

#define GROUPS(text)                                                                                         \
    "{\"jobNodeConfigurationDetails\":{\"jobNodeType\":\"MULTI_NODE\","                                      \
    "\"jobNodeGroupConfigurationDetailsList\":[" text "]}}"

/* What the only group says is the job's; ADS writes some of its keys with a capital. */
static void one_node_is_a_job_as_any_other(void **state)
{
    AUTO(reading)
    struct reading r =
        read_oci("{\"jobConfigurationDetails\":{\"jobType\":\"EMPTY\"},\"jobNodeConfigurationDetails\":{"
                 "\"jobNodeType\":\"MULTI_NODE\","
                 "\"maximumRuntimeInMinutes\":30,\"startupOrder\":\"IN_ORDER\",\"jobNetworkConfiguration\":{"
                 "\"jobNetworkType\":"
                 "\"CUSTOM_NETWORK\",\"subnetId\":\"s\"},\"jobNodeGroupConfigurationDetailsList\":[{\"name\":"
                 "\"node-group\",\"replicas\":1,"
                 "\"minimumSuccessReplicas\":1,\"jobInfrastructureConfigurationDetails\":{"
                 "\"jobInfrastructureType\":\"MULTI_NODE\","
                 "\"shapeName\":\"VM.Standard.E4.Flex\",\"blockStorageSizeInGBs\":60},"
                 "\"jobConfigurationDetails\":{\"jobType\":\"DEFAULT\","
                 "\"environmentVariables\":{\"A\":\"group\"},\"commandLineArguments\":\"x y\"}}]}}",
                 "{\"jobNodeConfigurationOverrideDetails\":{\"jobNodeType\":\"MULTI_NODE\","
                 "\"jobNodeGroupConfigurationDetailsList\":["
                 "{\"name\":\"node-group\",\"JobConfigurationDetails\":{\"jobType\":\"DEFAULT\","
                 "\"environmentVariables\":{\"A\":\"run\"}}}]}}");

    (void)state;
    if (r.result != 0)
        fail_msg("%s", strbuf_str(&r.text));
    assert_false(r.request.job.multi_node);
    assert_int_equal(r.request.job.infra.block_storage_gb, 60);
    assert_int_equal(r.request.job.configuration.maximum_runtime_minutes, 30);
    assert_string_equal(r.request.job.configuration.arguments, "x y");
    assert_string_equal(env_value(&r.request.job.configuration.env, "A"), "group");
    assert_string_equal(env_value(&r.request.run.overrides.env, "A"), "run");
}

static void refusals_and_warnings_are_placed(void **state)
{
    static const struct {
        const char *job;
        int result;
        const char *says;
    } CASES[] = {
        {"[]", -EINVAL, "doc.json: error: expected an OCI Job, found list"},
        {GROUPS(""), -EINVAL, "there is no group of nodes"},
        {GROUPS("3"), -EINVAL, "expected a mapping"},
        {GROUPS("{\"replicas\":2}"), -EINVAL,
         "/jobNodeConfigurationDetails/jobNodeGroupConfigurationDetailsList/0: error: 'name' is missing"},
        {GROUPS("{\"name\":\"a\"},{\"name\":\"a\"}"), -EINVAL, "there is a group 'a' already"},
        {GROUPS("{\"name\":\"a\",\"replicas\":2,\"minimumSuccessReplicas\":3}"), -EINVAL,
         "3 of 2 nodes cannot succeed"},
        {GROUPS("{\"name\":\"a\",\"replicas\":2,\"jobConfigurationDetails\":{\"jobType\":\"X\"}}"), -EINVAL,
         "'X' is not one of"},
        {"{\"jobNodeConfigurationDetails\":{\"startupOrder\":\"LATER\"}}", -EINVAL,
         "'LATER' is not one of IN_ORDER"},
        {"{\"jobNodeConfigurationDetails\":{\"jobNetworkConfiguration\":{\"jobNetworkType\":\"CUSTOM_"
         "NETWORK\"}}}",
         -EINVAL, "'subnetId' is missing"},
        {"{\"displayNam\":1}", 0,
         "doc.json: /displayNam: warning: unknown key 'displayNam' is ignored; did you mean 'displayName'?"},
        {"{\"displayName\":1}", -EINVAL,
         "/displayName: error: 'displayName': expected a string, found integer"},
        {"{\"jobConfigurationDetails\":[]}", -EINVAL,
         "/jobConfigurationDetails: error: 'jobConfigurationDetails': expected a mapping, found list"},
        {"{\"jobConfigurationDetails\":{\"jobType\":\"BATCH\"}}", -EINVAL,
         "'BATCH' is not one of DEFAULT, EMPTY"},
        {"{\"jobConfigurationDetails\":{\"maximumRuntimeInMinutes\":4}}", -EINVAL,
         "/jobConfigurationDetails/maximumRuntimeInMinutes: error: 'maximumRuntimeInMinutes': 4 is out of "
         "range: "
         "expected 5 to 43200"},
        {"{\"jobConfigurationDetails\":{\"maximumRuntimeInMinutes\":43201}}", -EINVAL,
         "43201 is out of range"},
        {"{\"jobConfigurationDetails\":{\"maximumRuntimeInMinutes\":5.5}}", -EINVAL,
         "expected a whole number"},
        {"{\"jobConfigurationDetails\":{\"environmentVariables\":{\"1A\":\"x\"}}}", -EINVAL,
         "'1A' cannot be the name of an environment variable"},
        {"{\"jobConfigurationDetails\":{\"environmentVariables\":{\"A\":{}}}}", -EINVAL,
         "environmentVariables/A: error: 'A': expected a string, found mapping"},
        {"{\"jobConfigurationDetails\":{\"environmentVariables\":{\"JOB_OCID\":\"x\"}}}", 0,
         "warning: JOB_OCID is set by the platform"},
        {"{\"jobConfigurationDetails\":{\"environmentVariables\":{\"CONDA_ENV_TYPE\":\"custom\"}}}", -EINVAL,
         "CONDA_ENV_TYPE: expected 'service' or 'published'"},
        {"{\"jobConfigurationDetails\":{\"environmentVariables\":{\"CONDA_ENV_TYPE\":\"service\"}}}", -EINVAL,
         "CONDA_ENV_SLUG is missing"},
        {"{\"jobConfigurationDetails\":{\"environmentVariables\":{\"CONDA_ENV_TYPE\":\"service\","
         "\"CONDA_ENV_SLUG\":\"../x\"}}}",
         -EINVAL, "cannot be a folder's name"},
        {"{\"jobConfigurationDetails\":{\"commandLineArguments\":\"a 'b\"}}", -EINVAL,
         "commandLineArguments: error: arguments: the quote at character 3 is not closed"},
        {"{\"jobInfrastructureConfigurationDetails\":{\"jobInfrastructureType\":\"STANDALON\"}}", -EINVAL,
         "'STANDALON' is not one of STANDALONE, ME_STANDALONE"},
        {"{\"jobInfrastructureConfigurationDetails\":{\"jobInfrastructureType\":\"STANDALONE\",\"shapeName\":"
         "\"s\","
         "\"blockStorageSizeInGBs\":\"ten\"}}",
         -EINVAL, "'blockStorageSizeInGBs': expected a whole number, found string"},
        {"{\"jobInfrastructureConfigurationDetails\":{\"jobShapeConfigDetails\":{\"ocpus\":-1}}}", -EINVAL,
         "'ocpus': expected a number above 0"},
        {"{\"jobEnvironmentConfigurationDetails\":{\"jobEnvironmentType\":\"OCIR_CONTAINER\"}}", -EINVAL,
         "a container needs 'image'"},
        {"{\"jobEnvironmentConfigurationDetails\":{\"image\":\"\"}}", -EINVAL, "a container needs 'image'"},
        {"{\"x-runlet\":{\"maximumRuntime\":90}}", -EINVAL,
         "/x-runlet/maximumRuntime: error: 'maximumRuntime': expected a length of time"},
        {"{\"x-runlet\":{\"limits\":{\"memory\":\"1M\"}}}", -EINVAL,
         "/x-runlet/limits/memory: error: 'memory': 1M is out of range: expected 4M to 1024T"},
        {"{\"x-runlet\":{\"limits\":{\"cpu\":\"two\"}}}", -EINVAL,
         "/x-runlet/limits/cpu: error: 'cpu': expected a number of hardware threads such as 2 or 0.5"},
        {"{\"x-runlet\":{\"limits\":{\"cpuset\":\"3-1\"}}}", -EINVAL, "'cpuset': expected a list of CPUs"},
        {"{\"x-runlet\":{\"limits\":{\"ram\":1}}}", -EINVAL, "'ram'"},
        {"{\"x-runlet\":{\"sandbox\":{\"network\":\"off\"}}}", -EINVAL, "'off' is not one of host, none"},
        {"{\"x-runlet\":{\"sandbox\":{\"devices\":[\"/etc/x\"]}}}", -EINVAL,
         "'/etc/x' is not a device below /dev"},
        {"{\"x-runlet\":{\"notice\":{\"before\":\"2d\"}}}", -EINVAL, "2d is out of range: expected 0 to 1d"},
        {"{\"x-runlet\":{\"maximumRuntime\":\"31d\"}}", -EINVAL, "31d is out of range: expected 1s to 30d"},
        {"{\"x-runlet\":{\"stopSignal\":\"KILL\"}}", -EINVAL, "'KILL' is not one of TERM, INT"},
        {"{\"x-runlet\":{\"stopThen\":[{\"signal\":\"TERM\"}]}}", -EINVAL,
         "/x-runlet/stopThen/0: error: 'stopThen': an entry needs a 'signal' and an 'after'"},
        {"{\"x-runlet\":{\"stopThen\":[{\"signal\":\"TERM\",\"after\":\"2s\"},{\"signal\":\"HUP\",\"after\":"
         "\"2s\"}]}}",
         -EINVAL, "must be longer than the one before"},
        {"{\"x-runlet\":{\"outputs\":[{\"from\":\"a\"}]}}", -EINVAL, "an entry needs a 'from' and a 'to'"},
        {"{\"x-runlet\":{\"outputs\":[{\"from\":\"../a\",\"to\":\"s3://b\"}]}}", -EINVAL,
         "/x-runlet/outputs/0/from: error: '../a': expected a path in the job's home"},
        {"{\"x-runlet\":{\"outputs\":[{\"from\":\"/etc\",\"to\":\"s3://b\"}]}}", -EINVAL,
         "in the job's home"},
        {"{\"x-runlet\":{\"outputs\":[{\"from\":\"a\",\"to\":\"b\"}]}}", -EINVAL,
         "'b': expected oci://bucket@namespace"},
        {"{\"x-runlet\":{\"outputs\":[{\"from\":\"a\",\"to\":\"s3://b\",\"when\":\"never\"}]}}", -EINVAL,
         "when"},
        {"{\"x-runlet\":{\"outputs\":[\"a\"]}}", -EINVAL, "expected {from: results"},
        {"{\"x-runlet\":{\"stopThen\":[\"TERM\"]}}", -EINVAL, "expected {signal: TERM, after: 20s}"},
        {"{\"x-runlet\":{\"stopThen\":[{\"signal\":\"KILL\",\"after\":\"2s\"}]}}", -EINVAL,
         "'KILL' is not one of"},
        {"{\"x-runlet\":{\"stopgrace\":\"1s\"}}", -EINVAL,
         "error: unknown key 'stopgrace'; did you mean 'stopGrace'?"},
        {"{\"x-runlet\":[]}", -EINVAL, "'x-runlet': expected a mapping, found list"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(reading) struct reading r = read_oci(CASES[i].job, NULL);
        if (r.result != CASES[i].result)
            fail_msg("%s: %d %s", CASES[i].job, r.result, strbuf_str(&r.text));
        expect_text(&r, CASES[i].says);
    }
}

static void several_errors_at_once(void **state)
{
    AUTO(reading)
    struct reading r = read_oci("{\"displayName\":[],\"jobConfigurationDetails\":{"
                                "\"maximumRuntimeInMinutes\":1,\"commandLineArguments\":2}}",
                                NULL);

    (void)state;
    assert_int_equal(r.result, -EINVAL);
    assert_int_equal(r.diags.errors, 3);
}

static void the_limits_of_the_service(void **state)
{
    static const struct {
        const char *before, *after;
        size_t characters;
        bool fits;
    } CASES[] = {
        {"{\"jobConfigurationDetails\":{\"environmentVariables\":{\"K\":\"", "\"}}}", JOB_ENV_CHARS_MAX - 1,
         true},
        {"{\"jobConfigurationDetails\":{\"environmentVariables\":{\"K\":\"", "\"}}}", JOB_ENV_CHARS_MAX,
         false},
        {"{\"jobConfigurationDetails\":{\"commandLineArguments\":\"", "\"}}", JOB_ARGS_CHARS_MAX, true},
        {"{\"jobConfigurationDetails\":{\"commandLineArguments\":\"", "\"}}", JOB_ARGS_CHARS_MAX + 1, false},
        {"{\"displayName\":\"", "\"}", JOB_NAME_CHARS_MAX, true},
        {"{\"displayName\":\"", "\"}", JOB_NAME_CHARS_MAX + 1, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(strbuf) struct strbuf text = STRBUF_INIT(1U << 20);
        /* Two bytes a character: the limit is on characters. */
        strbuf_addstr(&text, CASES[i].before);
        for (size_t k = 0; k < CASES[i].characters; k++)
            strbuf_addstr(&text, "\xC3\xA9");
        strbuf_addstr(&text, CASES[i].after);
        AUTO(reading) struct reading r = read_oci(text.data, NULL);
        assert_int_equal(r.result, CASES[i].fits ? 0 : -EINVAL);
        if (!CASES[i].fits)
            expect_text(&r, "the limit is ");
    }
}

static void run_ids_are_file_names(void **state)
{
    AUTO(reading) struct reading r = read_oci(NULL, "{\"id\":\"../etc\",\"jobId\":\"j\"}");

    (void)state;
    assert_int_equal(r.result, -EINVAL);
    expect_text(&r, "doc.json: /id: error: '../etc' cannot be a run's id");
}

static void kinds_of_documents(void **state)
{
    static const struct {
        const char *text;
        enum document_kind kind;
    } CASES[] = {
        {"{\"kind\":\"job\"}", DOCUMENT_ADS_JOB},
        {"{\"spec\":{\"runtime\":{}}}", DOCUMENT_ADS_JOB},
        {"{\"jobId\":\"j\",\"projectId\":\"p\",\"compartmentId\":\"c\"}", DOCUMENT_OCI_JOB_RUN},
        {"{\"projectId\":\"p\",\"compartmentId\":\"c\"}", DOCUMENT_OCI_JOB},
        {"{\"JobConfigurationDetails\":{}}", DOCUMENT_OCI_JOB},
        {"{\"job\":{},\"jobRun\":{},\"epoch\":1}", DOCUMENT_ASSIGNMENT},
        {"{\"kind\":\"pipeline\"}", DOCUMENT_UNKNOWN},
        {"[1]", DOCUMENT_UNKNOWN},
        {"3", DOCUMENT_UNKNOWN},
    };

    (void)state;
    assert_int_equal(document_kind_of(NULL), DOCUMENT_UNKNOWN);
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(diag) struct diag_list diags = {0};
        AUTO(node) struct node *n = json_read(CASES[i].text, strlen(CASES[i].text), &diags);
        if (document_kind_of(n) != CASES[i].kind)
            fail_msg("%s: %d", CASES[i].text, document_kind_of(n));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_as_the_api_returns_it),    cmocka_unit_test(absent_is_minus_one),
        cmocka_unit_test(a_run_with_overrides),           cmocka_unit_test(multi_node_is_recognised),
        cmocka_unit_test(one_node_is_a_job_as_any_other), cmocka_unit_test(refusals_and_warnings_are_placed),
        cmocka_unit_test(several_errors_at_once),         cmocka_unit_test(the_limits_of_the_service),
        cmocka_unit_test(run_ids_are_file_names),         cmocka_unit_test(kinds_of_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
