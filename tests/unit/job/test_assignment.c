/* test_assignment.c - the assignment document: everything survives the round trip, and nothing unknown
 * passes. */
#include "cmocka_all.h"

#include <errno.h>

#include "job/assignment.h"
#include "job/reading.h"

/* Writes, reads back, writes again: the texts must be equal, which compares every member that is written. */
static void expect_round_trip(const struct job_request *request)
{
    AUTO(strbuf) struct strbuf once = STRBUF_INIT(DOCUMENT_BYTES_MAX);
    AUTO(strbuf) struct strbuf twice = STRBUF_INIT(DOCUMENT_BYTES_MAX);
    AUTO(reading) struct reading r = reading_begin("assignment.json");
    AUTO(node) struct node *root = NULL;
    int64_t epoch = 0;

    assert_int_equal(assignment_write(request, 42, &once), 0);
    root = json_read(once.data, once.len, &r.diags);
    assert_non_null(root);
    assert_int_equal(document_kind_of(root), DOCUMENT_ASSIGNMENT);
    reading_end(&r, assignment_read(root, &r.request, &epoch, &r.diags));
    assert_int_equal(r.result, 0);
    assert_int_equal(epoch, 42);
    assert_int_equal(assignment_write(&r.request, epoch, &twice), 0);
    assert_string_equal(twice.data, once.data);
    assert_int_equal(r.request.runtime, request->runtime);
    assert_int_equal(r.request.artifact.count, request->artifact.count);
    assert_int_equal(r.request.job.multi_node, request->job.multi_node);
}

static void ads_jobs_survive(void **state)
{
    static const char *const JOBS[] = {
        "kind: job\nspec:\n  name: \"n\\u00e9 \\\"q\\\"\"\n  id: ocid1.j\n  x-runlet: {stopGrace: 0, "
        "stopSignal: USR1, "
        "stopWholeTree: false, stopThen: [{signal: INT, after: 2s}], maximumRuntime: 1500ms}\n"
        "  infrastructure:\n    type: dataScienceJob\n    spec: {projectId: p, compartmentId: c, shapeName: "
        "s, "
        "blockStorageSize: 75, shapeConfigDetails: {ocpus: 0.1, memoryInGBs: 3}, logId: l, storageMount: "
        "[{src: "
        "'10.0.0.1:/e', dest: /opc/f}, {src: 'oci://b@n/p', dest: d}, {src: 's3://b/p', dest: e, readOnly: "
        "true}]}\n"
        "  runtime:\n    type: python\n    spec:\n      scriptPathURI: proj\n      entrypoint: proj/a.ipynb\n"
        "      args: [a, 'b c', \"tab\\tnew\\nline\"]\n      maximumRuntimeInMinutes: 5\n"
        "      conda: {type: published, uri: 'oci://b@n/x/env1'}\n"
        "      env: [{name: JSON, value: {a: [1, 2]}}, {name: E, value: }]\n",
        "kind: job\nspec:\n  runtime: {type: notebook, spec: {notebookPathURI: a.ipynb}}\n",
        "kind: job\nspec:\n  runtime: {type: gitPython, spec: {url: u, entrypoint: e, conda: {type: service, "
        "slug: s}}}\n",
        "kind: job\nspec:\n  runtime: {type: container, spec: {image: i, cmd: [a, b], entrypoint: x, "
        "replicas: 1}}\n",
        "kind: job\nspec:\n  runtime: {type: pyTorchDistributed, spec: {command: c, replicas: 4, git: {url: "
        "u}}}\n",
        "kind: job\nspec:\n  runtime: {type: script, spec: {scriptPathURI: a.sh}}\n",
        "kind: job\nspec:\n  x-runlet: {inputs: [{uri: 's3://b/k', into: d, md5: 1B2M2Y8AsgTpgAmY7PhCfg==},"
        " {content: Zm9v, name: n}], outputs: [{from: /home/datascience/r/, to: 's3://b/p', when: always}, "
        "{from: ., to: "
        "'oci://b@n'}]}\n  runtime: {type: script, spec: {scriptPathURI: "
        "'oci://b@n/a/b.sh?region=r'}}\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(JOBS); i++) {
        AUTO(reading) struct reading r = read_ads(JOBS[i]);
        if (r.result != 0)
            fail_msg("%s", strbuf_str(&r.text));
        expect_round_trip(&r.request);
    }
}

static void oci_documents_survive(void **state)
{
    AUTO(reading)
    struct reading r = read_oci(
        "{\"id\":\"j\",\"displayName\":\"d\",\"projectId\":\"p\",\"compartmentId\":\"c\",\"tenancyId\":\"t\","
        "\"jobConfigurationDetails\":{\"jobType\":\"DEFAULT\",\"environmentVariables\":{\"A\":\"\\u0001\"}}}",
        "{\"id\":\"r\",\"jobId\":\"j\",\"projectId\":\"p2\",\"compartmentId\":\"c2\",\"displayName\":\"x\","
        "\"jobConfigurationOverrideDetails\":{\"commandLineArguments\":\"a  "
        "'b'\",\"environmentVariables\":{\"B\":\"2\"},"
        "\"maximumRuntimeInMinutes\":43200},\"jobStorageMountConfigurationOverrideDetailsList\":[],"
        "\"jobEnvironmentConfigurationOverrideDetails\":{\"image\":\"i\",\"imageDigest\":\"sha256:"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\","
        "\"imageSignatureId\":\"s\",\"entrypoint\":[\"e\"]},\"x-runlet\":{\"stopGrace\":\"1h\"}}");

    (void)state;
    assert_int_equal(r.result, 0);
    expect_round_trip(&r.request);
}

static void parts_survive(void **state)
{
    AUTO(reading)
    struct reading r = read_ads(
        "kind: job\nspec:\n  runtime: {type: python, spec: {scriptPathURI: proj.zip, entrypoint: a.py}}\n");

    (void)state;
    assert_int_equal(r.result, 0);
    r.request.artifact.part[0].form = ARTIFACT_DIRECTORY;
    r.request.artifact.part[0].flatten = true;
    expect_round_trip(&r.request);
}

#define DOCUMENT(rest) "{\"job\":{},\"jobRun\":{}" rest "}"

static void a_control_plane_adds_what_sources_read(void **state)
{
    static const char TEXT[] = DOCUMENT(",\"attempt\":3,\"lease\":{\"seconds\":60}");
    AUTO(reading) struct reading r = reading_begin("assignment.json");
    AUTO(node) struct node *root = json_read(TEXT, sizeof(TEXT) - 1, &r.diags);
    int64_t epoch = 0;

    (void)state;
    reading_end(&r, assignment_read(root, &r.request, &epoch, &r.diags));
    assert_int_equal(r.result, 0);
    assert_int_equal(epoch, 1);
}

static void refusals_are_placed(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } CASES[] = {
        {"[]", "expected an assignment"},
        {"{}", "'job' is missing"},
        {"{\"job\":{},\"epoch\":1}", "'jobRun' is missing"},
        {DOCUMENT(",\"attempt\":0"), "/attempt: error: 'attempt': 0 is out of range"},
        {DOCUMENT(",\"attempt\":1000"), "/attempt: error"},
        {DOCUMENT(",\"lease\":{\"seconds\":0}"), "/lease/seconds: error"},
        {DOCUMENT(",\"epoch\":-1"), "/epoch: error: 'epoch': -1 is out of range"},
        {DOCUMENT(",\"epoch\":1,\"lease\":{}"), "/lease: error: 'seconds' is missing"},
        {DOCUMENT(",\"epoch\":1,\"runtime\":\"perl\""), "'perl' is not one of artifact, python"},
        {DOCUMENT(",\"epoch\":1,\"conda\":{\"slug\":\"a/b\",\"type\":\"service\"}"),
         "'slug' must be a plain name"},
        {DOCUMENT(",\"epoch\":1,\"conda\":{\"slug\":\"a\"}"), "'type' is missing"},
        {DOCUMENT(",\"epoch\":1,\"artifact\":{\"parts\":[{\"form\":\"file\"}]}"),
         "/artifact/parts/0: error: a part needs form, name, into, and one of path, uri and content"},
        {DOCUMENT(",\"epoch\":1,\"artifact\":{\"parts\":[{\"form\":\"file\",\"path\":\"p\",\"name\":\"a/b\","
                  "\"into\":\"\"}]}"),
         "the name of a part must be a plain file name"},
        {DOCUMENT(",\"epoch\":1,\"artifact\":{\"parts\":[{\"form\":\"file\",\"path\":\"p\",\"name\":\"a\","
                  "\"into\":\"x/../..\"}]}"),
         "'into' must be a relative path without '..'"},
        {DOCUMENT(",\"epoch\":1,\"artifact\":{\"parts\":[{\"form\":\"file\",\"path\":\"p\",\"name\":\"a\","
                  "\"into\":\"/x\"}]}"),
         "'into' must be a relative path without '..'"},
        {DOCUMENT(",\"epoch\":1,\"artifact\":{\"parts\":[{\"form\":\"entryProgram\",\"path\":\"../"
                  "p\",\"name\":\"a\","
                  "\"into\":\"\"}]}"),
         "the name of a part must be a plain file name"},
        {DOCUMENT(",\"epoch\":1,\"artifact\":{\"parts\":[1]}"), "expected a mapping, found integer"},
        {"{\"job\":{\"displayName\":1},\"jobRun\":{},\"epoch\":1}", "/job/displayName: error"},
        {"{\"job\":{},\"jobRun\":{\"id\":\"/\"},\"epoch\":1}", "/jobRun/id: error"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(reading) struct reading r = reading_begin("a.json");
        AUTO(node) struct node *root = json_read(CASES[i].text, strlen(CASES[i].text), &r.diags);
        int64_t epoch = -7;
        reading_end(&r, assignment_read(root, &r.request, &epoch, &r.diags));
        if (r.result != -EINVAL)
            fail_msg("%s: %d", CASES[i].text, r.result);
        expect_text(&r, CASES[i].says);
        assert_int_equal(epoch, -7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ads_jobs_survive),    cmocka_unit_test(oci_documents_survive),
        cmocka_unit_test(parts_survive),       cmocka_unit_test(a_control_plane_adds_what_sources_read),
        cmocka_unit_test(refusals_are_placed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
