/* test_retry_policy.c - which end leads to another attempt. */
#include "cmocka_all.h"

#include "base/auto.h"
#include "run/retry_policy.h"

static struct exit_record ended(enum cause cause, enum main_end end, int64_t status)
{
    return (struct exit_record){
        .tree_gone = true, .stop_cause = cause, .main_end = end, .status = (int)status};
}

static struct retry_decision decide(const struct run_retry *retry, const struct exit_record *record,
                                    int64_t attempt)
{
    struct verdict v = verdict_of(record);

    return retry_decide(retry, record, &v, attempt, true);
}

static struct run_retry three(void)
{
    struct run_retry none, r;

    run_retry_init(&none);
    r = none;
    r.attempts = 3;
    r.delay_ms = 7000;
    return run_retry_resolve(&r, &none);
}

static void the_job_s_own_end_is_final(void **state)
{
    const struct run_retry retry = three();
    const struct exit_record ends[] = {
        ended(CAUSE_NONE, MAIN_EXITED, 0),
        ended(CAUSE_NONE, MAIN_EXITED, 1),
        ended(CAUSE_NONE, MAIN_SIGNALED, 11),
        ended(CAUSE_DEADLINE_EXCEEDED, MAIN_SIGNALED, 15),
        ended(CAUSE_CANCELLED, MAIN_SIGNALED, 15),
        ended(CAUSE_ASSIGNMENT_INVALID, MAIN_NOT_STARTED, 0),
        ended(CAUSE_ARTIFACT_REJECTED, MAIN_NOT_STARTED, 0),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
        assert_false(decide(&retry, &ends[i], 1).again);
}

static void what_the_node_did_is_tried_again(void **state)
{
    static const enum cause CAUSES[] = {
        CAUSE_PREEMPTED, CAUSE_NODE_REBOOTED,        CAUSE_SUPERVISOR_LOST, CAUSE_LEASE_LOST,
        CAUSE_DISK_FULL, CAUSE_STORAGE_FAILED,       CAUSE_LAUNCH_FAILED,   CAUSE_DEVICE_BUSY,
        CAUSE_INTERNAL,  CAUSE_ARTIFACT_FETCH_FAILED};
    const struct run_retry retry = three();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CAUSES); i++) {
        struct exit_record record = ended(CAUSES[i], MAIN_UNKNOWN, 0);
        assert_true(decide(&retry, &record, 1).again);
        assert_int_equal(decide(&retry, &record, 2).delay_ms, 7000);
        assert_false(decide(&retry, &record, 3).again);
        record.blame = BLAME_ASSIGNMENT;
        assert_false(decide(&retry, &record, 1).again);
    }
}

static void a_document_may_choose(void **state)
{
    struct run_retry retry = three();
    struct exit_record failed = ended(CAUSE_NONE, MAIN_EXITED, 75), other = ended(CAUSE_NONE, MAIN_EXITED, 1);
    struct exit_record preempted = ended(CAUSE_PREEMPTED, MAIN_SIGNALED, 15);

    (void)state;
    retry.has_exit_codes = retry.exit_code[75] = true;
    assert_true(decide(&retry, &failed, 1).again);
    assert_false(decide(&retry, &other, 1).again);
    assert_true(decide(&retry, &preempted, 1).again);
    /* Codes narrow `exited`. */
    retry.has_causes = retry.cause[CAUSE_EXITED] = true;
    assert_false(decide(&retry, &other, 1).again);
    assert_false(decide(&retry, &preempted, 1).again);
    retry.has_exit_codes = false;
    assert_true(decide(&retry, &other, 1).again);
    /* A success is none of these, whatever is asked for. */
    other.status = 0;
    assert_false(decide(&retry, &other, 1).again);
}

static void what_lives_is_not_doubled(void **state)
{
    struct run_retry retry = three();
    struct exit_record record = ended(CAUSE_PREEMPTED, MAIN_UNKNOWN, 0);
    struct verdict v = verdict_of(&record);

    (void)state;
    assert_true(retry_decide(&retry, &record, &v, 1, true).again);
    assert_false(retry_decide(&retry, &record, &v, 1, false).again);
    record.tree_gone = false;
    assert_false(decide(&retry, &record, 1).again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_job_s_own_end_is_final),
        cmocka_unit_test(what_the_node_did_is_tried_again),
        cmocka_unit_test(a_document_may_choose),
        cmocka_unit_test(what_lives_is_not_doubled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
