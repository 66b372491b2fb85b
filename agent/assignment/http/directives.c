/* directives.c - what is wanted of the node and its runs: the whole list, each time it changes; each item is carried out once. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "assignment/http/http_state.h"
#include "base/auto.h"
#include "base/backoff.h"
#include "base/log.h"
#include "io/random.h"

/* A server that does not hold requests is not asked more often than this. */
#define PAUSE_MS 1000

/* ---- carrying out ---- */

static bool meant(const struct wanted *w, const struct held *h)
{
    return strcmp(h->name.id, w->run_id) == 0 && (w->epoch == 0 || h->run->history.epoch == w->epoch);
}

/* One about a run that is not here waits: it may be on its way. */
static void carry_out(struct http_source *s, struct wanted *w)
{
    if (w->of_node) {
        log_info("directive=%s of the control plane is carried out", w->id);
        w->done = true;
        s->hooks.node_directive(&w->node, s->hooks.context);
        return;
    }
    for (struct held *h = s->first; h != NULL; h = h->next) {
        if (!meant(w, h))
            continue;
        log_info("run=%s directive=%s of the control plane is carried out", h->run->id, w->id);
        w->done = true;
        s->hooks.directive(h->run, &w->run, s->hooks.context);
    }
}

void directives_carry_out(void *context)
{
    struct http_source *s = context;

    for (size_t i = 0; i < s->wanted.count; i++)
        if (!s->wanted.item[i].done)
            carry_out(s, &s->wanted.item[i]);
}

/* ---- the list ---- */

static bool was_done(const struct wanted_list *old, const char *id)
{
    for (size_t i = 0; i < old->count; i++)
        if (old->item[i].done && strcmp(old->item[i].id, id) == 0)
            return true;
    return false;
}

static void take_list(struct http_source *s, const struct call_result *result)
{
    AUTO(diag) struct diag_list diags = {.file = "directives"};
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(DIRECTIVES_BYTES_MAX);
    struct wanted_list list = {0};
    int r = answer_directives(result->body, result->body_size, &list, &diags);

    if (diags.errors > 0) {
        diag_print(&diags, &text);
        if (text.data != NULL)
            text.data[strcspn(text.data, "\n")] = '\0';
        http_problem(s, strbuf_str(&text));
    }
    if (r < 0) {
        wanted_list_free(&list);
        chore_again(&s->directives, -1);
        return;
    }
    for (size_t i = 0; i < list.count; i++)
        list.item[i].done = was_done(&s->wanted, list.item[i].id);
    wanted_list_free(&s->wanted);
    s->wanted = list;
    (void)snprintf(s->wanted_etag, sizeof(s->wanted_etag), "%s", result->etag);
    s->directives.failures = 0;
    directives_carry_out(s);
    /* Without a mark the server cannot know what to wait for. */
    chore_after(&s->directives, (s->wanted_etag[0] != '\0' ? 0 : PAUSE_MS) +
                                    backoff_full_jitter(PAUSE_MS / 4, PAUSE_MS / 4, 1, random_u64()));
}

static void answered(void *context, const struct call_result *result)
{
    struct http_source *s = context;

    s->directives.request = NULL;
    if (result->end == CALL_FINAL && result->status == 404) {
        http_forgotten(s);
    } else if (result->end == CALL_DONE && result->status == 200) {
        take_list(s, result);
    } else if (result->end == CALL_DONE) {
        s->directives.failures = 0;
        chore_after(&s->directives,
                    result->elapsed_ms >= PAUSE_MS
                        ? 0
                        : PAUSE_MS / 2 + backoff_full_jitter(PAUSE_MS, PAUSE_MS, 1, random_u64()));
    } else {
        if (result->end == CALL_FINAL)
            log_error("the control plane tells no directives: %s", result->why);
        chore_again(&s->directives, result->after_ms);
    }
}

void directives_poll(void *context)
{
    struct http_source *s = context;
    AUTO(strbuf) struct strbuf path = STRBUF_INIT(PATH_BYTES_MAX + 64);
    struct control_call call = {.method = "GET", .answer_max = DIRECTIVES_BYTES_MAX};
    struct err e = ERR_INIT;

    if (!s->registered || s->directives.request != NULL)
        return;
    (void)strbuf_addf(&path, "%s/directives", s->node_path);
    call.path = strbuf_str(&path);
    call.etag = s->wanted_etag;
    call.wait_ms = s->wanted_etag[0] != '\0' ? s->wait_ms : 0;
    s->directives.request = control_start(s->client, &call, answered, s, &e);
    if (s->directives.request == NULL)
        chore_again(&s->directives, -1);
}
