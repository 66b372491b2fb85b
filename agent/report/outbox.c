/* outbox.c - see outbox.h. */
#include "report/outbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define OUTBOX_NAME "outbox"
#define RETRY_MS    1000

struct outbox {
    struct run *run;
    struct reporter reporter;
    struct journal journal; /* owned */
    struct loop_timer *retry;
    int64_t sequence;                /* of the last status written */
    enum lifecycle_state last_state; /* STATE_COUNT before the first */
    char last_details[640];
    bool ended; /* the terminal status is written */
    wall_ms_t ended_at;
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
    (void)wall_parse(fact_str(f, "t"), &o->ended_at);
    return 0;
}

static void deliver_final(void *context);

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
    o->retry = loop_timer_new(engine_loop(run->engine), deliver_final, o);
    run->outbox = o;
    if (journal_read(run->dir_fd, OUTBOX_NAME, fold, o, &e) < 0 && e.code != -ENOENT)
        log_error("run=%s outbox: %s", run->id, e.text);
    if (journal_open(run->dir_fd, OUTBOX_NAME, 0640, &o->journal, &e) < 0)
        log_error("run=%s outbox: %s", run->id, e.text);
    return o;
}

/* Writes a status durably before anybody is told. */
static int write_status(struct outbox *o, enum lifecycle_state state, const char *details, bool final,
                        wall_ms_t now)
{
    struct err e = ERR_INIT;
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
    (void)snprintf(o->last_details, sizeof(o->last_details), "%s", details);
    return 0;
}

static int deliver(struct outbox *o, const struct exit_record *record, wall_ms_t now)
{
    const struct run *run = o->run;
    const struct status_report report = {.run_id = run->id,
                                         .epoch = run->history.epoch > 0 ? run->history.epoch : 1,
                                         .sequence = o->sequence,
                                         .state = o->last_state,
                                         .details = o->last_details,
                                         .cause = cause_name(run->cause),
                                         .time = now,
                                         .record = record,
                                         .verdict = record != NULL ? &run->verdict : NULL};

    return o->reporter.deliver(o->run, &report, o->reporter.context);
}

void report_phase(struct run *run, const struct reporter *reporter)
{
    struct outbox *o = outbox_of(run, reporter);
    enum lifecycle_state state =
        phase_state(run->phase, run->cancel_requested ? CAUSE_CANCELLED : run->cause);
    const char *details = phase_details(run->phase);
    wall_ms_t now = clock_wall();

    if (o == NULL || o->ended || run->phase >= PHASE_CLEANING)
        return;
    if (o->last_state == state && strcmp(o->last_details, details) == 0)
        return;
    /* An earlier state that could not be delivered is overtaken by the next; the end is not. */
    if (write_status(o, state, details, false, now) == 0)
        (void)deliver(o, NULL, now);
}

/* Without a durable word the end could be told twice in two ways: it is written before it is told, and a disk
 * or a control plane that does not take it is asked again. */
static void deliver_final(void *context)
{
    struct outbox *o = context;
    const struct run *run = o->run;

    if (!o->ended) {
        o->ended_at = clock_wall();
        o->ended = write_status(o, run->verdict.state, run->verdict.details, true, o->ended_at) == 0;
    }
    if (!o->ended || deliver(o, &run->record, o->ended_at) < 0)
        loop_timer_start(o->retry, RETRY_MS, 0);
    else
        run_post(o->run, RUN_EVENT_DONE);
}

void report_final(struct run *run, const struct reporter *reporter)
{
    struct outbox *o = outbox_of(run, reporter);

    if (o == NULL || o->retry == NULL)
        log_error("run=%s the end could not be reported: out of memory; it is reported at the next start",
                  run->id);
    else
        deliver_final(o);
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
