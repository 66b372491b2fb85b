/* reports.c - states of runs, each under the claim of its run: see state.h. */
#include <stdio.h>
#include <string.h>

#include "assignment/etcd/state.h"
#include "base/auto.h"
#include "base/crash_point.h"
#include "job/job.h"
#include "run/retry_policy.h"

static void answer(struct etcd_run *r, enum report_answer said, const char *why)
{
    int64_t sequence = r->report.sequence;

    r->report.sequence = 0;
    r->report.answered(r->run, sequence, said, why, -1);
}

/* False: there was no answer, and the report is told again. */
static bool heard(struct etcd_run *r, const struct etcd_answer *a)
{
    r->report.call = NULL;
    etcd_heard(r->source, a);
    if (a->outcome == ETCD_ANSWERED)
        return true;
    answer(r, REPORT_AGAIN, a->why);
    return false;
}

static void ask(struct etcd_run *r, const char *path, const struct strbuf *body, etcd_done done)
{
    struct err e = ERR_INIT;

    r->report.call = etcd_ask(r->source->client, path, body, false, done, r, &e);
    if (r->report.call == NULL)
        answer(r, REPORT_AGAIN, e.text);
}

/* ---- writing it ---- */

/* The execution has ended, and the run has not: whoever reads the journal must not take the one for the other. */
static void note_given_back(const struct etcd_run *r)
{
    (void)run_note(r->run, FACT_GIVEN_BACK);
    (void)run_noted(r->run, true);
    log_notice("run=%s is queued again: %s", r->run->id,
               r->report.retry ? "its document asks for another attempt" : "it did not end here by itself");
}

/* Whether the run went on to another attempt, or waits for it. */
static bool moved_on(const struct etcd_run *r, const struct etcd_state *there)
{
    return there->attempt > r->name.attempt ||
           (there->attempt == r->name.attempt && there->epoch == 0 && !etcd_state_ended(there));
}

/* It was not this run's claim that is there. Its own end may be what is there, or that it was queued again: told before, and the answer
 * was lost. */
static void fenced(struct etcd_run *r, const struct etcd_reply *reply)
{
    AUTO(etcd_kvs) struct etcd_kvs there = {0};
    struct etcd_state state;
    struct err e = ERR_INIT;
    char why[256];

    if (etcd_reply_kvs(reply, 0, &there, &e) < 0) {
        answer(r, REPORT_AGAIN, e.text);
        return;
    }
    if (there.count == 1 &&
        etcd_state_read(there.item[0].value, there.item[0].value_size, "state", &state, &e) == 0) {
        bool again = r->report.retry && moved_on(r, &state);
        if (again)
            note_given_back(r);
        if (again ||
            (etcd_state_ended(&state) && state.epoch == r->epoch && state.sequence >= r->report.sequence)) {
            r->ended = true;
            answer(r, REPORT_ACKNOWLEDGED, NULL);
            return;
        }
    }
    (void)snprintf(why, sizeof(why), "etcd has no claim of this node on it with the epoch %lld any more",
                   (long long)r->epoch);
    etcd_say_lost(r->source, r, why);
    answer(r, REPORT_REFUSED, why);
}

static void written(void *context, const struct etcd_answer *a)
{
    struct etcd_run *r = context;

    if (!heard(r, a))
        return;
    CRASH_POINT_OF("etcd-reported", state_name(r->report.next.state));
    if (!a->reply->succeeded && gang_not_again(r)) {
        answer(r, REPORT_AGAIN, "something is wanted of it, or it was moved: it is not queued again");
        return;
    }
    if (!a->reply->succeeded) {
        fenced(r, a->reply);
        return;
    }
    r->state = r->report.next;
    r->ended = r->report.final;
    if (r->ended && !etcd_state_ended(&r->state))
        note_given_back(r);
    answer(r, REPORT_ACKNOWLEDGED, NULL);
}

static void put_report(struct etcd_run *r)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(4 * ETCD_RECORD_MAX);

    if (!gang_again(r, &body))
        etcd_move_report(&r->source->keys, &r->report.next, r->epoch, &body);
    ask(r, ETCD_PATH_TXN, &body, written);
}

/* ---- giving it back ---- */

/* It ended here only because the lease ran out, and its policy is to be executed again. A run of several nodes has a transaction of its
 * own for that (gang_again), and its members follow it. */
static bool to_return(const struct etcd_run *r)
{
    const struct etcd_state *next = &r->report.next;

    return r->gang == NULL && r->name.rank < 0 && next->state == STATE_FAILED &&
           strcmp(next->cause, cause_name(CAUSE_LEASE_LOST)) == 0 && next->on_lost == ETCD_LOST_REQUEUE &&
           next->attempt < next->attempts;
}

static void returned(void *context, const struct etcd_answer *a)
{
    struct etcd_run *r = context;

    if (!heard(r, a))
        return;
    CRASH_POINT("etcd-returned");
    /* Somebody has it already, or wants it cancelled. */
    if (!a->reply->succeeded) {
        put_report(r);
        return;
    }
    r->ended = true;
    note_given_back(r);
    answer(r, REPORT_ACKNOWLEDGED, NULL);
}

static void give_back(struct etcd_run *r)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(4 * ETCD_RECORD_MAX);
    struct etcd_state next = r->report.next;

    etcd_state_lose(&next, false, "The node lost its lease, and stopped the run.", next.changed_at);
    etcd_move_return(&r->source->keys, r->source->node, r->epoch, &next, &body);
    ask(r, ETCD_PATH_TXN, &body, returned);
}

/* ---- another attempt ---- */

/* Of a run of several nodes only its loss is repeated (gang_again). */
static void decide_retry(struct etcd_run *r, const struct status_report *end)
{
    struct retry_decision d;

    r->report.retry = false;
    if (end->record == NULL || end->verdict == NULL || r->name.rank >= 0 || r->run->group != NULL ||
        r->run->spec == NULL)
        return;
    d = retry_decide(&r->run->spec->retry, end->record, end->verdict, end->attempt,
                     !r->run->cancel_requested);
    r->report.retry = d.again;
    r->report.not_before.ms = end->time.ms + d.delay_ms;
}

static void requeued(void *context, const struct etcd_answer *a)
{
    struct etcd_run *r = context;

    if (!heard(r, a))
        return;
    CRASH_POINT("etcd-requeued");
    /* Something is wanted of it: a cancelled run stays ended. */
    if (!a->reply->succeeded) {
        put_report(r);
        return;
    }
    r->ended = true;
    note_given_back(r);
    answer(r, REPORT_ACKNOWLEDGED, NULL);
}

static void queue_again(void *context)
{
    struct etcd_run *r = context;
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(4 * ETCD_RECORD_MAX);
    struct etcd_state next = r->report.next;
    char why[sizeof(next.details)];

    r->report.waits = false;
    (void)snprintf(why, sizeof(why), "attempt %lld of %lld ended by %s. %.500s", (long long)next.attempt,
                   (long long)next.attempts, next.cause, r->report.next.details);
    etcd_state_again(&next, why, clock_wall());
    etcd_move_return(&r->source->keys, r->source->node, r->epoch, &next, &body);
    ask(r, ETCD_PATH_TXN, &body, requeued);
}

/* Until its time has come the run stays claimed. A node that is lost meanwhile has lost the run, and the same document decides. */
static void requeue(struct etcd_run *r)
{
    int64_t left = r->report.not_before.ms - clock_wall().ms;

    if (r->report.timer == NULL)
        r->report.timer = loop_timer_new(r->source->wiring.loop, queue_again, r);
    /* A clock that was set back does not make that longer than any delay may be. */
    if (left <= 0 || left > RETRY_DELAY_MS_MAX || r->report.timer == NULL) {
        queue_again(r);
        return;
    }
    log_notice("run=%s ended by %s, and is queued again in %lld s", r->run->id, r->report.next.cause,
               (long long)((left + 999) / 1000));
    r->report.waits = true;
    loop_timer_start(r->report.timer, (uint64_t)left, 0);
}

void reports_cancel(struct etcd_run *r)
{
    if (!r->report.waits)
        return;
    r->report.waits = r->report.retry = false;
    loop_timer_stop(r->report.timer);
    put_report(r);
}

void reports_leave(struct etcd_run *r)
{
    etcd_call_stop(r->report.call);
    loop_timer_free(r->report.timer);
}

/* What was reported, over what others wrote when the run was submitted. */
static void write_state(struct etcd_run *r)
{
    struct etcd_state *next = &r->report.next, *known = &r->state;

    memcpy(next->run, known->run, sizeof(next->run));
    memcpy(next->pool, known->pool, sizeof(next->pool));
    memcpy(next->display_name, known->display_name, sizeof(next->display_name));
    next->priority = known->priority;
    next->on_lost = known->on_lost;
    next->attempts = known->attempts;
    next->submitted_at = known->submitted_at;
    memcpy(next->address, known->address, sizeof(next->address));
    memcpy(next->fqdn, known->fqdn, sizeof(next->fqdn));
    if (to_return(r))
        give_back(r);
    else if (r->report.retry)
        requeue(r);
    else
        put_report(r);
}

/* ---- knowing what was there ---- */

static void state_read(void *context, const struct etcd_answer *a)
{
    struct etcd_run *r = context;
    AUTO(etcd_kvs) struct etcd_kvs there = {0};
    struct err e = ERR_INIT;

    r->report.call = NULL;
    etcd_heard(r->source, a);
    if (a->outcome != ETCD_ANSWERED || etcd_reply_kvs(a->reply, -1, &there, &e) < 0) {
        answer(r, REPORT_AGAIN, a->outcome != ETCD_ANSWERED ? a->why : e.text);
        return;
    }
    if (there.count == 0) {
        etcd_say_lost(r->source, r, "the run is not in etcd any more");
        answer(r, REPORT_REFUSED, "the run is not in etcd any more");
        return;
    }
    if (etcd_state_read(there.item[0].value, there.item[0].value_size, there.item[0].key, &r->state, &e) <
        0) {
        answer(r, REPORT_AGAIN, e.text);
        return;
    }
    r->state_known = true;
    write_state(r);
}

static void read_state(struct etcd_run *r)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(4 * ETCD_KEY_MAX);
    char key[ETCD_KEY_MAX];
    const struct etcd_range range = {.key = key};

    etcd_key_state(&r->source->keys, r->key, key);
    etcd_write_range(&range, &body);
    ask(r, ETCD_PATH_RANGE, &body, state_read);
}

void reports_take(struct etcd_source *s, struct etcd_run *r, const struct status_report *report)
{
    struct etcd_state *next = &r->report.next;

    etcd_call_stop(r->report.call);
    r->report.call = NULL;
    if (r->report.waits)
        loop_timer_stop(r->report.timer);
    r->report.waits = false;
    r->report.sequence = report->sequence;
    r->report.answered = report->answered;
    r->report.final = report->record != NULL;
    *next = (struct etcd_state){.state = report->state,
                                .attempt = report->attempt,
                                .epoch = r->epoch,
                                .sequence = report->sequence,
                                .changed_at = report->time,
                                .started_at = r->run->started_at,
                                .finished_at = report->record != NULL ? report->time : (wall_ms_t){0},
                                .has_exit_code = report->verdict != NULL && report->verdict->has_exit_code,
                                .exit_code = report->verdict != NULL ? report->verdict->exit_code : 0,
                                .signal = report->record != NULL && report->record->main_end == MAIN_SIGNALED
                                              ? report->record->status
                                              : 0};
    next->ready = r->run->phase == PHASE_RUNNING &&
                  (r->run->ready || r->run->spec == NULL || r->run->spec->probe.command.count == 0);
    (void)snprintf(next->details, sizeof(next->details), "%s", report->details);
    (void)snprintf(next->cause, sizeof(next->cause), "%s", report->cause);
    (void)snprintf(next->node, sizeof(next->node), "%s", s->node);
    decide_retry(r, report);
    if (r->state_known)
        write_state(r);
    else
        read_state(r);
}
