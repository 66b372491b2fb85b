/* test_uri.c - URIs taken apart and shown; base64. */
#include "cmocka_all.h"

#include <errno.h>

#include "base/auto.h"
#include "base/base64.h"
#include "base/uri.h"

static void expect(const char *text, enum uri_scheme scheme, const char *host, const char *bucket,
                   const char *name_space, const char *region, const char *path, const char *name)
{
    AUTO(uri) struct uri u = {0};
    AUTO_FREE char *last = NULL;
    const char *problem;

    assert_int_equal(uri_parse(text, &u, &problem), 0);
    last = uri_name(&u);
    assert_int_equal(u.scheme, scheme);
    assert_string_equal(u.host != NULL ? u.host : "-", host != NULL ? host : "-");
    assert_string_equal(u.bucket != NULL ? u.bucket : "-", bucket != NULL ? bucket : "-");
    assert_string_equal(u.name_space != NULL ? u.name_space : "-", name_space != NULL ? name_space : "-");
    assert_string_equal(u.region != NULL ? u.region : "-", region != NULL ? region : "-");
    assert_string_equal(u.path, path);
    assert_string_equal(last, name);
}

static void each_kind_is_taken_apart(void **state)
{
    (void)state;
    expect("file:///data/a%20b.zip", URI_FILE, NULL, NULL, NULL, NULL, "/data/a b.zip", "a b.zip");
    expect("file:/data/x.py", URI_FILE, NULL, NULL, NULL, NULL, "/data/x.py", "x.py");
    expect("file://localhost/x.py", URI_FILE, NULL, NULL, NULL, NULL, "/x.py", "x.py");
    expect("HTTP://h:8/a/b%2Bc.py?sig=1/2", URI_HTTP, "h:8", NULL, NULL, NULL, "/a/b%2Bc.py?sig=1/2",
           "b+c.py");
    expect("https://[::1]/", URI_HTTPS, "[::1]", NULL, NULL, NULL, "/", "");
    expect("https://h?x", URI_HTTPS, "h", NULL, NULL, NULL, "/?x", "");
    expect("oci://b.1@ns/dir/obj%ect?.zip", URI_OCI, NULL, "b.1", "ns", NULL, "dir/obj%ect?.zip",
           "obj%ect?.zip");
    expect("oci://b@ns/o.py?region=eu-zurich-1", URI_OCI, NULL, "b", "ns", "eu-zurich-1", "o.py", "o.py");
    expect("s3://b/k e y/@x.jar", URI_S3, NULL, "b", NULL, NULL, "k e y/@x.jar", "@x.jar");
}

static void what_is_none_is_refused(void **state)
{
    static const char *const BAD[] = {"",
                                      "/x",
                                      "ftp://h/x",
                                      "file:x",
                                      "file:///a%0",
                                      "file:///a%00b",
                                      "file:///a%4",
                                      "file:///a?b",
                                      "http:///x",
                                      "http://:80/x",
                                      "http://u:p@h/x",
                                      "http://h/a b",
                                      "http://h/a#b",
                                      "http://h/a\nb",
                                      "oci://b/o",
                                      "oci://b@n",
                                      "oci://b@n/",
                                      "oci://b@/o",
                                      "oci://@n/o",
                                      "oci://b@n/?region=x",
                                      "oci://b@n/o?region=x.evil.org",
                                      "oci://b@n.evil.org/o",
                                      "s3://b",
                                      "s3://b/",
                                      "s3:///k",
                                      "s3://b/k?region="};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++) {
        struct uri u = {0};
        const char *problem = NULL;
        if (uri_parse(BAD[i], &u, &problem) != -EINVAL || problem == NULL)
            fail_msg("accepted: %s", BAD[i]);
    }
}

static void what_is_shown_holds_no_secret(void **state)
{
    char shown[URI_DISPLAY_MAX], text[600] = "http://h/";

    (void)state;
    uri_display("https://user:secret@h:1/a@b?sig=secret#f", shown);
    assert_string_equal(shown, "https://h:1/a@b");
    uri_display("oci://b@ns/o?region=r", shown);
    assert_string_equal(shown, "oci://b@ns/o");
    uri_display("http://h/\x1b[2J", shown);
    assert_string_equal(shown, "http://h/?[2J");
    memset(text + 9, 'x', 500);
    uri_display(text, shown);
    assert_true(strlen(shown) < URI_DISPLAY_MAX);
    assert_string_equal(shown + strlen(shown) - 3, "...");
}

static void a_scheme_is_told_from_a_path(void **state)
{
    (void)state;
    assert_true(uri_has_scheme("oci://b@n/o"));
    assert_true(uri_has_scheme("gs://x"));
    assert_false(uri_has_scheme("a/b:c"));
    assert_false(uri_has_scheme("C:/x"));
    assert_false(uri_has_scheme("x.py"));
    assert_false(uri_has_scheme("1x:y"));
}

static void names_are_encoded(void **state)
{
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(200);

    (void)state;
    assert_int_equal(uri_encode("a/b c%+\xc3\xa4~", "/", &out), 0);
    assert_string_equal(strbuf_str(&out), "a/b%20c%25%2B%C3%A4~");
}

static void base64_goes_both_ways(void **state)
{
    static const char *const PAIRS[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"\xff\xfe", "//4="}};
    static const char *const BAD[] = {
        "Zg", "Zg=", "Z===", "Zh==", "Zm9=", "Zm 8", "Zg==Zg==", "====", "Zm9v\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(PAIRS); i++) {
        AUTO(strbuf) struct strbuf text = STRBUF_INIT(100), bytes = STRBUF_INIT(100);
        assert_int_equal(base64_encode(PAIRS[i][0], strlen(PAIRS[i][0]), &text), 0);
        assert_string_equal(strbuf_str(&text), PAIRS[i][1]);
        assert_int_equal(base64_decode(PAIRS[i][1], strlen(PAIRS[i][1]), &bytes), 0);
        assert_string_equal(strbuf_str(&bytes), PAIRS[i][0]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++) {
        AUTO(strbuf) struct strbuf bytes = STRBUF_INIT(100);
        if (base64_decode(BAD[i], strlen(BAD[i]), &bytes) != -EINVAL)
            fail_msg("accepted: %s", BAD[i]);
    }
    {
        AUTO(strbuf) struct strbuf few = STRBUF_INIT(2);
        assert_int_equal(base64_decode("Zm9v", 4, &few), -E2BIG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_taken_apart),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(what_is_shown_holds_no_secret),
        cmocka_unit_test(a_scheme_is_told_from_a_path),
        cmocka_unit_test(names_are_encoded),
        cmocka_unit_test(base64_goes_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
