/* assignments.c - work is asked for while there is room, taken, or given back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "assignment/http/bodies.h"
#include "assignment/http/http_state.h"
#include "assignment/local/submission.h"
#include "base/auto.h"
#include "base/backoff.h"
#include "base/log.h"
#include "io/random.h"

/* A server that does not hold requests is not asked more often than this. */
#define PAUSE_MS 1000

static void poll_later(struct http_source *s, int64_t ms)
{
    if (s->registered && s->room > 0 && s->assignments.request == NULL)
        chore_after(&s->assignments, ms);
}

void assignments_room(struct http_source *s, bool opened)
{
    if (s->room == 0)
        chore_stop(&s->assignments);
    else if (s->assignments.failures == 0)
        poll_later(s, 0);
    else if (opened)
        poll_later(s, (int64_t)(random_u64() % (4 * PAUSE_MS)));
}

/* ---- giving back ---- */

static void released(void *context, const struct call_result *result)
{
    struct http_source *s = context;

    s->release = NULL;
    if (result->end != CALL_DONE)
        log_warning("an assignment could not be given back, its lease runs out instead: %s", result->why);
}

/* One at a time and once: what is not given back now is offered again, or its lease runs out. */
static void give_back(struct http_source *s, const struct offer *offer, const char *reason)
{
    AUTO(strbuf) struct strbuf path = STRBUF_INIT(PATH_BYTES_MAX);
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(BODY_BYTES_MAX);
    const struct execution x = {
        .node_id = s->wiring.node->id, .epoch = offer->epoch, .attempt = offer->name.attempt};
    struct control_call call = {.method = "POST", .body = &body, .answer_max = ANSWER_BYTES_MAX};
    struct err e = ERR_INIT;

    log_error("run=%s attempt=%d epoch=%lld is given back: %s", offer->name.id, offer->name.attempt,
              (long long)offer->epoch, reason);
    if (s->release != NULL)
        return;
    http_run_path(offer->name.id, "/release", &path);
    call.path = strbuf_str(&path);
    body_execution(&x, reason, &body);
    s->release = control_start(s->client, &call, released, s, &e);
}

/* ---- taking ---- */

/* What is here already of the same run: true when the offer is thereby dealt with. */
static bool known(struct http_source *s, const struct offer *offer, const char *name)
{
    for (struct held *h = s->first; h != NULL; h = h->next) {
        if (strcmp(h->name.id, offer->name.id) != 0 || h->run->history.epoch >= offer->epoch)
            continue;
        lease_gone(h, "the run was assigned anew");
    }
    for (struct held *h = s->first; h != NULL; h = h->next) {
        if (strcmp(h->name.id, offer->name.id) != 0)
            continue;
        if (h->run->history.epoch == offer->epoch && strcmp(h->run->id, name) == 0) {
            log_info("run=%s is offered again: it is here", name);
            lease_renew(h);
            return true;
        }
        if (h->run->history.epoch > offer->epoch) {
            log_warning("run=%s epoch=%lld is offered, but is here with a greater one", name,
                        (long long)offer->epoch);
            return true;
        }
    }
    return false;
}

/* Whether something new began. */
static bool take(struct http_source *s, const struct offer *offer, const struct call_result *result)
{
    struct err e = ERR_INIT;
    char name[RUN_ID_BYTES];
    int r;

    run_name_format(&offer->name, name);
    if (known(s, offer, name))
        return false;
    r = submission_put_received(s->wiring.agent_fd,
                                &(struct received){.name = name,
                                                   .text = result->body,
                                                   .size = result->body_size,
                                                   .origin = ORIGIN_HTTP,
                                                   .epoch = offer->epoch},
                                &e);
    if (r < 0) {
        give_back(s, offer, r == -EEXIST ? "this node has executed that attempt of the run before" : e.text);
        return false;
    }
    s->arriving_lease_ms = offer->lease_ms;
    s->hooks.assigned(&s->source, name, s->hooks.context);
    s->arriving_lease_ms = 0;
    return true;
}

static void took(struct http_source *s, const struct call_result *result)
{
    struct offer offer;
    struct err e = ERR_INIT;

    if (answer_assignment(result->body, result->body_size, &offer, &e) < 0) {
        http_problem(s, e.text);
        chore_again(&s->assignments, -1);
    } else if (take(s, &offer, result)) {
        s->assignments.failures = 0;
        poll_later(s, 0);
    } else {
        chore_again(&s->assignments, -1);
    }
}

/* ---- asking ---- */

static void answered(void *context, const struct call_result *result)
{
    struct http_source *s = context;

    s->assignments.request = NULL;
    if (result->end == CALL_FINAL && result->status == 404) {
        http_forgotten(s);
    } else if (result->end == CALL_DONE && result->status == 200) {
        took(s, result);
    } else if (result->end == CALL_DONE) {
        s->assignments.failures = 0;
        poll_later(s, result->elapsed_ms >= PAUSE_MS
                          ? 0
                          : PAUSE_MS / 2 + backoff_full_jitter(PAUSE_MS, PAUSE_MS, 1, random_u64()));
    } else {
        if (result->end == CALL_FINAL)
            log_error("the control plane gives no work: %s", result->why);
        chore_again(&s->assignments, result->after_ms);
    }
}

void assignments_poll(void *context)
{
    struct http_source *s = context;
    AUTO(strbuf) struct strbuf path = STRBUF_INIT(PATH_BYTES_MAX + 64);
    struct control_call call = {.method = "GET", .wait_ms = s->wait_ms, .answer_max = DOCUMENT_BYTES_MAX};
    struct err e = ERR_INIT;

    if (!s->registered || s->room == 0 || s->assignments.request != NULL)
        return;
    (void)strbuf_addf(&path, "%s/assignments?room=%zu", s->node_path, s->room);
    call.path = strbuf_str(&path);
    s->assignments.request = control_start(s->client, &call, answered, s, &e);
    if (s->assignments.request == NULL)
        chore_again(&s->assignments, -1);
}
