/* outbox.c - see outbox.h. */
#include "report/outbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/log.h"
#include "base/parse.h"
#include "io/random.h"

#define OUTBOX_NAME "outbox"
/* A control plane that is away for long is asked about once a minute, and hears of the end this soon after it is back. */
#define RETRY_BASE_MS 500
#define RETRY_CAP_MS  60000

struct outbox {
    struct run *run;
    struct reporter reporter;
    struct journal journal; /* owned */
    struct loop_timer *retry;
    int64_t sequence;                /* of the last status written */
    int64_t in_flight;               /* of the one that is being told; 0: none */
    int64_t told;                    /* of the last one that was acknowledged, since this agent started */
    int64_t failures;                /* in a row */
    bool delivering;                 /* inside the call that tells it */
    bool refused;                    /* the source will never take anything of this run */
    enum lifecycle_state last_state; /* STATE_COUNT before the first */
    char last_details[640];
    wall_ms_t written_at; /* when the last status was written */
    bool final_due;       /* the run is at its end */
    bool ended;           /* the terminal status is written */
};

static int fold(const struct fact *f, void *context)
{
    struct outbox *o = context;
    enum lifecycle_state state = state_from_name(fact_str(f, "state"));

    if (strcmp(fact_str(f, "event"), "status") != 0 || state == STATE_COUNT)
        return 0;
    (void)fact_int(f, "sequence", &o->sequence);
    o->last_state = state;
    (void)snprintf(o->last_details, sizeof(o->last_details), "%s", fact_str(f, "details"));
    (void)fact_bool(f, "final", &o->ended);
    (void)wall_parse(fact_str(f, "t"), &o->written_at);
    return 0;
}

static void tell(void *context);

static struct outbox *outbox_of(struct run *run, const struct reporter *reporter)
{
    struct outbox *o = run->outbox;
    struct err e = ERR_INIT;

    if (o != NULL)
        return o;
    o = calloc(1, sizeof(*o));
    if (o == NULL)
        return NULL;
    *o = (struct outbox){.run = run, .reporter = *reporter, .journal = {.fd = -1}, .last_state = STATE_COUNT};
    o->retry = loop_timer_new(engine_loop(run->engine), tell, o);
    o->refused = run->history.report_refused;
    run->outbox = o;
    if (journal_read(run->dir_fd, OUTBOX_NAME, fold, o, &e) < 0 && e.code != -ENOENT)
        log_error("run=%s outbox: %s", run->id, e.text);
    if (journal_open(run->dir_fd, OUTBOX_NAME, 0640, &o->journal, &e) < 0)
        log_error("run=%s outbox: %s", run->id, e.text);
    return o;
}

/* Writes a status durably before anybody is told. */
static int write_status(struct outbox *o, enum lifecycle_state state, const char *details, bool final)
{
    struct err e = ERR_INIT;
    wall_ms_t now = clock_wall();
    struct fact_writer *w = journal_begin(&o->journal, now, "status");

    fact_put_int(w, "sequence", o->sequence + 1);
    fact_put_string(w, "state", state_name(state));
    fact_put_string(w, "details", details);
    fact_put_bool(w, "final", final);
    if (journal_commit(&o->journal, final, &e) < 0) {
        log_error("run=%s outbox: %s", o->run->id, e.text);
        return e.code;
    }
    o->sequence++;
    o->last_state = state;
    o->written_at = now;
    o->ended = final;
    (void)snprintf(o->last_details, sizeof(o->last_details), "%s", details);
    return 0;
}

static void log_refused(struct outbox *o, const char *why)
{
    struct run *run = o->run;
    struct fact_writer *w = run_note(run, FACT_REPORT_REFUSED);

    o->refused = true;
    fact_put_int(w, "sequence", o->in_flight);
    fact_put_string(w, "reason", why);
    (void)run_noted(run, true);
    log_error("run=%s the control plane refuses its reports for good: %s; what happened is kept on this node",
              run->id, why);
}

static void answered(struct run *run, int64_t sequence, enum report_answer answer, const char *why,
                     int64_t after_ms)
{
    struct outbox *o = run->outbox;
    int64_t wait = 0;

    if (o == NULL || sequence != o->in_flight)
        return;
    switch (answer) {
    case REPORT_ACKNOWLEDGED:
        if (o->failures > 0)
            log_notice("run=%s reports are taken again", run->id);
        o->failures = 0;
        o->told = sequence;
        break;
    case REPORT_REFUSED: log_refused(o, why != NULL ? why : ""); break;
    case REPORT_AGAIN:
    default:
        if (o->failures++ == 0)
            log_warning("run=%s its reports wait: %s", run->id, why != NULL ? why : "");
        wait = backoff_full_jitter(RETRY_BASE_MS, RETRY_CAP_MS, o->failures, random_u64());
        if (after_ms > wait)
            wait = after_ms;
        break;
    }
    o->in_flight = 0;
    if (answer == REPORT_AGAIN)
        loop_timer_start(o->retry, (uint64_t)wait, 0);
    else if (!o->delivering)
        tell(o);
}

static void deliver(struct outbox *o)
{
    struct run *run = o->run;
    struct run_name name = {.attempt = 1};
    struct status_report report = {.run_id = name.id,
                                   .epoch = run->history.epoch > 0 ? run->history.epoch : 1,
                                   .sequence = o->sequence,
                                   .state = o->last_state,
                                   .details = o->last_details,
                                   .cause = cause_name(run->cause),
                                   .time = o->written_at,
                                   .record = o->ended ? &run->record : NULL,
                                   .verdict = o->ended ? &run->verdict : NULL,
                                   .answered = answered};

    (void)run_name_parse(run->id, &name);
    report.attempt = name.attempt;
    o->in_flight = o->sequence;
    o->delivering = true;
    o->reporter.deliver(run, &report, o->reporter.context);
    o->delivering = false;
}

/* Tells what is to be told next. An earlier state that could not be delivered is overtaken by a later one; the end is not. Without
 * a durable word the end could be told twice in two ways: it is written before it is told. */
static void tell(void *context)
{
    struct outbox *o = context;
    const struct run *run = o->run;

    if (o->in_flight != 0)
        return;
    if (o->final_due && !o->ended && write_status(o, run->verdict.state, run->verdict.details, true) < 0) {
        loop_timer_start(o->retry, RETRY_BASE_MS, 0);
        return;
    }
    if (!o->refused && o->told < o->sequence)
        deliver(o);
    if (o->final_due && o->in_flight == 0 && (o->refused || o->told == o->sequence))
        run_post(o->run, RUN_EVENT_DONE);
}

void report_phase(struct run *run, const struct reporter *reporter)
{
    struct outbox *o = outbox_of(run, reporter);
    enum lifecycle_state state =
        phase_state(run->phase, run->cancel_requested ? CAUSE_CANCELLED : run->cause);
    const char *details = phase_details(run->phase);

    if (o == NULL || o->ended || run->phase >= PHASE_CLEANING)
        return;
    if (o->last_state == state && strcmp(o->last_details, details) == 0)
        return;
    if (write_status(o, state, details, false) == 0 && o->failures == 0)
        tell(o);
}

void report_ready(struct run *run, const struct reporter *reporter)
{
    struct outbox *o = outbox_of(run, reporter);

    if (o == NULL || o->ended || run->phase != PHASE_RUNNING)
        return;
    if (write_status(o, STATE_IN_PROGRESS, phase_details(run->phase), false) == 0 && o->failures == 0)
        tell(o);
}

void report_final(struct run *run, const struct reporter *reporter)
{
    struct outbox *o = outbox_of(run, reporter);

    if (o == NULL || o->retry == NULL) {
        log_error("run=%s the end could not be reported: out of memory; it is reported at the next start",
                  run->id);
        return;
    }
    o->final_due = true;
    o->failures = 0;
    tell(o);
}

void report_release(struct run *run)
{
    struct outbox *o = run->outbox;

    run->outbox = NULL;
    if (o == NULL)
        return;
    journal_close(&o->journal);
    loop_timer_free(o->retry);
    free(o);
}
