/* test_suggest.c - which words are near enough to be meant. */
#include "cmocka_all.h"

#include "base/auto.h"
#include "base/suggest.h"

static void distances(void **state)
{
    static const struct {
        const char *a, *b;
        size_t edits;
    } CASES[] = {
        {"", "", 0},      {"abc", "abc", 0},        {"abc", "ABC", 0},
        {"abc", "ab", 1}, {"abc", "acb", 1},        {"kitten", "sitting", 3},
        {"", "four", 4},  {"detatch", "detach", 1}, {"grcae", "grace", 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        assert_int_equal(suggest_distance(CASES[i].a, CASES[i].b), CASES[i].edits);
        assert_int_equal(suggest_distance(CASES[i].b, CASES[i].a), CASES[i].edits);
    }
}

static void the_nearest_wins(void **state)
{
    static const struct {
        const char *typed, *meant;
    } CASES[] = {
        {"statsu", "status"}, {"concurency", "concurrency"}, {"zzz", NULL}, {"rum", "run"}, {"x", NULL},
    };
    static const char *const KNOWN[] = {"run", "status", "submit", "concurrency"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct suggestion s = {0};
        for (size_t k = 0; k < ARRAY_SIZE(KNOWN); k++)
            suggest_offer(&s, CASES[i].typed, KNOWN[k]);
        if (CASES[i].meant == NULL)
            assert_null(s.best);
        else
            assert_string_equal(s.best, CASES[i].meant);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances),
        cmocka_unit_test(the_nearest_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
