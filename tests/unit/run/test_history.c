/* test_history.c - literal journals, folded; and what a starting agent makes of them. */
#include "cmocka_all.h"

#include "base/auto.h"
#include "run/history.h"

static struct run_history fold(const char *const *lines)
{
    struct run_history h = {0};

    for (; *lines != NULL; lines++) {
        AUTO(fact) struct fact f = {0};
        struct err e = ERR_INIT;
        assert_int_equal(fact_decode(*lines, strlen(*lines), &f, &e), 0);
        run_history_apply(&h, &f);
    }
    return h;
}

#define ACCEPT_QUEUE                                                                                         \
    "{\"t\":\"2026-01-01T00:00:00.000Z\",\"event\":\"accepted\",\"epoch\":3,\"origin\":\"queue\"}"
#define ACCEPT_HERE         "{\"event\":\"accepted\",\"origin\":\"foreground\"}"
#define TO(phase)           "{\"event\":\"phase\",\"to\":\"" phase "\"}"
#define LAUNCH              "{\"event\":\"launch-requested\"}"
#define STOP(at)            "{\"event\":\"stop-requested\",\"reason\":\"spot\",\"until-boot-ms\":" at "}"
#define DEADLINE(event, ms) "{\"event\":\"deadline-" event "\",\"runtime-ms\":" ms "}"
#define CANCEL              "{\"event\":\"cancel-requested\"}"

static void adoption_table(void **state)
{
    static const struct {
        const char *lines[6];
        enum adoption expect;
    } CASES[] = {
        {{ACCEPT_QUEUE}, ADOPT_START},
        {{ACCEPT_QUEUE, TO("PREPARING")}, ADOPT_START},
        {{ACCEPT_HERE, TO("PREPARING")}, ADOPT_ABANDON},
        {{ACCEPT_QUEUE, CANCEL}, ADOPT_ABANDON},
        {{ACCEPT_QUEUE, TO("PREPARING"), STOP("7")}, ADOPT_ABANDON},
        {{ACCEPT_QUEUE, LAUNCH, STOP("7")}, ADOPT_JOIN},
        {{ACCEPT_QUEUE, TO("PREPARING"), TO("LAUNCHING")}, ADOPT_START},
        {{ACCEPT_QUEUE, TO("LAUNCHING"), LAUNCH}, ADOPT_JOIN},
        {{ACCEPT_HERE, TO("LAUNCHING"), LAUNCH}, ADOPT_JOIN},
        {{ACCEPT_QUEUE, LAUNCH, CANCEL, TO("STOPPING")}, ADOPT_JOIN},
        {{ACCEPT_HERE, LAUNCH, TO("RUNNING")}, ADOPT_JOIN},
        {{ACCEPT_QUEUE, LAUNCH, TO("SHIPPING")}, ADOPT_DELIVER},
        {{ACCEPT_QUEUE, TO("REPORTING")}, ADOPT_DELIVER},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct run_history h = fold(CASES[i].lines);
        if (adoption_of(&h) != CASES[i].expect)
            fail_msg("case %zu: %d", i, (int)adoption_of(&h));
    }
}

/* A later word cannot give a job more time; a deadline is owed until the supervisor has it. */
static void directives_are_remembered(void **state)
{
    static const char *const STOPS[] = {ACCEPT_QUEUE, STOP("900"), STOP("700"), STOP("800"), NULL};
    static const char *const OWED[] = {DEADLINE("requested", "60"), DEADLINE("set", "60"),
                                       DEADLINE("requested", "90"), NULL};
    static const char *const TAKEN[] = {DEADLINE("requested", "60"), DEADLINE("set", "50"), NULL};
    struct run_history h = fold(STOPS);

    (void)state;
    assert_true(h.stop_requested);
    assert_int_equal(h.stop_at.ms, 700);
    assert_int_equal(h.stop_reason, NOTICE_SPOT);
    assert_int_equal(fold(OWED).runtime_ms, 90);
    assert_int_equal(fold(TAKEN).runtime_ms, 0);
}

static void the_first_cause_wins(void **state)
{
    static const char *const LINES[] = {ACCEPT_QUEUE,
                                        "{\"event\":\"failure\",\"cause\":\"artifact-rejected\",\"blame\":"
                                        "\"assignment\",\"reason\":\"no entry\"}",
                                        "{\"event\":\"phase\",\"to\":\"SHIPPING\",\"cause\":\"cancelled\"}",
                                        "{\"event\":\"of-a-newer-version\"}", NULL};
    struct run_history h = fold(LINES);

    (void)state;
    assert_int_equal(h.cause, CAUSE_ARTIFACT_REJECTED);
    assert_int_equal(h.blame, BLAME_ASSIGNMENT);
    assert_string_equal(h.reason, "no entry");
    assert_int_equal(h.epoch, 3);
    assert_int_equal(h.phase, PHASE_SHIPPING);
    assert_true(h.accepted_at.ms > 0);
}

/* What a restart must know: whether it ran, so that it is not started again, and when it ended. */
static void an_end_has_a_time(void **state)
{
    static const char *const LINES[] = {
        ACCEPT_QUEUE,
        LAUNCH,
        TO("LAUNCHING"),
        TO("RUNNING"),
        "{\"t\":\"2026-01-01T00:00:05.000Z\",\"event\":\"phase\",\"to\":\"SHIPPING\"}",
        "{\"t\":\"2026-01-01T00:00:06.000Z\",\"event\":\"phase\",\"to\":\"FINISHED\"}",
        NULL};
    static const char *const UNLAUNCHED[] = {ACCEPT_QUEUE, LAUNCH, TO("LAUNCHING"), TO("STOPPING"), NULL};
    struct run_history h = fold(LINES);

    (void)state;
    assert_true(h.ran);
    assert_int_equal(h.ended_at.ms - h.accepted_at.ms, 5000);
    h = fold(UNLAUNCHED);
    assert_false(h.ran);
    assert_int_equal(h.ended_at.ms, 0);
}

/* "Not started" is only said of a run whose cause says so. */
static void an_unknown_end_stays_unknown(void **state)
{
    (void)state;
    assert_int_equal(run_history_main_end(CAUSE_UNKNOWN), MAIN_UNKNOWN);
    assert_int_equal(run_history_main_end(CAUSE_NONE), MAIN_UNKNOWN);
    assert_int_equal(run_history_main_end(CAUSE_CANCELLED), MAIN_NOT_STARTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adoption_table),
        cmocka_unit_test(directives_are_remembered),
        cmocka_unit_test(the_first_cause_wins),
        cmocka_unit_test(an_end_has_a_time),
        cmocka_unit_test(an_unknown_end_stays_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
