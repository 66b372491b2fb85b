/* engine.c - see engine.h: the setter, the event queue, budgets. */
#include "engine/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct engine {
    struct loop *loop; /* borrowed */
    struct engine_hooks hooks;
    struct run *first;
    struct loop_timer *drain; /* due at once when events are pending */
    bool drain_scheduled;
};

static void drain(void *context);

struct engine *engine_new(struct loop *loop, const struct engine_hooks *hooks, struct err *e)
{
    struct engine *engine = calloc(1, sizeof(*engine));

    if (engine != NULL) {
        engine->loop = loop;
        engine->hooks = *hooks;
        engine->drain = loop_timer_new(loop, drain, engine);
    }
    if (engine == NULL || engine->drain == NULL) {
        free(engine);
        (void)err_oom(e);
        return NULL;
    }
    return engine;
}

void engine_free(struct engine *e)
{
    if (e == NULL)
        return;
    while (e->first != NULL)
        engine_remove(e, e->first);
    loop_timer_free(e->drain);
    free(e);
}

struct loop *engine_loop(const struct engine *e)
{
    return e->loop;
}

struct run *engine_find(const struct engine *e, const char *id)
{
    for (struct run *run = e->first; run != NULL; run = run->next)
        if (strcmp(run->id, id) == 0)
            return run;
    return NULL;
}

struct run *engine_first(const struct engine *e)
{
    return e->first;
}

/* It was told to start, and has not been driven yet. */
static bool about_to_start(const struct run *run)
{
    for (size_t i = 0; i < run->pending_count; i++)
        if (run->pending[i].event == RUN_EVENT_START)
            return run->phase == PHASE_ACCEPTED;
    return false;
}

size_t engine_active(const struct engine *e)
{
    size_t n = 0;

    for (const struct run *run = e->first; run != NULL; run = run->next)
        if (about_to_start(run) || (run->phase != PHASE_ACCEPTED && run->phase < PHASE_REPORTING))
            n += run->places;
    return n;
}

void engine_remove(struct engine *e, struct run *run)
{
    for (struct run **at = &e->first; *at != NULL; at = &(*at)->next)
        if (*at == run) {
            *at = run->next;
            break;
        }
    if (e->hooks.release != NULL)
        e->hooks.release(run, e->hooks.context);
    loop_timer_free(run->budget);
    run_close(run);
}

/* ---- the journal ---- */

struct fact_writer *run_note(struct run *run, const char *event)
{
    return journal_begin(&run->journal, clock_wall(), event);
}

int run_noted(struct run *run, bool durable)
{
    struct err e = ERR_INIT;
    int r = journal_commit(&run->journal, durable, &e);

    if (r < 0)
        log_error("run=%s agent journal: %s", run->id, e.text);
    return r;
}

/* ---- the setter ---- */

static void judge(struct run *run)
{
    if (!run->has_record) {
        run->record = (struct exit_record){
            .main_end = run_history_main_end(run->cause),
            .stop_cause = run->cause != CAUSE_NONE ? run->cause : CAUSE_UNKNOWN,
            .blame = run->failure.blame,
            .tree_gone = true,
            .log_complete = true,
            .accepted_at = run->history.accepted_at,
            .ended_at = run->history.ended_at.ms > 0 ? run->history.ended_at : clock_wall()};
        (void)snprintf(run->record.run_id, sizeof(run->record.run_id), "%s", run->id);
        (void)snprintf(run->record.reason, sizeof(run->record.reason), "%s", run->failure.text);
    }
    run->verdict = verdict_of(&run->record);
    run->cause = run->verdict.cause;
}

static void set_phase(struct run *run, enum phase to, enum run_event event, enum cause cause)
{
    struct engine *e = run->engine;
    enum phase from = run->phase;
    boot_ms_t now = clock_boot();
    int64_t spent_ms = run->entered_at.ms > 0 ? now.ms - run->entered_at.ms : -1;
    struct fact_writer *w;

    if (run->cause == CAUSE_NONE)
        run->cause = cause;
    run->phase = to;
    run->entered_at = now;
    if (to == PHASE_SHIPPING)
        judge(run);
    log_debug("run=%s %s -> %s on=%s cause=%s", run->id, phase_name(from), phase_name(to),
              run_event_name(event), cause_name(run->cause));
    w = run_note(run, FACT_PHASE);
    fact_put_string(w, "from", phase_name(from));
    fact_put_string(w, "to", phase_name(to));
    fact_put_string(w, "on", run_event_name(event));
    fact_put_string(w, "cause", cause_name(run->cause));
    (void)run_noted(run, to == PHASE_FINISHED);
    loop_timer_stop(run->budget);
    if (phase_budget_ms(to) > 0)
        loop_timer_start(run->budget, (uint64_t)phase_budget_ms(to), 0);
    if (e->hooks.changed != NULL)
        e->hooks.changed(run, from, spent_ms, e->hooks.context);
    if (e->hooks.ops[to].enter != NULL)
        e->hooks.ops[to].enter(run, e->hooks.context);
}

/* ---- events ---- */

static void apply(struct run *run, enum run_event event)
{
    const struct edge edge = run_edge(run->phase, event);
    const struct engine *e = run->engine;

    switch (edge.kind) {
    case EDGE_GO: set_phase(run, edge.next, event, edge.cause); break;
    case EDGE_STAY:
        if (e->hooks.ops[run->phase].told != NULL)
            e->hooks.ops[run->phase].told(run, event, e->hooks.context);
        break;
    case EDGE_IGNORE:
        log_debug("run=%s %s: %s ignored", run->id, phase_name(run->phase), run_event_name(event));
        break;
    case EDGE_BUG:
    default:
        log_error("run=%s bug: %s cannot happen in %s", run->id, run_event_name(event),
                  phase_name(run->phase));
        break;
    }
}

static void schedule(struct engine *e)
{
    if (e->drain_scheduled)
        return;
    e->drain_scheduled = true;
    loop_timer_start(e->drain, 0, 0);
}

/* Applies one event of each run that has one; a run may leave the table while its event is applied. */
static void drain(void *context)
{
    struct engine *e = context;
    struct run *next;

    e->drain_scheduled = false;
    for (struct run *run = e->first; run != NULL; run = next) {
        enum run_event event;
        bool stale;
        next = run->next;
        if (run->pending_count == 0)
            continue;
        event = run->pending[0].event;
        stale = run->pending[0].phase != run->phase && (event == RUN_EVENT_DONE || event == RUN_EVENT_BUDGET);
        run->pending_count--;
        memmove(&run->pending[0], &run->pending[1], run->pending_count * sizeof(run->pending[0]));
        if (run->pending_count > 0)
            schedule(e);
        if (stale)
            log_debug("run=%s %s of a former phase ignored", run->id, run_event_name(event));
        else
            apply(run, event);
    }
}

void run_post(struct run *run, enum run_event event)
{
    if (run->pending_count == RUN_EVENTS_PENDING) {
        log_error("run=%s bug: more than %d events pending, %s dropped", run->id, RUN_EVENTS_PENDING,
                  run_event_name(event));
        return;
    }
    run->pending[run->pending_count++] = (struct posted_event){event, run->phase};
    schedule(run->engine);
}

static void note_failure(struct run *run, enum cause cause, const struct err *why)
{
    struct fact_writer *w;

    if (run->failure.text[0] == '\0')
        run->failure = *why;
    if (run->cause == CAUSE_NONE)
        run->cause = cause;
    w = run_note(run, FACT_FAILURE);
    fact_put_string(w, "cause", cause_name(cause));
    fact_put_string(w, "blame", blame_name(why->blame));
    fact_put_string(w, "reason", why->text);
    (void)run_noted(run, false);
}

void run_fail(struct run *run, enum cause cause, const struct err *why)
{
    note_failure(run, cause, why);
    run_post(run, RUN_EVENT_FAILED);
}

int run_cancel(struct run *run, bool kill)
{
    int r = 0;

    if (!run->cancel_requested) {
        run->cancel_requested = true;
        (void)run_note(run, FACT_CANCEL_REQUESTED);
        r = run_noted(run, true);
    }
    run->kill_requested = run->kill_requested || kill;
    run_post(run, RUN_EVENT_CANCEL);
    return r;
}

int run_stop(struct run *run, enum notice_reason reason, int64_t left_ms)
{
    const struct err why = {
        .code = -ECANCELED, .blame = BLAME_NODE, .text = "it was to stop before it began"};
    boot_ms_t at = {clock_boot().ms + (left_ms < JOB_RUNTIME_MS_MAX ? left_ms : JOB_RUNTIME_MS_MAX)};
    struct fact_writer *w;
    int r;

    if (run->stop_requested && at.ms >= run->stop_at.ms)
        return 0;
    run->stop_requested = true;
    run->stop_reason = reason;
    run->stop_at = at;
    if (run->phase < PHASE_LAUNCHING)
        note_failure(run, CAUSE_PREEMPTED, &why);
    w = run_note(run, FACT_STOP_REQUESTED);
    fact_put_string(w, "reason", notice_reason_name(reason));
    fact_put_int(w, "until-boot-ms", at.ms);
    r = run_noted(run, true);
    run_post(run, RUN_EVENT_STOP);
    return r;
}

int run_set_runtime(struct run *run, int64_t runtime_ms)
{
    struct fact_writer *w = run_note(run, FACT_DEADLINE_REQUESTED);

    fact_put_int(w, "runtime-ms", runtime_ms);
    run->runtime_ms = runtime_ms;
    return run_noted(run, true);
}

void run_runtime_set(struct run *run, int64_t runtime_ms)
{
    struct fact_writer *w;

    if (run->runtime_ms == 0)
        return;
    w = run_note(run, FACT_DEADLINE_SET);
    fact_put_int(w, "runtime-ms", runtime_ms);
    (void)run_noted(run, true);
    run->runtime_ms = 0;
}

void run_give_up(struct run *run, enum cause cause, const struct err *why)
{
    struct fact_writer *w;

    if (run->given_up || run->phase >= PHASE_SHIPPING)
        return;
    run->given_up = true;
    if (run->cause == CAUSE_NONE) {
        run->cause = cause;
        run->failure = *why;
        w = run_note(run, FACT_FAILURE);
        fact_put_string(w, "cause", cause_name(cause));
        fact_put_string(w, "blame", blame_name(why->blame));
        fact_put_string(w, "reason", why->text);
        (void)run_noted(run, false);
    }
    run_post(run, RUN_EVENT_CANCEL);
}

void run_became_ready(struct run *run)
{
    const struct engine *e = run->engine;

    run->ready = true;
    if (e->hooks.ready != NULL)
        e->hooks.ready(run, e->hooks.context);
}

static void budget_spent(void *context)
{
    struct run *run = context;

    log_warning("run=%s the phase %s took longer than it may", run->id, phase_name(run->phase));
    run_post(run, RUN_EVENT_BUDGET);
}

/* ---- taking up ---- */

/* Goes on where the journal says the run was. Events that were pending when the last process died are found
 * again by the phase's own operation, which is idempotent. */
static void resume(struct run *run)
{
    struct engine *e = run->engine;
    struct err gone = {.blame = BLAME_ASSIGNMENT,
                       .text = "the run was given up before it started: whoever asked for it went away"};

    run->cause = run->history.cause;
    run->cancel_requested = run->history.cancel_requested;
    run->stop_requested = run->history.stop_requested;
    run->stop_reason = run->history.stop_reason;
    run->stop_at = run->history.stop_at;
    run->runtime_ms = run->history.runtime_ms;
    if (run->history.reason[0] != '\0') {
        run->failure.blame = run->history.blame;
        (void)snprintf(run->failure.text, sizeof(run->failure.text), "%s", run->history.reason);
    }
    switch (adoption_of(&run->history)) {
    case ADOPT_ABANDON:
        run->phase = PHASE_ACCEPTED;
        if (run->stop_requested && !run->cancel_requested) {
            run_post(run, RUN_EVENT_STOP);
            break;
        }
        if (run->wanted && !run->cancel_requested)
            break;
        if (!run->cancel_requested && run->failure.text[0] == '\0')
            run->failure = gone;
        run_post(run, RUN_EVENT_CANCEL);
        break;
    case ADOPT_JOIN:
        run->phase = PHASE_LAUNCHING;
        if (e->hooks.ops[PHASE_LAUNCHING].enter != NULL)
            e->hooks.ops[PHASE_LAUNCHING].enter(run, e->hooks.context);
        if (run->cancel_requested)
            run_post(run, RUN_EVENT_CANCEL);
        break;
    case ADOPT_DELIVER:
        run->phase = run->history.phase;
        if (e->hooks.load_record != NULL)
            (void)e->hooks.load_record(run, e->hooks.context);
        judge(run);
        if (e->hooks.ops[run->phase].enter != NULL)
            e->hooks.ops[run->phase].enter(run, e->hooks.context);
        break;
    case ADOPT_START:
    default:
        run->phase = PHASE_ACCEPTED;
        run->entered_at = clock_boot();
        break;
    }
}

void engine_add(struct engine *e, struct run *run)
{
    struct run **end = &e->first;

    while (*end != NULL)
        end = &(*end)->next;
    *end = run;
    run->next = NULL;
    run->engine = e;
    run->budget = loop_timer_new(e->loop, budget_spent, run);
    if (run->budget == NULL) {
        log_error("run=%s out of memory", run->id);
        engine_remove(e, run);
        return;
    }
    resume(run);
}
