/* test_terms.c - the end of a lease leaves time to stop and to kill before it, and time to hear of the next one. */
#include "cmocka_all.h"

#include "base/limits.h"
#include "supervisor/terms.h"

static void a_lease_leaves_time_for_grace_and_kill(void **state)
{
    struct lease_terms t = lease_terms_of((boot_ms_t){1000 + 120000}, 30000, (boot_ms_t){1000});

    (void)state;
    assert_int_equal(t.until.ms, 121000);
    assert_int_equal(t.kill_at.ms, 121000 - LEASE_KILL_MS);
    assert_int_equal(t.stop_at.ms, 121000 - LEASE_KILL_MS - 30000);
}

/* However long the grace and however short the lease: renewals have half of it. */
static void half_of_any_lease_is_for_the_job(void **state)
{
    (void)state;
    for (int64_t lease = 1; lease < 4000000; lease = lease * 3 + 1)
        for (int64_t grace = 0; grace <= STOP_GRACE_MS_MAX; grace = grace * 10 + 1) {
            struct lease_terms t = lease_terms_of((boot_ms_t){5000 + lease}, grace, (boot_ms_t){5000});
            assert_true(t.stop_at.ms - 5000 >= lease / 2);
            assert_true(t.stop_at.ms <= t.kill_at.ms);
            assert_true(t.kill_at.ms <= t.until.ms);
            assert_true(lease < 6 || t.kill_at.ms < t.until.ms);
        }
}

static void a_lease_that_is_over_ends_at_once(void **state)
{
    struct lease_terms t = lease_terms_of((boot_ms_t){1000}, 30000, (boot_ms_t){5000});

    (void)state;
    assert_true(t.stop_at.ms <= 5000 && t.kill_at.ms <= 5000);
}

static void a_runtime_is_bounded_by_node_and_service(void **state)
{
    (void)state;
    assert_int_equal(runtime_allowed(60000, JOB_RUNTIME_MS_MAX), 60000);
    assert_int_equal(runtime_allowed(60000, 30000), 30000);
    assert_int_equal(runtime_allowed(INT64_MAX, INT64_MAX), JOB_RUNTIME_MS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lease_leaves_time_for_grace_and_kill),
        cmocka_unit_test(half_of_any_lease_is_for_the_job),
        cmocka_unit_test(a_lease_that_is_over_ends_at_once),
        cmocka_unit_test(a_runtime_is_bounded_by_node_and_service),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
