/* test_image_words.c - how skopeo is called, and what its words mean. */
#include "cmocka_all.h"

#include <errno.h>

#include "base/auto.h"
#include "base/strbuf.h"
#include "fetch/image_words.h"

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct image_settings PLAIN = {
    .skopeo = "/usr/bin/skopeo", .auth_file = "", .policy_file = "", .insecure_registries = ""};
static const struct image_settings FULL = {.skopeo = "/opt/skopeo",
                                           .auth_file = "/etc/auth.json",
                                           .policy_file = "/etc/policy.json",
                                           .insecure_registries = "a.b localhost:5000 [::1]:5000"};

static struct image_ref ref_of(const char *text)
{
    struct image_ref ref;

    assert_null(image_ref_parse(text, &ref));
    return ref;
}

static void expect(const struct strlist *argv, const char *line)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(4096);

    for (size_t i = 0; i < argv->count; i++)
        (void)strbuf_addf(&text, "%s%s", i > 0 ? " " : "", argv->item[i]);
    assert_string_equal(strbuf_str(&text), line);
}

static void commands(void **state)
{
    static const struct {
        const struct image_settings *settings;
        const char *ref, *digest, *line;
    } ROWS[] = {
        {&PLAIN, "iad.ocir.io/n/r:1", "",
         "/usr/bin/skopeo inspect --raw --retry-times 2 --no-creds docker://iad.ocir.io/n/r:1"},
        {&PLAIN, "n/r", "", "/usr/bin/skopeo inspect --raw --retry-times 2 --no-creds docker://n/r:latest"},
        {&PLAIN, "n/r:1@" DIGEST, "",
         "/usr/bin/skopeo inspect --raw --retry-times 2 --no-creds docker://n/r@" DIGEST},
        {&FULL, "localhost:5000/r:1", DIGEST,
         "/opt/skopeo inspect --raw --retry-times 2 --authfile /etc/auth.json --tls-verify=false "
         "docker://localhost:5000/r@" DIGEST},
        {&FULL, "localhost:500/r:1", "",
         "/opt/skopeo inspect --raw --retry-times 2 --authfile /etc/auth.json docker://localhost:500/r:1"},
    };
    AUTO(strlist) struct strlist plain = {0};
    AUTO(strlist) struct strlist full = {0};
    struct image_ref ref = ref_of("localhost:5000/r:1");

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        AUTO(strlist) struct strlist argv = {0};
        struct image_ref row = ref_of(ROWS[i].ref);
        assert_int_equal(image_inspect_command(ROWS[i].settings, &row, ROWS[i].digest, &argv), 0);
        expect(&argv, ROWS[i].line);
    }
    assert_int_equal(image_copy_command(&PLAIN, &ref, DIGEST, "arm64", "/c/pull.x", &plain), 0);
    expect(&plain,
           "/usr/bin/skopeo --insecure-policy --override-os linux --override-arch arm64 --tmpdir "
           "/c/pull.x/tmp copy --quiet "
           "--remove-signatures --retry-times 2 --src-no-creds --dest-shared-blob-dir /c/pull.x/blobs "
           "docker://localhost:5000/r@" DIGEST " oci:/c/pull.x/layout:image");
    assert_int_equal(image_copy_command(&FULL, &ref, DIGEST, "amd64", "/c/p", &full), 0);
    expect(&full,
           "/opt/skopeo --policy /etc/policy.json --override-os linux --override-arch amd64 --tmpdir "
           "/c/p/tmp copy --quiet "
           "--remove-signatures --retry-times 2 --src-authfile /etc/auth.json --src-tls-verify=false "
           "--dest-shared-blob-dir /c/p/blobs docker://localhost:5000/r@" DIGEST " oci:/c/p/layout:image");
}

static void meanings(void **state)
{
    static const struct {
        const char *words;
        int code;
        enum blame blame;
        const char *says;
    } ROWS[] = {
        {"time=\"x\" level=warning msg=\"first\"\ntime=\"y\" level=fatal msg=\"Error: reading manifest 2: "
         "manifest unknown\"",
         -ENOENT, BLAME_ASSIGNMENT, "Error: reading manifest 2: manifest unknown; check its repository"},
        {"level=fatal msg=\"unable to retrieve auth token: unauthorized: \\\"wrong\\\" password\"", -EACCES,
         BLAME_NODE,
         "a.b does not let this node in (unable to retrieve auth token: unauthorized: \"wrong\" password); "
         "it was given the "
         "credentials in /etc/auth.json"},
        {"level=fatal msg=\"server gave HTTP response to HTTPS client\"", -EPROTO, BLAME_NODE,
         "images.insecureRegistries"},
        {"level=fatal msg=\"x509: certificate signed by unknown authority\"", -EPROTO, BLAME_NODE,
         "must trust"},
        {"level=fatal msg=\"Source image rejected: no signature\"", -EPERM, BLAME_ASSIGNMENT,
         "images.policyFile"},
        {"level=fatal msg=\"write /x: no space left on device\"", -ENOSPC, BLAME_NODE, "make room"},
        {"level=fatal msg=\"dial tcp: connection refused\"", -EIO, BLAME_SERVICE,
         "fetch the image a.b/n/r from a.b: dial tcp"},
        {"", -EIO, BLAME_SERVICE, "a.b/n/r"},
        {"plain words", -EIO, BLAME_SERVICE, "plain words"},
    };
    struct image_ref ref = ref_of("a.b/n/r:1");

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        struct err e = ERR_INIT;
        assert_int_equal(image_failed(&FULL, &ref, "fetch", ROWS[i].words, &e), ROWS[i].code);
        assert_int_equal(e.blame, ROWS[i].blame);
        if (strstr(e.text, ROWS[i].says) == NULL)
            fail_msg("%s", e.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands),
        cmocka_unit_test(meanings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
