/*
 * test_engine.c - the engine with scripted phases: no supervisor, no network, no root.
 *
 * What is checked is what a run goes through, what its journal says, and where a new engine goes on.
 */
#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "engine/engine.h"
#include "scratch.h"

/* What a phase does when it is entered: the script of a test. */
struct script {
    struct loop *loop;
    enum run_event post[PHASE_COUNT]; /* RUN_EVENT_COUNT: nothing */
    bool fail_preparing;
    bool has_record;
    int exit_code;
    char trace[256]; /* names of the phases entered */
    int told;
    enum lifecycle_state end;
    enum cause cause;
    char details[640];
};

struct rig {
    struct scratch scratch;
    struct script script;
    struct engine *engine;
};

static void enter(struct run *run, void *context)
{
    struct script *s = context;
    size_t used = strlen(s->trace);
    struct err why = {.code = -ENOENT, .blame = BLAME_ASSIGNMENT, .text = "no such artifact"};

    (void)snprintf(s->trace + used, sizeof(s->trace) - used, "%s ", phase_name(run->phase));
    if (run->phase == PHASE_PREPARING && s->fail_preparing) {
        run_fail(run, CAUSE_ARTIFACT_FETCH_FAILED, &why);
        return;
    }
    if (s->has_record && run->phase >= PHASE_LAUNCHING && run->phase < PHASE_SHIPPING && !run->has_record) {
        run->record =
            (struct exit_record){.main_end = MAIN_EXITED, .status = s->exit_code, .tree_gone = true};
        run->has_record = true;
    }
    if (run->phase == PHASE_FINISHED) {
        s->end = run->verdict.state;
        s->cause = run->verdict.cause;
        (void)snprintf(s->details, sizeof(s->details), "%s", run->verdict.details);
        loop_stop(s->loop);
    } else if (s->post[run->phase] != RUN_EVENT_COUNT) {
        run_post(run, s->post[run->phase]);
    }
}

static void told(struct run *run, enum run_event event, void *context)
{
    struct script *s = context;

    (void)event;
    s->told++;
    run_post(run, RUN_EVENT_ENDED);
}

static int make(void **state)
{
    static struct rig r;
    struct err e = ERR_INIT;
    struct engine_hooks hooks = {.context = &r.script};

    r = (struct rig){0};
    r.script.loop = loop_new(&e);
    for (unsigned p = 0; p < PHASE_COUNT; p++) {
        hooks.ops[p] = (struct phase_ops){.enter = enter, .told = told};
        r.script.post[p] = RUN_EVENT_DONE;
    }
    r.script.post[PHASE_LAUNCHING] = RUN_EVENT_RUNNING;
    r.script.post[PHASE_RUNNING] = RUN_EVENT_MAIN_ENDED;
    r.script.post[PHASE_STOPPING] = RUN_EVENT_COUNT;
    r.script.post[PHASE_CLEANING] = RUN_EVENT_ENDED;
    r.script.has_record = true;
    r.engine = engine_new(r.script.loop, &hooks, &e);
    *state = &r;
    return r.engine != NULL ? scratch_make(&r.scratch) : -1;
}

static int unmake(void **state)
{
    struct rig *r = *state;

    engine_free(r->engine);
    loop_free(r->script.loop);
    scratch_remove(&r->scratch);
    return 0;
}

static struct run *take(struct rig *r, const char *id)
{
    struct run *run;
    struct err e = ERR_INIT;

    (void)mkdirat(r->scratch.fd, id, 0700);
    assert_int_equal(run_open(r->scratch.fd, id, -1, &run, &e), 0);
    engine_add(r->engine, run);
    return run;
}

static void put_journal(const struct rig *r, const char *id, const char *text)
{
    AUTO_CLOSE int dir = -1;

    assert_int_equal(mkdirat(r->scratch.fd, id, 0700), 0);
    dir = dir_open(r->scratch.fd, id);
    assert_int_equal(file_replace(dir, AGENT_JOURNAL_NAME, text, strlen(text), 0600), 0);
}

static void a_run_goes_through_all_phases(void **state)
{
    struct rig *r = *state;
    struct run *run = take(r, "run-1");

    run_post(run, RUN_EVENT_START);
    assert_int_equal(run->phase, PHASE_ACCEPTED); /* never from inside the call */
    loop_run(r->script.loop);
    assert_string_equal(r->script.trace, "PREPARING LAUNCHING RUNNING CLEANING SHIPPING REPORTING FINISHED ");
    assert_int_equal(r->script.end, STATE_SUCCEEDED);
    assert_int_equal(r->script.cause, CAUSE_EXITED);
}

/* Between being told to start and being driven: a run that comes in the same turn of the loop must not get its place. */
static void a_run_that_is_about_to_start_holds_its_place(void **state)
{
    struct rig *r = *state;
    struct run *first = take(r, "run-1"), *second = take(r, "run-2");

    assert_int_equal(engine_active(r->engine), 0);
    run_post(first, RUN_EVENT_START);
    assert_int_equal(engine_active(r->engine), 1);
    (void)run_cancel(second, false);
    assert_int_equal(engine_active(r->engine), 1);
}

static void a_failure_before_the_launch_is_the_end(void **state)
{
    struct rig *r = *state;
    struct run *run = take(r, "run-1");

    r->script.fail_preparing = true;
    run_post(run, RUN_EVENT_START);
    loop_run(r->script.loop);
    assert_string_equal(r->script.trace, "PREPARING SHIPPING REPORTING FINISHED ");
    assert_int_equal(r->script.end, STATE_FAILED);
    assert_int_equal(r->script.cause, CAUSE_ARTIFACT_FETCH_FAILED);
    assert_non_null(strstr(r->script.details, "no such artifact"));
}

static void a_cancel_while_waiting_never_starts_the_run(void **state)
{
    struct rig *r = *state;
    struct run *run = take(r, "run-1");

    run_cancel(run, false);
    loop_run(r->script.loop);
    assert_string_equal(r->script.trace, "SHIPPING REPORTING FINISHED ");
    assert_int_equal(r->script.end, STATE_CANCELED);
}

static void a_second_cancel_reaches_the_phase(void **state)
{
    struct rig *r = *state;
    struct run *run = take(r, "run-1");

    r->script.post[PHASE_RUNNING] = RUN_EVENT_CANCEL;
    run_post(run, RUN_EVENT_START);
    /* The run waits in STOPPING; the cancel that stays there is told to the phase, which then ends the run. */
    r->script.post[PHASE_STOPPING] = RUN_EVENT_CANCEL;
    loop_run(r->script.loop);
    assert_int_equal(r->script.told, 1);
    assert_non_null(strstr(r->script.trace, "RUNNING STOPPING SHIPPING"));
}

static void a_nonzero_exit_is_a_failure(void **state)
{
    struct rig *r = *state;
    struct run *run = take(r, "run-1");

    r->script.exit_code = 61;
    run_post(run, RUN_EVENT_START);
    loop_run(r->script.loop);
    assert_int_equal(r->script.end, STATE_FAILED);
    assert_non_null(strstr(r->script.details, "exit code 61"));
}

static void without_a_record_the_end_is_unknown_never_success(void **state)
{
    struct rig *r = *state;
    struct run *run = take(r, "run-1");

    r->script.has_record = false;
    run_post(run, RUN_EVENT_START);
    loop_run(r->script.loop);
    assert_int_not_equal(r->script.end, STATE_SUCCEEDED);
    assert_int_equal(r->script.cause, CAUSE_UNKNOWN);
}

#define PHASE_TO(phase) "{\"event\":\"phase\",\"to\":\"" phase "\",\"cause\":\"none\"}\n"
#define ACCEPTED                                                                                             \
    "{\"t\":\"2026-01-01T00:00:00.000Z\",\"event\":\"accepted\",\"epoch\":1,\"origin\":\"queue\"}\n"
#define ACCEPTED_HERE "{\"event\":\"accepted\",\"epoch\":1,\"origin\":\"foreground\"}\n"
#define LAUNCHED      "{\"event\":\"launch-requested\"}\n"

static void a_launched_run_is_joined(void **state)
{
    struct rig *r = *state;

    put_journal(r, "run-1", ACCEPTED PHASE_TO("LAUNCHING") LAUNCHED PHASE_TO("RUNNING"));
    (void)take(r, "run-1");
    loop_run(r->script.loop);
    assert_string_equal(r->script.trace, "LAUNCHING RUNNING CLEANING SHIPPING REPORTING FINISHED ");
}

static void an_unreported_end_is_reported(void **state)
{
    struct rig *r = *state;

    put_journal(r, "run-1", ACCEPTED LAUNCHED PHASE_TO("REPORTING"));
    (void)take(r, "run-1");
    loop_run(r->script.loop);
    assert_string_equal(r->script.trace, "REPORTING FINISHED ");
}

static void an_abandoned_run_is_cancelled(void **state)
{
    struct rig *r = *state;

    put_journal(r, "run-1", ACCEPTED_HERE PHASE_TO("PREPARING"));
    (void)take(r, "run-1");
    loop_run(r->script.loop);
    assert_string_equal(r->script.trace, "SHIPPING REPORTING FINISHED ");
    assert_int_equal(r->script.end, STATE_CANCELED);
}

static void a_torn_last_line_is_no_obstacle(void **state)
{
    struct rig *r = *state;

    put_journal(r, "run-1", ACCEPTED PHASE_TO("LAUNCHING") LAUNCHED "{\"event\":\"pha");
    (void)take(r, "run-1");
    loop_run(r->script.loop);
    assert_int_equal(r->script.end, STATE_SUCCEEDED);
}

static void one_process_at_a_time(void **state)
{
    struct rig *r = *state;
    struct run *again = NULL;
    struct err e = ERR_INIT;

    (void)take(r, "run-1");
    assert_int_equal(run_open(r->scratch.fd, "run-1", -1, &again, &e), -EBUSY);
    assert_null(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_run_that_is_about_to_start_holds_its_place, make, unmake),
        cmocka_unit_test_setup_teardown(a_run_goes_through_all_phases, make, unmake),
        cmocka_unit_test_setup_teardown(a_failure_before_the_launch_is_the_end, make, unmake),
        cmocka_unit_test_setup_teardown(a_cancel_while_waiting_never_starts_the_run, make, unmake),
        cmocka_unit_test_setup_teardown(a_second_cancel_reaches_the_phase, make, unmake),
        cmocka_unit_test_setup_teardown(a_nonzero_exit_is_a_failure, make, unmake),
        cmocka_unit_test_setup_teardown(without_a_record_the_end_is_unknown_never_success, make, unmake),
        cmocka_unit_test_setup_teardown(a_launched_run_is_joined, make, unmake),
        cmocka_unit_test_setup_teardown(an_unreported_end_is_reported, make, unmake),
        cmocka_unit_test_setup_teardown(an_abandoned_run_is_cancelled, make, unmake),
        cmocka_unit_test_setup_teardown(a_torn_last_line_is_no_obstacle, make, unmake),
        cmocka_unit_test_setup_teardown(one_process_at_a_time, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
