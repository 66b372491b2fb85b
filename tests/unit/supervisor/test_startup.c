/* test_startup.c - when a startup probe is tried, and what follows. */
#include "cmocka_all.h"

#include "base/auto.h"
#include "supervisor/startup.h"

static boot_ms_t at(int64_t ms)
{
    return (boot_ms_t){ms};
}

static void tries(void **state)
{
    AUTO(strlist) struct strlist command = {0};
    struct startup_probe probe = {.initial_delay_s = 5, .period_s = 10, .failure_threshold = 2};
    struct startup s = startup_begin(&probe, at(1000));

    (void)state;
    assert_true(s.due.ms == INT64_MAX); /* there is none */
    assert_int_equal(strlist_add(&command, "true"), 0);
    probe.command = command;
    s = startup_begin(&probe, at(1000));
    assert_int_equal(startup_due(&s, &probe, at(5999)), STARTUP_WAIT);
    assert_int_equal(s.due.ms, 6000);
    assert_int_equal(startup_due(&s, &probe, at(6000)), STARTUP_TRY);
    assert_int_equal(s.due.ms, 16000);
    assert_int_equal(startup_tried(&s, &probe, false, at(7000)), STARTUP_AGAIN);
    assert_int_equal(startup_due(&s, &probe, at(15999)), STARTUP_WAIT);
    assert_int_equal(startup_due(&s, &probe, at(16000)), STARTUP_TRY);
    /* It takes too long. */
    assert_int_equal(startup_due(&s, &probe, at(26000)), STARTUP_KILL);
    assert_int_equal(startup_tried(&s, &probe, false, at(26010)), STARTUP_FAILED);
    assert_true(s.due.ms == INT64_MAX);
}

static void only_failures_in_a_row_count(void **state)
{
    AUTO(strlist) struct strlist command = {0};
    struct startup_probe probe = {.period_s = 1, .failure_threshold = 1};
    struct startup s;

    (void)state;
    assert_int_equal(strlist_add(&command, "true"), 0);
    probe.command = command;
    s = startup_begin(&probe, at(0));
    assert_int_equal(startup_due(&s, &probe, at(0)), STARTUP_TRY);
    assert_int_equal(startup_tried(&s, &probe, true, at(1)), STARTUP_READY);
    assert_true(s.due.ms == INT64_MAX && s.failures == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tries),
                                       cmocka_unit_test(only_failures_in_a_row_count)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
