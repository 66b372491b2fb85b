/* test_fact.c - the line codec: what it writes it reads, and what is not a fact it refuses with the place. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/fact.h"

static void round_trip(void **state)
{
    AUTO(strbuf) struct strbuf line = STRBUF_INIT(4096);
    AUTO(fact) struct fact f = {0};
    struct err e = ERR_INIT;
    struct fact_writer w = fact_begin(&line);
    int64_t n = 0;
    bool b = false;

    (void)state;
    fact_put_string(&w, "text", "a \"quote\"\n\ttab \x01 \xC3\xA9 \\");
    fact_put_int(&w, "int", -42);
    fact_put_bool(&w, "yes", true);
    assert_int_equal(fact_end(&w), 0);
    assert_int_equal(fact_decode(line.data, line.len, &f, &e), 0);
    assert_string_equal(fact_str(&f, "text"), "a \"quote\"\n\ttab \x01 \xC3\xA9 \\");
    assert_true(fact_int(&f, "int", &n));
    assert_int_equal(n, -42);
    assert_true(fact_bool(&f, "yes", &b));
    assert_true(b);
    assert_false(fact_int(&f, "text", &n));
    assert_false(fact_bool(&f, "absent", &b));
}

static void invalid_bytes_become_replacements(void **state)
{
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(4096);

    (void)state;
    json_put_string(&out, "a\xFFz\xC3", 4);
    assert_string_equal(out.data, "\"a\xEF\xBF\xBDz\xEF\xBF\xBD\"");
}

static void refusals(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } CASES[] = {
        {"", "'{' expected"},
        {"[]", "'{' expected"},
        {"{\"a\":1", "',' or '}' expected"},
        {"{\"a\":1}x", "text after the object"},
        {"{\"a\":1,\"a\":2}", "duplicate key"},
        {"{\"a\":{}}", "whole number"},
        {"{\"a\":1.5}", "',' or '}' expected"},
        {"{\"a\":null}", "whole number"},
        {"{\"a\":\"x}", "unfinished string"},
        {"{\"a\":\"\\x\"}", "unknown escape"},
        {"{\"a\":\"\\u0000\"}", "NUL"},
        {"{\"a\":\"\\ud800\"}", "surrogate"},
        {"{\"a\":\"\xFF\"}", "not UTF-8"},
        {"{a:1}", "a string expected"},
        {"{\"a\":99999999999999999999}", "64 bits"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct fact f = {0};
        struct err e = ERR_INIT;
        int r = fact_decode(CASES[i].text, strlen(CASES[i].text), &f, &e);
        if (r != -EBADMSG || strstr(e.text, CASES[i].says) == NULL)
            fail_msg("%s: %d %s", CASES[i].text, r, e.text);
        assert_int_equal(f.count, 0);
    }
}

static void surrogate_pairs_join(void **state)
{
    AUTO(fact) struct fact f = {0};
    struct err e = ERR_INIT;
    static const char TEXT[] = "{\"a\":\"\\ud83d\\ude00\"}";

    (void)state;
    assert_int_equal(fact_decode(TEXT, sizeof(TEXT) - 1, &f, &e), 0);
    assert_string_equal(fact_str(&f, "a"), "\xF0\x9F\x98\x80");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(invalid_bytes_become_replacements),
        cmocka_unit_test(refusals),
        cmocka_unit_test(surrogate_pairs_join),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
