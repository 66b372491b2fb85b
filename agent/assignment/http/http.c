/* http.c - see http.h: the source itself, the node's registration, and what is asked over and over. */
#include "assignment/http/http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assignment/http/bodies.h"
#include "assignment/http/http_state.h"
#include "base/auto.h"
#include "base/backoff.h"
#include "base/log.h"
#include "base/uri.h"
#include "io/random.h"

/* When a server falls over, all its nodes lose their requests at once: they come back over a second at first, then over half a minute. */
#define AGAIN_BASE_MS 1000
#define AGAIN_CAP_MS  30000
/* Changes of the node's state that come together are told together. */
#define CHANGED_MS 1000
/* A server that forgot one node may have forgotten all. */
#define FORGOTTEN_MS 2000
#define LEASE_MS     60000

/* ---- chores ---- */

void chore_after(struct chore *c, int64_t ms)
{
    loop_timer_start(c->timer, (uint64_t)ms, 0);
}

void chore_again(struct chore *c, int64_t after_ms)
{
    int64_t wait = backoff_full_jitter(AGAIN_BASE_MS, AGAIN_CAP_MS, ++c->failures, random_u64());

    /* What the server asks for is kept to, and not by all in the same moment. */
    if (after_ms > 0)
        wait = after_ms + backoff_full_jitter(AGAIN_BASE_MS, AGAIN_CAP_MS, 1, random_u64());
    chore_after(c, wait);
}

void chore_stop(struct chore *c)
{
    loop_timer_stop(c->timer);
    control_stop(take_ptr(&c->request));
}

static int chore_open(struct chore *c, struct http_source *s, loop_callback ask)
{
    c->source = s;
    c->timer = loop_timer_new(s->wiring.loop, ask, s);
    return c->timer != NULL ? 0 : -ENOMEM;
}

static void chore_close(struct chore *c)
{
    control_stop(take_ptr(&c->request));
    loop_timer_free(c->timer);
}

/* ---- paths and problems ---- */

void http_run_path(const char *run_id, const char *rest, struct strbuf *out)
{
    (void)strbuf_addstr(out, "/v1/jobRuns/");
    (void)uri_encode(run_id, "", out);
    (void)strbuf_addstr(out, rest);
}

void http_problem(struct http_source *s, const char *what)
{
    log_error("the control plane's answer cannot be used: %s", what);
    (void)snprintf(s->problem, sizeof(s->problem), "%s", what);
}

/* ---- registration ---- */

static void tell_change(struct http_source *s)
{
    if (s->told_room != (s->room > 0) && s->registration.request == NULL && s->registration.failures == 0)
        chore_after(&s->registration, backoff_full_jitter(CHANGED_MS, CHANGED_MS, 1, random_u64()));
}

static void go_on(struct http_source *s, const struct registration *r)
{
    bool was = s->registered;

    s->registered = true;
    s->heartbeat_ms = r->heartbeat_ms;
    if (r->lease_ms > 0)
        s->lease_ms = r->lease_ms;
    s->registration.failures = 0;
    s->problem[0] = '\0';
    /* Somewhere in the last quarter, so that nodes that came together do not stay together. */
    chore_after(&s->registration,
                r->heartbeat_ms - (int64_t)(random_u64() % ((uint64_t)r->heartbeat_ms / 4 + 1)));
    tell_change(s);
    if (was)
        return;
    log_info("registered with the control plane as %s", s->wiring.node->id);
    assignments_room(s, true);
    chore_after(&s->directives, 0);
}

static void registered(void *context, const struct call_result *result)
{
    struct http_source *s = context;
    struct registration r;
    struct err e = ERR_INIT;

    s->registration.request = NULL;
    if (result->end == CALL_DONE && answer_registration(result->body, result->body_size, &r, &e) == 0) {
        go_on(s, &r);
        return;
    }
    if (result->end == CALL_DONE)
        http_problem(s, e.text);
    else if (result->end == CALL_FINAL)
        log_error("the control plane does not register this node: %s", result->why);
    chore_again(&s->registration, result->after_ms);
}

static void ask_registration(void *context)
{
    struct http_source *s = context;
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(BODY_BYTES_MAX);
    const struct node_state state = {.room = s->room, .not_ready = s->why_not, .problem = s->problem};
    const struct control_call call = {
        .method = "PUT", .path = s->node_path, .body = &body, .answer_max = ANSWER_BYTES_MAX};
    struct err e = ERR_INIT;

    if (s->registration.request != NULL)
        return;
    s->told_room = s->room > 0;
    body_node(s->wiring.node, &state, &body);
    s->registration.request = control_start(s->client, &call, registered, s, &e);
    if (s->registration.request == NULL)
        chore_again(&s->registration, -1);
}

void http_forgotten(struct http_source *s)
{
    log_notice("the control plane does not know this node: it registers");
    s->registered = false;
    chore_stop(&s->assignments);
    chore_stop(&s->directives);
    chore_after(&s->registration, backoff_full_jitter(FORGOTTEN_MS, FORGOTTEN_MS, 1, random_u64()));
}

/* ---- the source ---- */

static void begin(struct source *source)
{
    struct http_source *s = (struct http_source *)source;

    s->begun = true;
    ask_registration(s);
}

static void room(struct source *source, size_t n, const char *why_not)
{
    struct http_source *s = (struct http_source *)source;
    bool changed = (n == 0) != (s->room == 0);

    s->room = n;
    (void)snprintf(s->why_not, sizeof(s->why_not), "%s", n == 0 ? why_not : "");
    assignments_room(s, changed);
    if (changed && s->registered)
        tell_change(s);
}

static void describe(const struct source *source, struct source_state *ret)
{
    control_client_describe(((const struct http_source *)source)->client, ret);
}

static void release(struct source *source)
{
    struct http_source *s = (struct http_source *)source;

    while (s->first != NULL) {
        struct held *h = s->first;
        s->first = h->next;
        held_free(h);
    }
    chore_close(&s->registration);
    chore_close(&s->assignments);
    chore_close(&s->directives);
    control_stop(s->release);
    loop_timer_free(s->carry_out);
    wanted_list_free(&s->wanted);
    control_client_free(s->client);
    free(s);
}

static const struct source_ops OPS = {
    .name = "http",
    .origin = ORIGIN_HTTP,
    .begin = begin,
    .room = room,
    .attend = leases_attend,
    .report = leases_report,
    .leave = leases_leave,
    .describe = describe,
    .free = release,
};

static int open_parts(struct http_source *s, const struct http_settings *settings, struct err *e)
{
    AUTO(strbuf) struct strbuf path = STRBUF_INIT(PATH_BYTES_MAX - 1);

    (void)strbuf_addstr(&path, "/v1/nodes/");
    (void)uri_encode(s->wiring.node->id, "", &path);
    (void)snprintf(s->node_path, sizeof(s->node_path), "%s", strbuf_str(&path));
    s->client = control_client_new(s->wiring.loop, settings, e);
    if (s->client == NULL)
        return e->code;
    s->carry_out = loop_timer_new(s->wiring.loop, directives_carry_out, s);
    if (s->carry_out == NULL || chore_open(&s->registration, s, ask_registration) < 0 ||
        chore_open(&s->assignments, s, assignments_poll) < 0 ||
        chore_open(&s->directives, s, directives_poll) < 0)
        return err_oom(e);
    return 0;
}

struct source *http_source_new(const struct source_wiring *wiring, const struct http_settings *settings,
                               struct err *e)
{
    struct http_source *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        (void)err_oom(e);
        return NULL;
    }
    *s = (struct http_source){.source = {&OPS},
                              .wiring = *wiring,
                              .hooks = *wiring->hooks,
                              .wait_ms = settings->wait_ms,
                              .lease_ms = LEASE_MS};
    if (open_parts(s, settings, e) < 0) {
        release(&s->source);
        return NULL;
    }
    return &s->source;
}
