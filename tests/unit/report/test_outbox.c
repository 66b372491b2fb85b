/* test_outbox.c - statuses in order, one end whatever happens, delivered until it is acknowledged. */
#include "cmocka_all.h"

#include <errno.h>

#include "base/auto.h"
#include "engine/engine.h"
#include "report/outbox.h"
#include "scratch.h"

/* A source that refuses the first `refusals` reports. */
struct source {
    struct loop *loop;
    int refusals;
    enum report_answer answer;
    int delivered, finals;
    void (*answered)(struct run *run, int64_t sequence, enum report_answer answer, const char *why,
                     int64_t after_ms);
    int64_t last_sequence;
    enum lifecycle_state last_state;
};

struct rig {
    struct scratch scratch;
    struct source source;
    struct engine *engine;
};

static void deliver(struct run *run, const struct status_report *report, void *context)
{
    struct source *s = context;

    if (s->refusals > 0) {
        s->refusals--;
        report->answered(run, report->sequence, REPORT_AGAIN, "not now", 0);
        return;
    }
    assert_true(report->sequence > s->last_sequence);
    s->last_sequence = report->sequence;
    s->last_state = report->state;
    s->delivered++;
    if (report->record != NULL) {
        s->finals++;
        loop_stop(s->loop);
    }
    report->answered(run, report->sequence, s->answer, "no", -1);
}

static void release(struct run *run, void *context)
{
    (void)context;
    report_release(run);
}

static int make(void **state)
{
    static struct rig r;
    struct err e = ERR_INIT;
    struct engine_hooks hooks = {.release = release};

    r = (struct rig){0};
    r.source.loop = loop_new(&e);
    r.engine = engine_new(r.source.loop, &hooks, &e);
    *state = &r;
    return scratch_make(&r.scratch);
}

static int unmake(void **state)
{
    struct rig *r = *state;

    engine_free(r->engine);
    loop_free(r->source.loop);
    scratch_remove(&r->scratch);
    return 0;
}

static struct run *take(struct rig *r)
{
    struct run *run;
    struct err e = ERR_INIT;

    (void)mkdirat(r->scratch.fd, "run", 0700);
    assert_int_equal(run_open(r->scratch.fd, "run", -1, &run, &e), 0);
    engine_add(r->engine, run);
    run->record = (struct exit_record){.main_end = MAIN_EXITED, .tree_gone = true};
    run->verdict = verdict_of(&run->record);
    return run;
}

static void states_are_told_once_each(void **state)
{
    struct rig *r = *state;
    const struct reporter reporter = {.deliver = deliver, .context = &r->source};
    struct run *run = take(r);

    run->phase = PHASE_PREPARING;
    report_phase(run, &reporter);
    report_phase(run, &reporter);
    run->phase = PHASE_RUNNING;
    report_phase(run, &reporter);
    assert_int_equal(r->source.delivered, 2);
    assert_int_equal(r->source.last_state, STATE_IN_PROGRESS);
    run->cancel_requested = true;
    run->phase = PHASE_STOPPING;
    report_phase(run, &reporter);
    assert_int_equal(r->source.last_state, STATE_CANCELING);
}

static void the_end_is_tried_until_it_is_taken(void **state)
{
    struct rig *r = *state;
    const struct reporter reporter = {.deliver = deliver, .context = &r->source};
    struct run *run = take(r);

    r->source.refusals = 1;
    run->phase = PHASE_REPORTING;
    report_final(run, &reporter);
    assert_int_equal(r->source.finals, 0);
    loop_run(r->source.loop);
    assert_int_equal(r->source.finals, 1);
    assert_int_equal(r->source.last_state, STATE_SUCCEEDED);
}

/* After a crash between writing the end and its acknowledgement the same end is told again, under the same number, even if it
 * would be judged differently now; and no earlier state follows it. */
static void an_end_is_never_told_in_two_ways(void **state)
{
    struct rig *r = *state;
    const struct reporter reporter = {.deliver = deliver, .context = &r->source};
    struct run *run = take(r);

    run->phase = PHASE_REPORTING;
    report_final(run, &reporter);
    assert_int_equal(r->source.last_sequence, 1);
    engine_remove(r->engine, run);
    r->source.last_sequence = 0;
    run = take(r);
    run->record.status = 9;
    run->verdict = verdict_of(&run->record);
    run->phase = PHASE_RUNNING;
    report_phase(run, &reporter);
    run->phase = PHASE_REPORTING;
    report_final(run, &reporter);
    assert_int_equal(r->source.finals, 2);
    assert_int_equal(r->source.delivered, 2);
    assert_int_equal(r->source.last_sequence, 1);
    assert_int_equal(r->source.last_state, STATE_SUCCEEDED);
}

/* Whoever has the run now hears nothing more from here: not the end either, and not from the next agent. */
static void what_is_refused_is_told_no_more(void **state)
{
    struct rig *r = *state;
    const struct reporter reporter = {.deliver = deliver, .context = &r->source};
    struct run *run = take(r);

    r->source.answer = REPORT_REFUSED;
    run->phase = PHASE_PREPARING;
    report_phase(run, &reporter);
    assert_int_equal(r->source.delivered, 1);
    run->phase = PHASE_RUNNING;
    report_phase(run, &reporter);
    run->phase = PHASE_REPORTING;
    report_final(run, &reporter);
    assert_int_equal(r->source.delivered, 1);
    assert_int_equal(run->pending_count, 1);
    assert_int_equal(run->pending[0].event, RUN_EVENT_DONE);
    engine_remove(r->engine, run);
    run = take(r);
    assert_true(run->history.report_refused);
    run->phase = PHASE_REPORTING;
    report_final(run, &reporter);
    assert_int_equal(r->source.delivered, 1);
    assert_int_equal(run->pending[0].event, RUN_EVENT_DONE);
}

/* While one report is under way the next ones wait; then the latest is told. */
static void later(struct run *run, const struct status_report *report, void *context)
{
    struct source *s = context;

    (void)run;
    s->delivered++;
    s->last_sequence = report->sequence;
    s->answered = report->answered;
}

static void one_report_at_a_time(void **state)
{
    struct rig *r = *state;
    const struct reporter reporter = {.deliver = later, .context = &r->source};
    struct run *run = take(r);

    run->phase = PHASE_PREPARING;
    report_phase(run, &reporter);
    run->phase = PHASE_LAUNCHING;
    report_phase(run, &reporter);
    run->phase = PHASE_REPORTING;
    report_final(run, &reporter);
    assert_int_equal(r->source.delivered, 1);
    r->source.answered(run, 7, REPORT_ACKNOWLEDGED, NULL, -1);
    assert_int_equal(r->source.delivered, 1);
    r->source.answered(run, 1, REPORT_ACKNOWLEDGED, NULL, -1);
    assert_int_equal(r->source.last_sequence, 3);
    assert_int_equal(run->pending_count, 0);
    r->source.answered(run, 3, REPORT_ACKNOWLEDGED, NULL, -1);
    assert_int_equal(run->pending_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(states_are_told_once_each, make, unmake),
        cmocka_unit_test_setup_teardown(the_end_is_tried_until_it_is_taken, make, unmake),
        cmocka_unit_test_setup_teardown(an_end_is_never_told_in_two_ways, make, unmake),
        cmocka_unit_test_setup_teardown(what_is_refused_is_told_no_more, make, unmake),
        cmocka_unit_test_setup_teardown(one_report_at_a_time, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
