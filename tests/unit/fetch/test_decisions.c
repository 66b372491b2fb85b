/* test_decisions.c - what fetching decides without doing anything: retries, answers, eviction, rates. */
#include "cmocka_all.h"

#include <stdio.h>

#include "base/auto.h"
#include "fetch/answer.h"
#include "fetch/digest.h"
#include "fetch/eviction.h"
#include "fetch/progress.h"
#include "io/retry.h"

static const struct retry_policy POLICY = {.attempts = 8, .total_ms = 600000, .base_ms = 1000};

static void the_documented_codes_are_tried_again(void **state)
{
    static const long AGAIN[] = {408, 429, 500, 502, 503, 504, 599};
    static const long NEVER[] = {200, 301, 400, 401, 403, 404, 409, 410, 416, 501, 600};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(AGAIN); i++)
        assert_true(retry_status(AGAIN[i], ""));
    for (size_t i = 0; i < ARRAY_SIZE(NEVER); i++)
        assert_false(retry_status(NEVER[i], ""));
    assert_true(retry_status(409, "IncorrectState"));
    assert_false(retry_status(409, "IfNoneMatchFailed"));
    assert_false(retry_status(404, "IncorrectState"));
}

static void waits_double_and_are_drawn_evenly(void **state)
{
    (void)state;
    assert_int_equal(retry_delay(&POLICY, 1, 0, -1, 1000), 1000);
    assert_int_equal(retry_delay(&POLICY, 1, 0, -1, 1001), 0);
    assert_int_equal(retry_delay(&POLICY, 2, 0, -1, 2000), 2000);
    assert_int_equal(retry_delay(&POLICY, 5, 0, -1, 16000), 16000);
    assert_int_equal(retry_delay(&POLICY, 6, 0, -1, 30000), 30000);
    assert_int_equal(retry_delay(&POLICY, 7, 0, -1, 30001), 0);
    assert_int_equal(retry_delay(&POLICY, 8, 0, -1, 0), -1);
    assert_int_equal(retry_delay(&POLICY, 1, 599999, -1, 2), -1);
    /* A server's word counts, as far as there is time. */
    assert_int_equal(retry_delay(&POLICY, 1, 0, 120000, 5), 120000);
    assert_int_equal(retry_delay(&POLICY, 1, 0, 3, 5), 5);
    assert_int_equal(retry_delay(&POLICY, 1, 0, 600001, 0), -1);
}

static const wall_ms_t NOW = {1388957500000};

static void line(struct answer *a, const char *text)
{
    answer_line(a, text, strlen(text), NOW);
}

static void a_head_is_read(void **state)
{
    struct answer a = {0};

    (void)state;
    line(&a, "HTTP/1.1 100 Continue");
    line(&a, "ETag: \"other\"");
    line(&a, "HTTP/1.1 206 Partial Content");
    assert_false(answer_ends(&a));
    line(&a, "etag:  \"abc\"  ");
    line(&a, "Last-Modified: Thu, 05 Jan 2014 21:31:40 GMT");
    line(&a, "Content-Length: 90");
    line(&a, "Content-Range: bytes 10-99/100");
    line(&a, "Content-MD5: 1B2M2Y8AsgTpgAmY7PhCfg==");
    line(&a, "Retry-After: 17");
    line(&a, "no colon");
    assert_int_equal(a.status, 206);
    assert_string_equal(a.validator.etag, "\"abc\"");
    assert_int_equal(a.length, 90);
    assert_int_equal(a.range_from, 10);
    assert_int_equal(a.range_total, 100);
    assert_string_equal(a.md5, "d41d8cd98f00b204e9800998ecf8427e");
    assert_int_equal(a.after_ms, 17000);
    assert_true(answer_ends(&a));
    line(&a, "HTTP/1.1 429 Slow down");
    assert_int_equal(a.length, -1);
    assert_string_equal(a.validator.etag, "");
    line(&a, "Retry-After: Sun, 05 Jan 2014 21:32:40 GMT");
    assert_int_equal(a.after_ms, 60000);
    line(&a, "Retry-After: soon");
    assert_int_equal(a.after_ms, 60000);
    line(&a, "Transfer-Encoding: gzip, chunked");
    assert_true(answer_ends(&a));
    line(&a, "HTTP/2 200");
    assert_true(answer_ends(&a));
    line(&a, "HTTP/1.1 200 OK");
    line(&a, "Content-MD5: short");
    line(&a, "Content-Length: -1");
    assert_string_equal(a.md5, "");
    assert_false(answer_ends(&a));
}

static enum answer_use use(const char *const *lines, int64_t have, const char *etag, int64_t total)
{
    struct validator known = {0};
    struct answer a = {0};

    for (; *lines != NULL; lines++)
        line(&a, *lines);
    (void)snprintf(known.etag, sizeof(known.etag), "%s", etag);
    return answer_use(&a, have, &known, total);
}

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void bytes_are_only_continued_by_the_same_version(void **state)
{
    (void)state;
    assert_int_equal(use(LINES("HTTP/1.1 200 OK"), 10, "\"a\"", 100), ANSWER_REPLACE);
    assert_int_equal(use(LINES("HTTP/1.1 200 OK"), 0, "", -1), ANSWER_REPLACE);
    assert_int_equal(
        use(LINES("HTTP/1.1 206 P", "ETag: \"a\"", "Content-Range: bytes 10-99/100"), 10, "\"a\"", 100),
        ANSWER_APPEND);
    assert_int_equal(
        use(LINES("HTTP/1.1 206 P", "ETag: \"b\"", "Content-Range: bytes 10-99/100"), 10, "\"a\"", 100),
        ANSWER_RESTART);
    assert_int_equal(
        use(LINES("HTTP/1.1 206 P", "ETag: \"a\"", "Content-Range: bytes 9-99/100"), 10, "\"a\"", 100),
        ANSWER_RESTART);
    assert_int_equal(
        use(LINES("HTTP/1.1 206 P", "ETag: \"a\"", "Content-Range: bytes 10-98/99"), 10, "\"a\"", 100),
        ANSWER_RESTART);
    assert_int_equal(use(LINES("HTTP/1.1 206 P", "ETag: \"a\""), 10, "\"a\"", 100), ANSWER_RESTART);
    assert_int_equal(use(LINES("HTTP/1.1 206 P", "Content-Range: bytes 0-9/10"), 0, "", -1), ANSWER_RESTART);
    assert_int_equal(use(LINES("HTTP/1.1 416 R", "Content-Range: bytes */100"), 100, "\"a\"", 100),
                     ANSWER_WHOLE);
    assert_int_equal(use(LINES("HTTP/1.1 416 R", "Content-Range: bytes */90"), 100, "\"a\"", -1),
                     ANSWER_RESTART);
    assert_int_equal(use(LINES("HTTP/1.1 416 R"), 0, "", -1), ANSWER_ERROR);
    assert_int_equal(use(LINES("HTTP/1.1 412 P"), 10, "\"a\"", 100), ANSWER_RESTART);
    assert_int_equal(use(LINES("HTTP/1.1 304 N"), 0, "", -1), ANSWER_CURRENT);
    assert_int_equal(use(LINES("HTTP/1.1 404 N"), 10, "\"a\"", 100), ANSWER_ERROR);
}

static void a_weak_version_is_not_continued(void **state)
{
    (void)state;
    assert_true(validator_strong(&(struct validator){.etag = "\"a\""}));
    assert_false(validator_strong(&(struct validator){.etag = "W/\"a\"", .last_modified = "x"}));
    assert_true(validator_strong(&(struct validator){.last_modified = "Thu, 05 Jan 2014 21:31:40 GMT"}));
    assert_false(validator_strong(&(struct validator){0}));
}

static void an_etag_of_s3_may_be_an_md5(void **state)
{
    struct answer a = {0};
    char md5[MD5_HEX_BYTES];

    (void)state;
    line(&a, "HTTP/1.1 200 OK");
    line(&a, "ETag: \"D41D8CD98F00B204E9800998ECF8427E\"");
    answer_md5(&a, false, md5);
    assert_string_equal(md5, "");
    answer_md5(&a, true, md5);
    assert_string_equal(md5, "d41d8cd98f00b204e9800998ecf8427e");
    line(&a, "x-amz-server-side-encryption: AES256");
    answer_md5(&a, true, md5);
    assert_string_equal(md5, "d41d8cd98f00b204e9800998ecf8427e");
    line(&a, "x-amz-server-side-encryption: aws:kms");
    answer_md5(&a, true, md5);
    assert_string_equal(md5, "");
    line(&a, "HTTP/1.1 200 OK");
    line(&a, "ETag: \"D41D8CD98F00B204E9800998ECF8427-1\"");
    answer_md5(&a, true, md5);
    assert_string_equal(md5, "");
    line(&a, "Content-MD5: 1B2M2Y8AsgTpgAmY7PhCfg==");
    answer_md5(&a, true, md5);
    assert_string_equal(md5, "d41d8cd98f00b204e9800998ecf8427e");
}

static void the_longest_unused_go_first(void **state)
{
    struct cache_entry e[] = {{.bytes = 40, .used_at = 3, .tag = 0},
                              {.bytes = 30, .used_at = 1, .tag = 1, .in_use = true},
                              {.bytes = 20, .used_at = 2, .tag = 2},
                              {.bytes = 10, .used_at = 4, .tag = 3}};

    (void)state;
    assert_int_equal(eviction_plan(e, 4, 100), 100);
    assert_false(e[0].goes || e[1].goes || e[2].goes || e[3].goes);
    assert_int_equal(eviction_plan(e, 4, 99), 80);
    assert_true(e[1].goes && e[1].tag == 2);
    assert_int_equal(eviction_plan(e, 4, 45), 40);
    assert_true(!e[0].goes && e[0].tag == 1 && e[1].goes && e[2].goes && e[2].tag == 0 && !e[3].goes);
    assert_int_equal(eviction_plan(e, 4, 0), 30);
    assert_int_equal(eviction_plan(e, 0, 0), 0);
}

static void the_rate_is_that_of_the_last_seconds(void **state)
{
    struct progress p = {.total = 10000, .attempt = 1};

    (void)state;
    assert_int_equal(progress_rate(&p), -1);
    assert_int_equal(progress_left_ms(&p), -1);
    for (int i = 0; i <= 20; i++) {
        p.bytes = (uint64_t)(i < 10 ? i : 10 + (i - 10) * 100);
        progress_sample(&p, (boot_ms_t){i * 1000});
    }
    assert_int_equal(progress_rate(&p), 100);
    assert_int_equal(progress_left_ms(&p), 89900);
    p.bytes = 5; /* from the start */
    progress_sample(&p, (boot_ms_t){21000});
    assert_int_equal(progress_rate(&p), -1);
    p.bytes = 10;
    progress_sample(&p, (boot_ms_t){22000});
    assert_int_equal(progress_rate(&p), 5);
    p.total = -1;
    assert_int_equal(progress_left_ms(&p), -1);
}

static void digests_are_those_of_the_standard(void **state)
{
    struct digest *d = digest_new();
    char sha256[SHA256_HEX_BYTES], md5[33];

    (void)state;
    assert_non_null(d);
    assert_int_equal(digest_add(d, "xx", 2), 0);
    assert_int_equal(digest_restart(d), 0);
    assert_int_equal(digest_add(d, "a", 1), 0);
    assert_int_equal(digest_add(d, "bc", 2), 0);
    assert_int_equal(digest_end(d, sha256, md5), 0);
    digest_free(d);
    assert_string_equal(sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_true(md5[0] == '\0' || strcmp(md5, "900150983cd24fb0d6963f7d28e17f72") == 0);
    assert_int_equal(digest_text("abc", sha256), 0);
    assert_string_equal(sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_codes_are_tried_again),
        cmocka_unit_test(waits_double_and_are_drawn_evenly),
        cmocka_unit_test(a_head_is_read),
        cmocka_unit_test(bytes_are_only_continued_by_the_same_version),
        cmocka_unit_test(a_weak_version_is_not_continued),
        cmocka_unit_test(an_etag_of_s3_may_be_an_md5),
        cmocka_unit_test(the_longest_unused_go_first),
        cmocka_unit_test(the_rate_is_that_of_the_last_seconds),
        cmocka_unit_test(digests_are_those_of_the_standard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
