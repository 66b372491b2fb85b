/* test_parse.c - strict readers, as tables: what they take, and what they refuse. */
#include "cmocka_all.h"

#include <errno.h>

#include "base/auto.h"
#include "base/parse.h"

static void durations(void **state)
{
    static const struct {
        const char *text;
        int r;
        int64_t ms;
    } CASES[] = {
        {"0", 0, 0},
        {"500ms", 0, 500},
        {"90s", 0, 90000},
        {"5m", 0, 300000},
        {"2h", 0, 7200000},
        {"30d", 0, 2592000000},
        {"", -EINVAL, 0},
        {"5", -EINVAL, 0},
        {"-5s", -EINVAL, 0},
        {"5 s", -EINVAL, 0},
        {"5S", -EINVAL, 0},
        {"1.5h", -EINVAL, 0},
        {" 5s", -EINVAL, 0},
        {"5sx", -EINVAL, 0},
        {"s", -EINVAL, 0},
        {"99999999999999999999s", -ERANGE, 0},
        {"9223372036854775807d", -ERANGE, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        int64_t ms = -7;
        if (parse_duration_ms(CASES[i].text, &ms) != CASES[i].r || ms != (CASES[i].r == 0 ? CASES[i].ms : -7))
            fail_msg("'%s': %lld", CASES[i].text, (long long)ms);
    }
}

static void sizes(void **state)
{
    static const struct {
        const char *text;
        int r;
        uint64_t bytes;
    } CASES[] = {
        {"0", 0, 0},           {"4096", 0, 4096},          {"512K", 0, 524288},       {"64M", 0, 67108864},
        {"1G", 0, 1073741824}, {"2TiB", 0, 2199023255552}, {"1k", -EINVAL, 0},        {"1GB", -EINVAL, 0},
        {"", -EINVAL, 0},      {"-1", -EINVAL, 0},         {"99999999T", -ERANGE, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        uint64_t bytes = 7;
        if (parse_size(CASES[i].text, &bytes) != CASES[i].r ||
            bytes != (CASES[i].r == 0 ? CASES[i].bytes : 7))
            fail_msg("'%s'", CASES[i].text);
    }
}

static void integers(void **state)
{
    int64_t i = 5;
    uint64_t u = 5;

    (void)state;
    assert_int_equal(parse_i64("-42", -100, 100, &i), 0);
    assert_int_equal(i, -42);
    assert_int_equal(parse_i64("101", -100, 100, &i), -ERANGE);
    assert_int_equal(parse_i64("--1", -100, 100, &i), -EINVAL);
    assert_int_equal(parse_i64("+1", -100, 100, &i), -EINVAL);
    assert_int_equal(parse_i64("1 ", -100, 100, &i), -EINVAL);
    assert_int_equal(i, -42);
    assert_int_equal(parse_u64("18446744073709551615", UINT64_MAX, &u), 0);
    assert_int_equal(parse_u64("18446744073709551616", UINT64_MAX, &u), -ERANGE);
    assert_true(u == UINT64_MAX);
}

static void utf8(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        bool valid;
    } CASES[] = {
        {"", 0, true},
        {"abc", 3, true},
        {"\xC3\xA9", 2, true},
        {"\xE2\x82\xAC", 3, true},
        {"\xF0\x9F\x98\x80", 4, true},
        {"\xC0\x80", 2, false},
        {"\xE0\x80\x80", 3, false},
        {"\xED\xA0\x80", 3, false},
        {"\xF4\x90\x80\x80", 4, false},
        {"\xC3", 1, false},
        {"\x80", 1, false},
        {"\xFF", 1, false},
        {"a\0b", 3, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
        if (utf8_valid(CASES[i].bytes, CASES[i].n) != CASES[i].valid)
            fail_msg("case %zu", i);
}

static void names(void **state)
{
    char longest[300];

    (void)state;
    memset(longest, 'a', sizeof(longest));
    longest[200] = '\0';
    assert_true(run_id_valid(longest));
    longest[200] = 'a';
    longest[201] = '\0';
    assert_false(run_id_valid(longest));
    assert_true(run_id_valid("ocid1.datasciencejobrun.oc1.iad.abc"));
    assert_false(run_id_valid(""));
    assert_false(run_id_valid(".hidden"));
    assert_false(run_id_valid("a/b"));
    assert_false(run_id_valid("a b"));
    assert_true(file_name_valid("train.py"));
    assert_true(file_name_valid("..."));
    assert_false(file_name_valid(".."));
    assert_false(file_name_valid("."));
    assert_false(file_name_valid("a/b"));
    assert_false(file_name_valid("a\nb"));
    assert_false(file_name_valid(""));
}

static void names_of_executions(void **state)
{
    static const char *const BAD[] = {"",         "~2",      "run~",     "run~1",  "run~02",
                                      "run~1000", "run+",    "run+x",    "run+00", "run+1+2",
                                      "run~2+1",  "run~2~3", "run+1000", ".run",   "a/b+1"};
    static const char *const GOOD[] = {"run", "run~2", "run+0", "run+12~999"};
    struct run_name name;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++)
        assert_false(run_name_valid(BAD[i]));
    for (size_t i = 0; i < ARRAY_SIZE(GOOD); i++) {
        char again[RUN_ID_BYTES];
        assert_true(run_name_parse(GOOD[i], &name));
        assert_string_equal(name.id, "run");
        run_name_format(&name, again);
        assert_string_equal(again, GOOD[i]);
    }
    assert_int_equal(name.rank, 12);
    assert_int_equal(name.attempt, 999);
    assert_true(run_name_parse("run", &name));
    assert_int_equal(name.rank, -1);
    assert_int_equal(name.attempt, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations), cmocka_unit_test(sizes), cmocka_unit_test(integers),
        cmocka_unit_test(utf8),      cmocka_unit_test(names), cmocka_unit_test(names_of_executions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
