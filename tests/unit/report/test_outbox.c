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
    int delivered, finals;
    int64_t last_sequence;
    enum lifecycle_state last_state;
};

struct rig {
    struct scratch scratch;
    struct source source;
    struct engine *engine;
};

static int deliver(struct run *run, const struct status_report *report, void *context)
{
    struct source *s = context;

    (void)run;
    if (s->refusals > 0) {
        s->refusals--;
        return -EAGAIN;
    }
    assert_true(report->sequence > s->last_sequence);
    s->last_sequence = report->sequence;
    s->last_state = report->state;
    s->delivered++;
    if (report->record != NULL) {
        s->finals++;
        loop_stop(s->loop);
    }
    return 0;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(states_are_told_once_each, make, unmake),
        cmocka_unit_test_setup_teardown(the_end_is_tried_until_it_is_taken, make, unmake),
        cmocka_unit_test_setup_teardown(an_end_is_never_told_in_two_ways, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
