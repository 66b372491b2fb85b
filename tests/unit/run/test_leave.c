/* test_leave.c - when the agent's work on a machine is done. */
#include "cmocka_all.h"

#include "base/auto.h"
#include "run/leave.h"

static void decisions(void **state)
{
    static const struct {
        struct leave_state state;
        enum leave_action expect;
    } CASES[] = {
        {{.after_run = LEAVE_WAIT, .served = true}, LEAVE_WAIT},
        {{.after_run = LEAVE_EXIT, .served = false}, LEAVE_WAIT},
        {{.after_run = LEAVE_EXIT, .served = true}, LEAVE_EXIT},
        {{.after_run = LEAVE_POWEROFF, .served = true, .busy = true}, LEAVE_WAIT},
        {{.idle_ms = 10, .idle_action = LEAVE_POWEROFF, .idle_since = {100}, .now = {109}}, LEAVE_WAIT},
        {{.idle_ms = 10, .idle_action = LEAVE_POWEROFF, .idle_since = {100}, .now = {110}}, LEAVE_POWEROFF},
        {{.idle_ms = 10, .idle_action = LEAVE_COMMAND, .busy = true, .now = {1000}}, LEAVE_WAIT},
        {{.idle_ms = 0, .idle_action = LEAVE_POWEROFF, .now = {1000000}}, LEAVE_WAIT},
        {{.after_run = LEAVE_COMMAND,
          .served = true,
          .idle_ms = 1,
          .idle_action = LEAVE_POWEROFF,
          .now = {1000}},
         LEAVE_COMMAND},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
        assert_int_equal(leave_decide(&CASES[i].state), CASES[i].expect);
    assert_int_equal(leave_action_of("poweroff"), LEAVE_POWEROFF);
    assert_int_equal(leave_action_of("exit"), LEAVE_EXIT);
    assert_int_equal(leave_action_of("command"), LEAVE_COMMAND);
    assert_int_equal(leave_action_of("wait"), LEAVE_WAIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(decisions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
