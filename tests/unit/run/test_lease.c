/* test_lease.c - when a lease is renewed, and when it is gone. */
#include "cmocka_all.h"

#include "run/lease.h"

static enum lease_step step(const struct lease *l, int64_t now, uint64_t random, int64_t *wait)
{
    return lease_step(l, (boot_ms_t){now}, random, wait);
}

static void renewed_after_a_third(void **state)
{
    struct lease l = {.duration_ms = 30000, .asked_at = {1000}};
    int64_t wait;

    (void)state;
    assert_int_equal(step(&l, 1000, 0, &wait), LEASE_WAIT);
    assert_int_equal(wait, 10000);
    assert_int_equal(step(&l, 11000, 0, &wait), LEASE_RENEW);
}

/* What was confirmed counts from the question, not from the answer. */
static void counts_from_the_question(void **state)
{
    struct lease l = {.duration_ms = 30000, .asked_at = {1000}};

    (void)state;
    lease_asked(&l, (boot_ms_t){20000});
    lease_confirmed(&l, 60000);
    assert_int_equal(lease_until(&l).ms, 80000);
}

static void unanswered_is_asked_again_until_it_is_gone(void **state)
{
    struct lease l = {.duration_ms = 30000, .asked_at = {0}};
    int64_t wait;

    (void)state;
    lease_asked(&l, (boot_ms_t){10000});
    lease_unanswered(&l);
    assert_int_equal(step(&l, 10000, 200, &wait), LEASE_WAIT);
    assert_int_equal(wait, 200);
    assert_int_equal(step(&l, 10200, 200, &wait), LEASE_RENEW);
    for (int i = 0; i < 20; i++)
        lease_unanswered(&l);
    /* The longest wait is a third of the lease, and none goes over its end. */
    assert_int_equal(step(&l, 10000, 10000, &wait), LEASE_WAIT);
    assert_int_equal(wait, 10000);
    l.tried_at.ms = 29000;
    assert_int_equal(step(&l, 29000, 10000, &wait), LEASE_WAIT);
    assert_int_equal(wait, 1000);
    assert_int_equal(step(&l, 30000, 0, &wait), LEASE_EXPIRED);
    lease_asked(&l, (boot_ms_t){30500});
    lease_confirmed(&l, 30000);
    assert_int_equal(step(&l, 30500, 0, &wait), LEASE_WAIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renewed_after_a_third),
        cmocka_unit_test(counts_from_the_question),
        cmocka_unit_test(unanswered_is_asked_again_until_it_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
