/* test_tally.c - what an agent counts: classes of time with their borders, ends by cause and state. */
#include "cmocka_all.h"

#include "run/tally.h"

static void a_time_is_in_one_class_and_a_bound_belongs_to_its_own(void **state)
{
    struct tally t = {0};
    uint64_t all = 0;

    (void)state;
    tally_phase(&t, PHASE_RUNNING, 10);
    tally_phase(&t, PHASE_RUNNING, 11);
    tally_phase(&t, PHASE_RUNNING, 604800000);
    tally_phase(&t, PHASE_RUNNING, 604800001);
    assert_int_equal(t.spent[PHASE_RUNNING][0], 1);
    assert_int_equal(t.spent[PHASE_RUNNING][1], 1);
    assert_int_equal(t.spent[PHASE_RUNNING][TALLY_CLASSES - 2], 1);
    assert_int_equal(t.spent[PHASE_RUNNING][TALLY_CLASSES - 1], 1);
    assert_int_equal(t.spent_ms[PHASE_RUNNING], 10 + 11 + 604800000LL + 604800001LL);
    for (size_t i = 0; i < TALLY_CLASSES; i++)
        all += t.spent[PHASE_PREPARING][i];
    assert_int_equal(all, 0);
}

static void a_clock_that_went_back_counts_as_no_time(void **state)
{
    struct tally t = {0};

    (void)state;
    tally_phase(&t, PHASE_LAUNCHING, -5);
    assert_int_equal(t.spent[PHASE_LAUNCHING][0], 1);
    assert_int_equal(t.spent_ms[PHASE_LAUNCHING], 0);
}

static void bounds_rise(void **state)
{
    (void)state;
    for (size_t i = 1; i < TALLY_CLASSES - 1; i++)
        assert_true(TALLY_BOUND_MS[i] > TALLY_BOUND_MS[i - 1]);
}

static void ends_are_counted_by_cause_and_state(void **state)
{
    struct tally t = {0};

    (void)state;
    tally_end(&t, CAUSE_EXITED, STATE_SUCCEEDED);
    tally_end(&t, CAUSE_EXITED, STATE_FAILED);
    tally_end(&t, CAUSE_EXITED, STATE_FAILED);
    assert_int_equal(t.ended[CAUSE_EXITED][STATE_SUCCEEDED], 1);
    assert_int_equal(t.ended[CAUSE_EXITED][STATE_FAILED], 2);
    assert_int_equal(t.ended[CAUSE_OOM_KILLED][STATE_FAILED], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_is_in_one_class_and_a_bound_belongs_to_its_own),
        cmocka_unit_test(a_clock_that_went_back_counts_as_no_time),
        cmocka_unit_test(bounds_rise),
        cmocka_unit_test(ends_are_counted_by_cause_and_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
