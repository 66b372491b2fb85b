/* leases.c - the runs of the source that are here: their leases are renewed, their reports told. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assignment/http/bodies.h"
#include "assignment/http/http_state.h"
#include "base/auto.h"
#include "base/backoff.h"
#include "base/log.h"
#include "io/random.h"

/* A lease that ran out may still be renewed, as long as nobody else has the run. */
#define LATE_BASE_MS 1000
#define LATE_CAP_MS  30000

struct held *held_find(const struct http_source *s, const char *name)
{
    struct held *h = s->first;

    while (h != NULL && strcmp(h->run->id, name) != 0)
        h = h->next;
    return h;
}

void held_free(struct held *h)
{
    control_stop(h->renewal);
    control_stop(h->report);
    loop_timer_free(h->timer);
    free(h);
}

/* ---- losing ---- */

static void lose(struct held *h, const char *why)
{
    const struct http_source *s = h->source;

    if (h->lost)
        return;
    h->lost = true;
    s->hooks.lease_lost(h->run, why, s->hooks.context);
}

void lease_gone(struct held *h, const char *why)
{
    h->refused = true;
    loop_timer_stop(h->timer);
    control_stop(h->renewal);
    h->renewal = NULL;
    lose(h, why);
}

/* ---- renewing ---- */

static void take_lease(struct held *h, const struct call_result *result)
{
    const struct http_source *s = h->source;
    struct err e = ERR_INIT;
    int64_t ms;

    if (answer_lease(result->body, result->body_size, &ms, &e) < 0) {
        http_problem(h->source, e.text);
        lease_unanswered(&h->lease);
        return;
    }
    if (h->late)
        log_notice("run=%s its lease is held again", h->run->id);
    h->late = false;
    lease_confirmed(&h->lease, ms);
    s->hooks.lease_held(h->run, lease_until(&h->lease), s->hooks.context);
}

static void step(void *context);

static void renewed(void *context, const struct call_result *result)
{
    struct held *h = context;
    int64_t left;

    h->renewal = NULL;
    switch (result->end) {
    case CALL_DONE: take_lease(h, result); break;
    case CALL_FINAL: lease_gone(h, result->why); return;
    case CALL_AGAIN:
    default: lease_unanswered(&h->lease); break;
    }
    /* What the server asks for is kept to, but the end of the lease is not overslept. */
    left = lease_until(&h->lease).ms - clock_boot().ms;
    if (result->end == CALL_AGAIN && result->after_ms > 0 && left > 0)
        loop_timer_start(h->timer, (uint64_t)(result->after_ms < left ? result->after_ms : left), 0);
    else
        step(h);
}

void lease_renew(struct held *h)
{
    const struct http_source *s = h->source;
    AUTO(strbuf) struct strbuf path = STRBUF_INIT(PATH_BYTES_MAX);
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(BODY_BYTES_MAX);
    const struct execution x = {
        .node_id = s->wiring.node->id, .epoch = h->run->history.epoch, .attempt = h->name.attempt};
    struct control_call call = {.method = "PUT", .body = &body, .answer_max = ANSWER_BYTES_MAX};
    struct err e = ERR_INIT;

    if (h->renewal != NULL || h->refused)
        return;
    http_run_path(h->name.id, "/lease", &path);
    call.path = strbuf_str(&path);
    body_execution(&x, NULL, &body);
    lease_asked(&h->lease, clock_boot());
    h->renewal = control_start(s->client, &call, renewed, h, &e);
    if (h->renewal == NULL)
        lease_unanswered(&h->lease);
}

/* What the lease needs now, and when to look again. The end of a lease is seen in its time, a request under way or not. */
static void step(void *context)
{
    struct held *h = context;
    const struct http_source *s = h->source;
    int64_t wait_ms;

    if (h->refused)
        return;
    if (h->arrived) {
        h->arrived = false;
        s->hooks.lease_held(h->run, lease_until(&h->lease), s->hooks.context);
    }
    switch (lease_step(&h->lease, clock_boot(), random_u64(), &wait_ms)) {
    case LEASE_RENEW:
        lease_renew(h);
        wait_ms = lease_until(&h->lease).ms - clock_boot().ms;
        if (h->renewal == NULL)
            (void)lease_step(&h->lease, clock_boot(), random_u64(), &wait_ms);
        break;
    case LEASE_EXPIRED:
        h->late = true;
        lose(h, "the control plane has not confirmed it in time");
        lease_renew(h);
        wait_ms = backoff_full_jitter(LATE_BASE_MS, LATE_CAP_MS, h->lease.failures + 1, random_u64());
        break;
    case LEASE_WAIT:
    default: break;
    }
    loop_timer_start(h->timer, wait_ms > 0 ? (uint64_t)wait_ms : 1, 0);
}

/* ---- coming and going ---- */

/* A run's first report may come before the wiring has said that it is here. */
static struct held *hold(struct http_source *s, struct run *run)
{
    struct held *h = held_find(s, run->id);
    boot_ms_t now = clock_boot();

    if (h != NULL)
        return h;
    h = calloc(1, sizeof(*h));
    if (h != NULL) {
        *h = (struct held){.source = s, .run = run, .timer = loop_timer_new(s->wiring.loop, step, h)};
        h->arrived = s->arriving_lease_ms > 0;
        h->lease =
            (struct lease){.duration_ms = s->arriving_lease_ms > 0 ? s->arriving_lease_ms : s->lease_ms,
                           .asked_at = now,
                           .tried_at = now,
                           .failures = 1};
    }
    if (h == NULL || h->timer == NULL || !run_name_parse(run->id, &h->name)) {
        log_error("run=%s its lease cannot be held: out of memory", run->id);
        if (h != NULL)
            held_free(h);
        return NULL;
    }
    h->next = s->first;
    s->first = h;
    /* What was found again is asked about at once, and what has come is confirmed. */
    lease_renew(h);
    loop_timer_start(h->timer, 1, 0);
    loop_timer_start(s->carry_out, 0, 0);
    return h;
}

void leases_attend(struct source *source, struct run *run)
{
    (void)hold((struct http_source *)source, run);
}

void leases_leave(struct source *source, struct run *run)
{
    struct http_source *s = (struct http_source *)source;

    for (struct held **at = &s->first; *at != NULL; at = &(*at)->next) {
        struct held *h = *at;
        if (h->run != run)
            continue;
        *at = h->next;
        held_free(h);
        return;
    }
}

/* ---- reports ---- */

static void told(void *context, const struct call_result *result)
{
    struct held *h = context;

    h->report = NULL;
    if (result->end == CALL_FINAL && (result->status == 404 || result->status == 409))
        lease_gone(h, result->why);
    switch (result->end) {
    case CALL_DONE: h->answered(h->run, h->sequence, REPORT_ACKNOWLEDGED, NULL, -1); break;
    case CALL_FINAL: h->answered(h->run, h->sequence, REPORT_REFUSED, result->why, -1); break;
    case CALL_AGAIN:
    default: h->answered(h->run, h->sequence, REPORT_AGAIN, result->why, result->after_ms); break;
    }
}

void leases_report(struct source *source, struct run *run, const struct status_report *report)
{
    struct http_source *s = (struct http_source *)source;
    struct held *h = hold(s, run);
    AUTO(strbuf) struct strbuf path = STRBUF_INIT(PATH_BYTES_MAX);
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(BODY_BYTES_MAX);
    char token[RUN_ID_BYTES + 48];
    struct control_call call = {
        .method = "POST", .body = &body, .retry_token = token, .answer_max = ANSWER_BYTES_MAX};
    struct err e = ERR_INIT;

    if (h == NULL || h->report != NULL) {
        report->answered(run, report->sequence, REPORT_AGAIN, "out of memory", -1);
        return;
    }
    http_run_path(report->run_id, "/statuses", &path);
    call.path = strbuf_str(&path);
    (void)snprintf(token, sizeof(token), "%s/%lld/%lld", report->run_id, (long long)report->epoch,
                   (long long)report->sequence);
    body_status(s->wiring.node->id, report, &body);
    h->sequence = report->sequence;
    h->answered = report->answered;
    h->report = control_start(s->client, &call, told, h, &e);
    if (h->report == NULL)
        report->answered(run, report->sequence, REPORT_AGAIN, e.text, -1);
}
