/* test_image.c - references of images, their manifests and configurations, and Docker's rules for the command. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "job/image.h"
#include "job/image_ref.h"

#define HEX64  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX64

static void references(void **state)
{
    static const struct {
        const char *text, *registry, *name, *tag, *digest;
    } GOOD[] = {
        {"iad.ocir.io/ns/repo:1", "iad.ocir.io", "iad.ocir.io/ns/repo", "1", ""},
        {"iad.ocir.io/ns/a/b__c:v1.2-x@" DIGEST, "iad.ocir.io", "iad.ocir.io/ns/a/b__c", "v1.2-x", DIGEST},
        {"127.0.0.1:5000/x", "127.0.0.1:5000", "127.0.0.1:5000/x", "", ""},
        {"[::1]:5000/x:t", "[::1]:5000", "[::1]:5000/x", "t", ""},
        {"localhost/x@" DIGEST, "localhost", "localhost/x", "", DIGEST},
        {"busybox", "docker.io", "busybox", "", ""},
        {"library/busybox:1", "docker.io", "library/busybox", "1", ""},
        {"e/a---b.c_d", "docker.io", "e/a---b.c_d", "", ""},
    };
    static const char *const BAD[] = {"",
                                      ":tag",
                                      "a:",
                                      "a/",
                                      "/a",
                                      "a//b",
                                      "a b",
                                      "a:t/b",
                                      "A/b:",
                                      "host.x/",
                                      "a:t@sha256:1",
                                      ("a@md5:" HEX64),
                                      "a:-t",
                                      "a..b",
                                      "-a",
                                      "a_",
                                      "host.x:port/a",
                                      "ho$t.x/a",
                                      "a:t:u",
                                      "--help",
                                      "a\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(GOOD); i++) {
        struct image_ref ref;
        const char *problem = image_ref_parse(GOOD[i].text, &ref);
        if (problem != NULL)
            fail_msg("%s %s", GOOD[i].text, problem);
        assert_string_equal(ref.registry, GOOD[i].registry);
        assert_string_equal(ref.name, GOOD[i].name);
        assert_string_equal(ref.tag, GOOD[i].tag);
        assert_string_equal(ref.digest, GOOD[i].digest);
    }
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++) {
        struct image_ref ref;
        if (image_ref_parse(BAD[i], &ref) == NULL)
            fail_msg("'%s' was taken", BAD[i]);
    }
}

static void add_words(struct strlist *list, const char *words)
{
    while (*words != '\0') {
        size_t n = strcspn(words, " ");
        assert_int_equal(strlist_addn(list, words, n), 0);
        words += n + (words[n] == ' ');
    }
}

static void commands(void **state)
{
    static const struct {
        const char *image_entrypoint, *image_cmd, *entrypoint, *cmd, *args, *expected;
    } ROWS[] = {
        {"ie", "ic", "", "", "", "ie ic"},
        {"ie", "ic", "je", "", "", "je"},
        {"ie", "ic", "", "jc", "", "ie jc"},
        {"ie", "ic", "je", "jc", "", "je jc"},
        {"", "ic", "", "", "", "ic"},
        {"", "ic", "", "jc", "", "jc"},
        {"ie", "", "", "", "a b", "ie a b"},
        {"ie", "ic", "", "", "a", "ie ic a"},
        {"ie", "ic", "je", "", "a", "je a"},
        {"ie", "ic", "je", "jc x", "a", "je jc x a"},
        {"", "", "", "jc", "", "jc"},
        {"", "", "", "", "a", "a"},
        {"/bin/sh -c", "", "", "x", "", "/bin/sh -c x"},
        {"", "", "", "", "", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        struct image_config image = {0};
        struct container_details job = {0};
        AUTO(strlist) struct strlist args = {0};
        AUTO(strlist) struct strlist argv = {0};
        AUTO(strlist) struct strlist expected = {0};
        struct err e = ERR_INIT;
        add_words(&image.entrypoint, ROWS[i].image_entrypoint);
        add_words(&image.cmd, ROWS[i].image_cmd);
        add_words(&job.entrypoint, ROWS[i].entrypoint);
        add_words(&job.cmd, ROWS[i].cmd);
        add_words(&args, ROWS[i].args);
        assert_int_equal(image_command(&image, &job, &args, &argv, &e),
                         ROWS[i].expected != NULL ? 0 : -EINVAL);
        if (ROWS[i].expected != NULL)
            add_words(&expected, ROWS[i].expected);
        assert_int_equal(argv.count, expected.count);
        for (size_t k = 0; k < expected.count; k++)
            assert_string_equal(argv.item[k], expected.item[k]);
        strlist_free(&job.entrypoint);
        strlist_free(&job.cmd);
        image_config_free(&image);
    }
}

#define CONFIG(words) "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{" words "}}"

static void configurations(void **state)
{
    static const char GOOD[] =
        CONFIG("\"User\":\"app:grp\",\"WorkingDir\":\"/srv/x\",\"Env\":[\"A=b=c\"],\"Entrypoint\":"
               "[\"/e\",\"\"],\"Cmd\":null,\"Volumes\":{}");
    static const char *const BAD[] = {"",
                                      "[]",
                                      CONFIG("\"Cmd\":\"x\""),
                                      CONFIG("\"Cmd\":[1]"),
                                      CONFIG("\"User\":\"a b\""),
                                      CONFIG("\"WorkingDir\":\"srv\""),
                                      CONFIG("\"WorkingDir\":\"/srv/../x\"")};
    AUTO(image_config) struct image_config c = {0};
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(image_config_read(GOOD, strlen(GOOD), &c, &e), 0);
    assert_string_equal(c.user, "app:grp");
    assert_string_equal(c.directory, "/srv/x");
    assert_string_equal(c.architecture, "amd64");
    assert_int_equal(c.entrypoint.count, 2);
    assert_int_equal(c.cmd.count, 0);
    assert_string_equal(c.env.item[0], "A=b=c");
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++) {
        struct image_config none = {0};
        if (image_config_read(BAD[i], strlen(BAD[i]), &none, &e) == 0)
            fail_msg("taken: %s", BAD[i]);
    }
}

#define PART(size) "{\"digest\":\"" DIGEST "\",\"size\":" #size "}"

static void manifests(void **state)
{
    static const char ONE[] =
        "{\"schemaVersion\":2,\"config\":" PART(10) ",\"layers\":[" PART(100) "," PART(1000) "]}";
    static const char LIST[] =
        "{\"manifests\":["
        "{\"digest\":\"" DIGEST "\",\"platform\":{\"os\":\"windows\",\"architecture\":\"arm64\"}},"
        "{\"digest\":\"sha256:1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\","
        "\"platform\":"
        "{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v9\"}},"
        "{\"digest\":\"sha256:2123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\","
        "\"platform\":"
        "{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\"}}]}";
    static const char *const BAD[] = {
        "{}",
        "{\"schemaVersion\":1,\"fsLayers\":[]}",
        "{\"config\":" PART(1) ",\"layers\":[{\"size\":1}]}",
        "{\"config\":" PART(1) ",\"layers\":[" PART(-1) "]}",
        "{\"config\":1,\"layers\":[]}",
        "{\"config\":{\"digest\":\"sha256:../../../etc\",\"size\":1},\"layers\":[]}"};
    AUTO(image_manifest) struct image_manifest m = {0};
    AUTO(image_manifest) struct image_manifest list = {0};
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(image_manifest_read(ONE, strlen(ONE), "amd64", &m, &e), 0);
    assert_false(m.is_list);
    assert_int_equal(m.layer_count, 2);
    assert_int_equal(m.bytes, 1110);
    assert_int_equal(image_manifest_read(LIST, strlen(LIST), "arm64", &list, &e), 0);
    assert_true(list.is_list);
    assert_int_equal(list.chosen[7], '2');
    assert_int_equal(image_manifest_read(LIST, strlen(LIST), "amd64", &list, &e), -ENOEXEC);
    assert_non_null(strstr(e.text, "amd64"));
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++) {
        struct image_manifest none = {0};
        if (image_manifest_read(BAD[i], strlen(BAD[i]), "amd64", &none, &e) == 0)
            fail_msg("taken: %s", BAD[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references),
        cmocka_unit_test(commands),
        cmocka_unit_test(configurations),
        cmocka_unit_test(manifests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
