/* test_stale_events.c - events are applied to the phase they belong to, whatever else is pending. */
#include "engine/engine.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "sys/fd.h"

struct fixture {
    char folder[64];
    int agent_fd;
    struct loop *loop;
    struct loop_timer *end;
    struct engine *engine;
    struct run *run;
    int shipping, reporting, finished;
};

static void done_at_once(struct run *run, void *context)
{
    (void)context;
    run_post(run, RUN_EVENT_DONE);
}

static void count_shipping(struct run *run, void *context)
{
    struct fixture *f = context;

    (void)run;
    f->shipping++;
}

static void count_reporting(struct run *run, void *context)
{
    struct fixture *f = context;

    (void)run;
    f->reporting++;
}

static void count_finished(struct run *run, void *context)
{
    struct fixture *f = context;

    (void)run;
    f->finished++;
}

static void end_of_turns(void *context)
{
    struct fixture *f = context;

    loop_stop(f->loop);
}

/* Lets the loop run until nothing is pending. */
static void settle(struct fixture *f)
{
    for (int i = 0; i < 10; i++) {
        loop_timer_start(f->end, 1, 0);
        loop_run(f->loop);
    }
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err e = ERR_INIT;
    const struct engine_hooks hooks = {
        .ops = {[PHASE_PREPARING] = {.enter = done_at_once},
                [PHASE_SHIPPING] = {.enter = count_shipping},
                [PHASE_REPORTING] = {.enter = count_reporting},
                [PHASE_FINISHED] = {.enter = count_finished}},
        .context = f,
    };

    assert_non_null(f);
    (void)snprintf(f->folder, sizeof(f->folder), "/tmp/test-engine.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    f->agent_fd = dir_open(AT_FDCWD, f->folder);
    assert_true(f->agent_fd >= 0);
    assert_int_equal(mkdirat(f->agent_fd, "local.1", 0755), 0);
    f->loop = loop_new(&e);
    f->engine = engine_new(f->loop, &hooks, &e);
    assert_non_null(f->engine);
    f->end = loop_timer_new(f->loop, end_of_turns, f);
    assert_int_equal(run_open(f->agent_fd, "local.1", -1, &f->run, &e), 0);
    engine_add(f->engine, f->run);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    engine_free(f->engine);
    loop_free(f->loop);
    (void)tree_remove(AT_FDCWD, f->folder);
    (void)close(f->agent_fd);
    free(f);
    return 0;
}

/* The run is cancelled while PREPARING's "done" is pending: SHIPPING has not done anything yet. */
static void done_of_a_former_phase_moves_nothing(void **state)
{
    struct fixture *f = *state;

    run_post(f->run, RUN_EVENT_START);
    run_post(f->run, RUN_EVENT_CANCEL);
    settle(f);
    assert_int_equal(f->shipping, 1);
    assert_int_equal(f->reporting, 0);
    assert_int_equal(f->run->phase, PHASE_SHIPPING);
    assert_int_equal(f->run->cause, CAUSE_CANCELLED);
    run_post(f->run, RUN_EVENT_DONE);
    settle(f);
    assert_int_equal(f->reporting, 1);
    assert_int_equal(f->finished, 0);
}

/* A launch may have begun when the stop is heard of: it is the supervisor's to do, and the run goes on to it. */
static void a_stop_does_not_forget_a_launch(void **state)
{
    struct fixture *f = *state;

    run_post(f->run, RUN_EVENT_START);
    settle(f);
    assert_int_equal(f->run->phase, PHASE_LAUNCHING);
    assert_int_equal(run_stop(f->run, NOTICE_SPOT, 5000), 0);
    settle(f);
    assert_int_equal(f->run->phase, PHASE_LAUNCHING);
    assert_true(f->run->stop_requested);
}

static void a_stop_ends_what_was_not_launched(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(run_stop(f->run, NOTICE_SPOT, 5000), 0);
    settle(f);
    assert_int_equal(f->run->phase, PHASE_SHIPPING);
    assert_int_equal(f->run->verdict.cause, CAUSE_PREEMPTED);
    assert_int_equal(f->run->record.main_end, MAIN_NOT_STARTED);
}

/* PREPARING is done, and that is not applied yet when the stop is heard of. */
static void a_stop_overtaken_by_a_launch_is_not_its_end(void **state)
{
    struct fixture *f = *state;

    run_post(f->run, RUN_EVENT_START);
    run_post(f->run, RUN_EVENT_DONE);
    f->run->pending[1].phase = PHASE_PREPARING;
    run_post(f->run, RUN_EVENT_STOP);
    settle(f);
    assert_int_equal(f->run->phase, PHASE_LAUNCHING);
}

static void a_deadline_is_owed_until_it_is_set(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(run_set_runtime(f->run, 60000), 0);
    assert_int_equal(f->run->runtime_ms, 60000);
    run_runtime_set(f->run, 50000);
    assert_int_equal(f->run->runtime_ms, 0);
}

/* The launch has failed and the run is cancelled before that is applied: the failure must end the run all the same. */
static void failure_outlives_its_phase(void **state)
{
    struct fixture *f = *state;
    const struct err why = {.blame = BLAME_NODE, .text = "no supervisor"};

    run_post(f->run, RUN_EVENT_START);
    settle(f);
    assert_int_equal(f->run->phase, PHASE_LAUNCHING);
    run_post(f->run, RUN_EVENT_CANCEL);
    run_fail(f->run, CAUSE_LAUNCH_FAILED, &why);
    settle(f);
    assert_int_equal(f->run->phase, PHASE_SHIPPING);
    assert_int_equal(f->run->cause, CAUSE_LAUNCH_FAILED);
}

/* Nobody knows the end of a run that was launched and has no record: it is not said that it had not started. */
static void unknown_end_stays_unknown(void **state)
{
    struct fixture *f = *state;
    const struct err why = {.blame = BLAME_NODE, .text = "the run's directory is gone"};

    run_post(f->run, RUN_EVENT_START);
    settle(f);
    run_post(f->run, RUN_EVENT_RUNNING);
    settle(f);
    run_fail(f->run, CAUSE_UNKNOWN, &why);
    settle(f);
    assert_int_equal(f->run->phase, PHASE_SHIPPING);
    assert_int_equal(f->run->record.main_end, MAIN_UNKNOWN);
    assert_int_equal(f->run->verdict.state, STATE_FAILED);
    assert_false(f->run->verdict.has_exit_code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(done_of_a_former_phase_moves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_does_not_forget_a_launch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_ends_what_was_not_launched, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_overtaken_by_a_launch_is_not_its_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_deadline_is_owed_until_it_is_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failure_outlives_its_phase, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unknown_end_stays_unknown, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
