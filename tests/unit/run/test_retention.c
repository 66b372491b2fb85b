/* test_retention.c - what is forgotten, as tables. */
#include "cmocka_all.h"

#include "base/auto.h"
#include "run/retention.h"

static const struct retention_policy POLICY = {.age_ms = 1000, .bytes = 100};

static void cases(void **state)
{
    static const struct {
        struct retained run[3]; /* oldest first; .remove is what is expected */
    } CASES[] = {
        {{{{5000}, 10, false, false}, {{5000}, 10, false, false}, {{5000}, 10, false, false}}},
        {{{{3000}, 10, false, true}, {{4000}, 10, false, false}, {{5000}, 10, false, false}}},
        {{{{3000}, 10, true, false}, {{4000}, 10, false, false}, {{5000}, 10, false, false}}},
        {{{{4500}, 60, false, true}, {{4600}, 60, false, false}, {{5000}, 10, false, false}}},
        {{{{4500}, 60, true, false}, {{4600}, 60, false, true}, {{5000}, 10, false, false}}},
        {{{{3000}, 60, false, true}, {{4600}, 60, false, false}, {{5000}, 40, false, false}}},
        {{{{4500}, 500, true, false}, {{4600}, 1, false, true}, {{5000}, 1, false, true}}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct retained runs[3];
        size_t expected = 0;
        memcpy(runs, CASES[i].run, sizeof(runs));
        for (size_t k = 0; k < 3; k++) {
            expected += runs[k].remove;
            runs[k].remove = false;
        }
        assert_int_equal(retention_choose(&POLICY, runs, 3, (wall_ms_t){5000}), expected);
        for (size_t k = 0; k < 3; k++)
            if (runs[k].remove != CASES[i].run[k].remove)
                fail_msg("case %zu run %zu", i, k);
    }
}

static void nothing_is_chosen_of_nothing(void **state)
{
    (void)state;
    assert_int_equal(retention_choose(&POLICY, NULL, 0, (wall_ms_t){5000}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases),
        cmocka_unit_test(nothing_is_chosen_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
