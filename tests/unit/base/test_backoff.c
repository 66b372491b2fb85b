/* test_backoff.c - waits between attempts. */
#include "cmocka_all.h"

#include "base/backoff.h"

static void doubles_up_to_the_cap(void **state)
{
    (void)state;
    assert_int_equal(backoff_full_jitter(1000, 30000, 1, 1000), 1000);
    assert_int_equal(backoff_full_jitter(1000, 30000, 1, 1001), 0);
    assert_int_equal(backoff_full_jitter(1000, 30000, 3, 4000), 4000);
    assert_int_equal(backoff_full_jitter(1000, 30000, 6, 30000), 30000);
    assert_int_equal(backoff_full_jitter(1000, 30000, INT64_MAX, 30001), 0);
    assert_int_equal(backoff_full_jitter(1, INT64_MAX - 1, INT64_MAX, 0), 0);
    assert_int_equal(backoff_full_jitter(1000, 500, 1, 500), 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(doubles_up_to_the_cap)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
