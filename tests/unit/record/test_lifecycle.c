/* test_lifecycle.c - every value has a name of its own, and the name leads back to it. */
#include "cmocka_all.h"

#include "record/lifecycle.h"

static void phases_round_trip(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PHASE_COUNT; i++)
        assert_int_equal(phase_from_name(phase_name((enum phase)i)), i);
    assert_int_equal(phase_from_name("running"), PHASE_COUNT);
    assert_int_equal(phase_from_name(""), PHASE_COUNT);
    assert_string_equal(phase_name(PHASE_COUNT), "?");
}

static void states_round_trip(void **state)
{
    (void)state;
    for (unsigned i = 0; i < STATE_COUNT; i++)
        assert_int_equal(state_from_name(state_name((enum lifecycle_state)i)), i);
    assert_int_equal(state_from_name("CANCELLED"), STATE_COUNT);
    assert_string_equal(state_name(STATE_COUNT), "?");
}

static void causes_round_trip(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CAUSE_COUNT; i++)
        assert_int_equal(cause_from_name(cause_name((enum cause)i)), i);
    assert_int_equal(cause_from_name("EXITED"), CAUSE_COUNT);
    assert_string_equal(cause_name(CAUSE_COUNT), "?");
}

/* Names that clients are known to compare with: a rename must fail here. */
static void names_are_api(void **state)
{
    (void)state;
    assert_string_equal(state_name(STATE_IN_PROGRESS), "IN_PROGRESS");
    assert_string_equal(state_name(STATE_NEEDS_ATTENTION), "NEEDS_ATTENTION");
    assert_string_equal(cause_name(CAUSE_NONE), "none");
    assert_string_equal(cause_name(CAUSE_OOM_KILLED), "oom-killed");
    assert_string_equal(cause_name(CAUSE_DEADLINE_EXCEEDED), "deadline-exceeded");
    assert_string_equal(cause_name(CAUSE_CANCELLED), "cancelled");
    assert_string_equal(phase_name(PHASE_RUNNING), "RUNNING");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phases_round_trip),
        cmocka_unit_test(states_round_trip),
        cmocka_unit_test(causes_round_trip),
        cmocka_unit_test(names_are_api),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
