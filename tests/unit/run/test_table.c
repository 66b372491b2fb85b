/* test_table.c - the phase table as a whole: every pair decided, every phase reaches the end, causes in their
 * place. */
#include "cmocka_all.h"

#include "base/auto.h"
#include "run/table.h"

/* Pairs that cannot happen. A new phase or event must be decided: either an edge, or a line here. */
static const struct {
    enum phase phase;
    enum run_event event;
} IMPOSSIBLE[] = {
    {PHASE_ACCEPTED, RUN_EVENT_DONE},      {PHASE_ACCEPTED, RUN_EVENT_RUNNING},
    {PHASE_ACCEPTED, RUN_EVENT_STOPPING},  {PHASE_ACCEPTED, RUN_EVENT_MAIN_ENDED},
    {PHASE_ACCEPTED, RUN_EVENT_ENDED},     {PHASE_ACCEPTED, RUN_EVENT_BUDGET},
    {PHASE_PREPARING, RUN_EVENT_START},    {PHASE_PREPARING, RUN_EVENT_RUNNING},
    {PHASE_PREPARING, RUN_EVENT_STOPPING}, {PHASE_PREPARING, RUN_EVENT_MAIN_ENDED},
    {PHASE_PREPARING, RUN_EVENT_ENDED},    {PHASE_LAUNCHING, RUN_EVENT_START},
    {PHASE_LAUNCHING, RUN_EVENT_DONE},     {PHASE_RUNNING, RUN_EVENT_START},
    {PHASE_RUNNING, RUN_EVENT_DONE},       {PHASE_RUNNING, RUN_EVENT_BUDGET},
    {PHASE_STOPPING, RUN_EVENT_START},     {PHASE_STOPPING, RUN_EVENT_DONE},
    {PHASE_STOPPING, RUN_EVENT_BUDGET},    {PHASE_CLEANING, RUN_EVENT_START},
    {PHASE_CLEANING, RUN_EVENT_DONE},      {PHASE_CLEANING, RUN_EVENT_BUDGET},
    {PHASE_SHIPPING, RUN_EVENT_START},     {PHASE_SHIPPING, RUN_EVENT_BUDGET},
    {PHASE_REPORTING, RUN_EVENT_START},    {PHASE_REPORTING, RUN_EVENT_BUDGET},
};

static bool listed_impossible(enum phase phase, enum run_event event)
{
    for (size_t i = 0; i < ARRAY_SIZE(IMPOSSIBLE); i++)
        if (IMPOSSIBLE[i].phase == phase && IMPOSSIBLE[i].event == event)
            return true;
    return false;
}

static void every_pair_is_decided(void **state)
{
    (void)state;
    for (unsigned p = 0; p < PHASE_COUNT; p++)
        for (unsigned v = 0; v < RUN_EVENT_COUNT; v++) {
            bool bug = run_edge((enum phase)p, (enum run_event)v).kind == EDGE_BUG;
            if (bug != listed_impossible((enum phase)p, (enum run_event)v))
                fail_msg("%s x %s: table and list of impossible pairs disagree", phase_name((enum phase)p),
                         run_event_name((enum run_event)v));
        }
}

static void edges_only_go_forward(void **state)
{
    (void)state;
    for (unsigned p = 0; p < PHASE_COUNT; p++)
        for (unsigned v = 0; v < RUN_EVENT_COUNT; v++) {
            struct edge e = run_edge((enum phase)p, (enum run_event)v);
            if (e.kind == EDGE_GO)
                assert_true((unsigned)e.next > p);
        }
}

/* A phase that waits for the outside (a job, a person) is left by FAILED or ENDED too; all others by their
 * own work. */
static void every_phase_can_be_left(void **state)
{
    (void)state;
    for (unsigned p = 0; p < PHASE_FINISHED; p++) {
        bool left_by_work = run_edge((enum phase)p, RUN_EVENT_DONE).kind == EDGE_GO ||
                            run_edge((enum phase)p, RUN_EVENT_ENDED).kind == EDGE_GO ||
                            run_edge((enum phase)p, RUN_EVENT_START).kind == EDGE_GO;
        assert_true(left_by_work);
        if (p < PHASE_SHIPPING)
            assert_int_equal(run_edge((enum phase)p, RUN_EVENT_FAILED).next, PHASE_SHIPPING);
    }
    assert_true(phase_budget_ms(PHASE_PREPARING) > 0);
    assert_true(phase_budget_ms(PHASE_LAUNCHING) > 0);
    assert_int_equal(phase_budget_ms(PHASE_RUNNING), 0);
}

/* Once a supervisor may exist, a cancel is a request: only the record ends the run. */
static void cancel_ends_only_what_was_not_launched(void **state)
{
    (void)state;
    assert_int_equal(run_edge(PHASE_ACCEPTED, RUN_EVENT_CANCEL).cause, CAUSE_CANCELLED);
    assert_int_equal(run_edge(PHASE_PREPARING, RUN_EVENT_CANCEL).next, PHASE_SHIPPING);
    assert_int_equal(run_edge(PHASE_LAUNCHING, RUN_EVENT_CANCEL).next, PHASE_STOPPING);
    assert_int_equal(run_edge(PHASE_RUNNING, RUN_EVENT_CANCEL).next, PHASE_STOPPING);
    assert_int_equal(run_edge(PHASE_RUNNING, RUN_EVENT_CANCEL).cause, CAUSE_NONE);
    assert_int_equal(run_edge(PHASE_STOPPING, RUN_EVENT_CANCEL).kind, EDGE_STAY);
}

static void names_round_trip(void **state)
{
    (void)state;
    for (unsigned v = 0; v < RUN_EVENT_COUNT; v++)
        assert_int_equal(run_event_from_name(run_event_name((enum run_event)v)), v);
    assert_int_equal(run_event_from_name("no-such"), RUN_EVENT_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_is_decided),   cmocka_unit_test(edges_only_go_forward),
        cmocka_unit_test(every_phase_can_be_left), cmocka_unit_test(cancel_ends_only_what_was_not_launched),
        cmocka_unit_test(names_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
