/* test_run_outputs.c - what of a home is copied away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/run_outputs.h"

static void where_from(void **state)
{
    static const struct {
        const char *from;
        bool valid;
    } CASES[] = {{".", true},       {"a", true},    {"a/b.c", true}, {".hidden", true}, {"a/..b", true},
                 {"", false},       {"/a", false},  {"a/", false},   {"a//b", false},   {"..", false},
                 {"a/../b", false}, {"./a", false}, {"a/.", false},  {"a\nb", false},   {"a/\x7f", false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
        if (run_output_from_valid(CASES[i].from) != CASES[i].valid)
            fail_msg("'%s'", CASES[i].from);
}

static void a_list_of_them(void **state)
{
    AUTO(run_outputs) struct run_outputs list = {.count = 0};
    AUTO(run_outputs) struct run_outputs other = {.count = 0};

    (void)state;
    for (size_t i = 0; i < RUN_OUTPUTS_MAX; i++)
        assert_int_equal(run_outputs_add(&list, "a", "s3://b", i == 1), 0);
    assert_true(run_outputs_add(&list, "a", "s3://b", true) < 0);
    assert_int_equal(list.count, RUN_OUTPUTS_MAX);
    assert_int_equal(run_outputs_addall(&other, &list), 0);
    assert_string_equal(other.item[1].to, "s3://b");
    assert_true(other.item[1].always && !other.item[0].always);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_from),
        cmocka_unit_test(a_list_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
