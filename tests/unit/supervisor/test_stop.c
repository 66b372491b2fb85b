/* test_stop.c - the stop ladder as values: what is next, and when. */
#include "cmocka_all.h"

#include "base/auto.h"
#include "supervisor/stop.h"

static const struct stop_policy POLICY = {.grace_ms = 30000, .reap_ms = 2000, .kill_budget_ms = 30000};

static void ladder(void **state)
{
    static const struct {
        struct stop_progress so_far;
        int64_t now;
        enum stop_action expect;
        int64_t next_at;
    } CASES[] = {
        {{0}, 0, STOP_SIGNAL_MAIN, 0},
        {{.main_ended = true}, 0, STOP_SIGNAL_TREE, 0},
        {{.signalled = true, .signalled_at = {1000}}, 1000, STOP_WAIT, 31000},
        {{.signalled = true, .signalled_at = {1000}}, 30999, STOP_WAIT, 31000},
        {{.signalled = true, .signalled_at = {1000}}, 31000, STOP_KILL_TREE, 0},
        {{.signalled = true, .signalled_at = {1000}, .hurry = true}, 1001, STOP_KILL_TREE, 0},
        {{.hurry = true}, 1001, STOP_KILL_TREE, 0},
        {{.killed_tree = true, .killed_at = {5000}}, 5000, STOP_WAIT, 7000},
        {{.killed_tree = true, .killed_at = {5000}, .hurry = true}, 5000, STOP_WAIT, 7000},
        {{.killed_tree = true, .killed_at = {5000}}, 7000, STOP_KILL_INIT, 0},
        {{.killed_tree = true, .killed_init = true, .killed_at = {5000}}, 7000, STOP_WAIT, 35000},
        {{.killed_tree = true, .killed_init = true, .killed_at = {5000}}, 35000, STOP_GIVE_UP, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct stop_step step = stop_next(&POLICY, &CASES[i].so_far, (boot_ms_t){CASES[i].now});
        if (step.action != CASES[i].expect ||
            (step.action == STOP_WAIT && step.next_at.ms != CASES[i].next_at))
            fail_msg("case %zu: action %d next %lld", i, (int)step.action, (long long)step.next_at.ms);
    }
}

static void no_grace_kills_at_once(void **state)
{
    const struct stop_policy policy = {.grace_ms = 0, .reap_ms = 1, .kill_budget_ms = 1};
    const struct stop_progress none = {0};

    (void)state;
    assert_int_equal(stop_next(&policy, &none, (boot_ms_t){0}).action, STOP_KILL_TREE);
}

static void whole_tree_on_request(void **state)
{
    struct stop_policy policy = POLICY;
    const struct stop_progress none = {0};

    (void)state;
    policy.whole_tree = true;
    assert_int_equal(stop_next(&policy, &none, (boot_ms_t){0}).action, STOP_SIGNAL_TREE);
}

static void further_signals_in_their_time(void **state)
{
    const struct stop_policy policy = {.grace_ms = 30000,
                                       .then = {.item = {{15, 10000}, {3, 25000}, {1, 40000}}, .count = 3},
                                       .reap_ms = 2000,
                                       .kill_budget_ms = 30000};
    static const struct {
        struct stop_progress so_far;
        int64_t now;
        enum stop_action expect;
        int64_t next_at;
    } CASES[] = {
        {{0}, 0, STOP_SIGNAL_MAIN, 0},
        {{.signalled = true, .signalled_at = {1000}}, 1000, STOP_WAIT, 11000},
        {{.signalled = true, .signalled_at = {1000}}, 11000, STOP_SIGNAL_NEXT, 0},
        {{.signalled = true, .signalled_at = {1000}, .then_sent = 1}, 11000, STOP_WAIT, 26000},
        {{.signalled = true, .signalled_at = {1000}, .then_sent = 1}, 26000, STOP_SIGNAL_NEXT, 0},
        /* The last would come after the kill. */
        {{.signalled = true, .signalled_at = {1000}, .then_sent = 2}, 26000, STOP_WAIT, 31000},
        {{.signalled = true, .signalled_at = {1000}, .then_sent = 2}, 31000, STOP_KILL_TREE, 0},
        /* A supervisor that was held up does not make up for what it missed. */
        {{.signalled = true, .signalled_at = {1000}}, 31000, STOP_KILL_TREE, 0},
        {{.signalled = true, .signalled_at = {1000}, .hurry = true}, 11000, STOP_KILL_TREE, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct stop_step step = stop_next(&policy, &CASES[i].so_far, (boot_ms_t){CASES[i].now});
        if (step.action != CASES[i].expect ||
            (step.action == STOP_WAIT && step.next_at.ms != CASES[i].next_at))
            fail_msg("case %zu: action %d next %lld", i, (int)step.action, (long long)step.next_at.ms);
    }
}

/* Whatever the times, the ladder ends: each step that is taken leads to another, and the last is giving up.
 */
static void the_ladder_always_ends(void **state)
{
    struct stop_progress p = {0};
    boot_ms_t now = {0};
    int steps = 0;

    (void)state;
    for (; steps < 20; steps++) {
        struct stop_step step = stop_next(&POLICY, &p, now);
        if (step.action == STOP_GIVE_UP)
            break;
        if (step.action == STOP_WAIT) {
            assert_true(step.next_at.ms > now.ms);
            now = step.next_at;
        } else if (step.action == STOP_KILL_TREE) {
            p.killed_tree = true;
            p.killed_at = now;
        } else if (step.action == STOP_KILL_INIT) {
            p.killed_init = true;
        } else {
            p.signalled = true;
            p.signalled_at = now;
        }
    }
    assert_true(steps < 20);
    assert_int_equal(now.ms, 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ladder),
        cmocka_unit_test(no_grace_kills_at_once),
        cmocka_unit_test(whole_tree_on_request),
        cmocka_unit_test(further_signals_in_their_time),
        cmocka_unit_test(the_ladder_always_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
