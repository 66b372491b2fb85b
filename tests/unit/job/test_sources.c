/* test_sources.c - parts of a job that lie elsewhere, and those that stand in the document. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>

#include "job/reading.h"

static struct reading read_job(const char *text)
{
    return read_oci(text, NULL);
}

#define BLOCK(text) "{\"x-runlet\":{" text "}}"

static void a_part_has_a_place_a_form_and_digests(void **state)
{
    AUTO(reading)
    struct reading r =
        read_job(BLOCK("\"artifact\":{\"uri\":\"https://h/a/code%20x.tar.gz?sig=1\",\"sha256\":"
                       "\"BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD\"},"
                       "\"inputs\":[{\"uri\":\"oci://b@n/d/x.csv\",\"into\":\"data/raw\",\"md5\":"
                       "\"1B2M2Y8AsgTpgAmY7PhCfg==\"},{\"content\":\"Zm9v\",\"name\":\"foo\"},"
                       "{\"uri\":\"s3://b/k.zip\",\"unpack\":true,\"into\":\"z\"}]"));
    const struct artifact *a = &r.request.artifact;

    (void)state;
    if (r.result != 0)
        fail_msg("%s", strbuf_str(&r.text));
    assert_int_equal(a->count, 4);
    assert_string_equal(a->file_name, "code x.tar.gz");
    assert_null(a->part[0].path);
    assert_string_equal(a->part[0].name, "code x.tar.gz");
    assert_string_equal(a->part[0].into, "decompressed_artifact");
    assert_int_equal(a->part[0].form, ARTIFACT_ARCHIVE);
    assert_false(a->part[0].input);
    assert_string_equal(a->part[0].source.uri, "https://h/a/code%20x.tar.gz?sig=1");
    assert_string_equal(a->part[1].into, "data/raw");
    assert_int_equal(a->part[1].form, ARTIFACT_FILE);
    assert_string_equal(a->part[1].source.md5, "d41d8cd98f00b204e9800998ecf8427e");
    assert_true(a->part[1].input);
    assert_string_equal(a->part[2].source.content, "Zm9v");
    assert_string_equal(a->part[2].into, "");
    assert_int_equal(a->part[3].form, ARTIFACT_ARCHIVE);
}

static void a_file_of_the_command_line_takes_the_place_of_the_code(void **state)
{
    AUTO(reading)
    struct reading r =
        read_job(BLOCK("\"artifact\":{\"uri\":\"http://h/x.py\"},\"inputs\":[{\"uri\":\"http://h/d\"}]"));

    (void)state;
    reading_end(&r, artifact_from_path("/", &r.request, &r.diags));
    assert_int_equal(r.request.artifact.count, 2);
    assert_true(r.request.artifact.part[0].input);
    assert_string_equal(r.request.artifact.part[0].name, "d");
    assert_true(r.request.artifact.part[1].flatten);
}

static void an_ads_runtime_names_a_uri(void **state)
{
    AUTO(reading)
    struct reading r =
        read_ads("kind: job\nspec:\n  runtime:\n    type: python\n    spec:\n      scriptPathURI: "
                 "oci://b@n/a/train.py?region=r\n      x-runlet: {inputs: [{uri: 'http://h/d'}]}\n");

    (void)state;
    if (r.result != 0)
        fail_msg("%s", strbuf_str(&r.text));
    assert_null(r.request.artifact.part[0].path);
    assert_string_equal(r.request.artifact.part[0].source.uri, "oci://b@n/a/train.py?region=r");
    assert_string_equal(r.request.artifact.part[0].name, "train.py");
    assert_string_equal(r.request.artifact.file_name, "train.zip");
    expect_env(&r, "CODE_ENTRYPOINT", "train.py");
    assert_true(r.request.artifact.part[r.request.artifact.count - 1].input);
}

static void refusals_have_their_place(void **state)
{
    static const struct {
        const char *block, *says;
    } CASES[] = {
        {"\"artifact\":{\"uri\":\"x.py\"}",
         "/x-runlet/artifact/uri: error: 'uri': expected a URI that begins with"},
        {"\"artifact\":{\"uri\":\"http://h/x\"}", "/x-runlet/artifact: error: 'x' is not a type of artifact"},
        {"\"artifact\":{\"uri\":\"http://h/x.ipynb\"}", "/x-runlet/artifact: error: 'x.ipynb' is not a type"},
        {"\"artifact\":{\"uri\":\"http://h/x.py\",\"content\":\"\",\"name\":\"x.py\"}", "exclude each other"},
        {"\"artifact\":{\"uri\":\"http://h/x.py\",\"name\":\"a/b.py\"}",
         "/x-runlet/artifact/name: error: 'name': expected a plain file name"},
        {"\"artifact\":{\"uri\":\"http://h/x.py\",\"sha256\":\"0g\"}", "/x-runlet/artifact/sha256: error"},
        {"\"artifact\":{\"uri\":\"http://h/x.py\",\"into\":\"d\"}", "'into'"},
        {"\"artifact\":\"http://h/x.py\"", "/x-runlet/artifact: error"},
        {"\"inputs\":{}", "/x-runlet/inputs: error"},
        {"\"inputs\":[1]", "/x-runlet/inputs/0: error: expected a mapping"},
        {"\"inputs\":[{\"uri\":\"http://h/d\",\"into\":\"a/../b\"}]", "/x-runlet/inputs/0/into: error"},
        {"\"inputs\":[{\"uri\":\"http://h/d\"},{\"uri\":\"http://i/d\"}]",
         "/x-runlet/inputs/1: error: 'd' is placed there already"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        char text[400];
        (void)snprintf(text, sizeof(text), BLOCK("%s"), CASES[i].block);
        AUTO(reading) struct reading r = read_job(text);
        assert_int_equal(r.result, -EINVAL);
        expect_text(&r, CASES[i].says);
    }
}

static void a_run_does_not_bring_code(void **state)
{
    static const char TEXT[] = "{\"x-runlet\":{\"artifact\":{\"uri\":\"http://h/x.py\"},\"inputs\":[]}}";
    AUTO(reading) struct reading r = reading_begin("run.json");
    AUTO(node) struct node *root = json_read(TEXT, strlen(TEXT), &r.diags);

    (void)state;
    reading_end(&r, oci_read_job_run(root, &r.request, &r.diags));
    assert_int_equal(r.result, -EINVAL);
    expect_text(&r, "'artifact' belongs into the job's document");
    expect_text(&r, "'inputs' belongs into the job's document");
}

static void a_large_content_is_refused(void **state)
{
    size_t n = 4 * (INLINE_BYTES_MAX / 3 + 1);
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(1U << 20);

    (void)state;
    strbuf_addstr(&text, "{\"x-runlet\":{\"artifact\":{\"name\":\"x.py\",\"content\":\"");
    for (size_t i = 0; i < n; i++)
        strbuf_addch(&text, 'A');
    strbuf_addstr(&text, "\"}}}");
    AUTO(reading) struct reading r = read_job(strbuf_str(&text));
    assert_int_equal(r.result, -EINVAL);
    expect_text(&r, "'content': longer than 262144 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_has_a_place_a_form_and_digests),
        cmocka_unit_test(a_file_of_the_command_line_takes_the_place_of_the_code),
        cmocka_unit_test(an_ads_runtime_names_a_uri),
        cmocka_unit_test(refusals_have_their_place),
        cmocka_unit_test(a_run_does_not_bring_code),
        cmocka_unit_test(a_large_content_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
