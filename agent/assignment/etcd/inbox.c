/* inbox.c - what is wanted of this node's runs, and of the node: see state.h. */
#include <stdio.h>
#include <string.h>

#include "assignment/etcd/state.h"
#include "base/auto.h"

static void again(struct etcd_source *s)
{
    s->inbox.failures++;
    loop_timer_start(s->inbox.timer, etcd_wait_ms(s->inbox.failures), 0);
}

/* ---- one directive ---- */

/* It stays where it is until the claim goes: an agent that starts again passes it on again, which changes nothing. */
static void of_run(struct etcd_source *s, const struct etcd_kv *kv, const char *run)
{
    struct etcd_run *r = etcd_run_find(s, run, 0);
    struct directive d;
    struct err e = ERR_INIT;

    if (r == NULL) {
        s->inbox.stale = true;
        return;
    }
    if (r->ended || kv->modified <= r->directive_seen)
        return;
    r->directive_seen = kv->modified;
    if (etcd_directive_read(kv->value, kv->value_size, kv->key, &d, &e) < 0)
        log_error("run=%s etcd: %s", r->run->id, e.text);
    else {
        s->hooks.directive(r->run, &d, s->hooks.context);
        if (d.kind == DIRECTIVE_CANCEL)
            reports_cancel(r);
    }
}

static void forgotten(void *context, const struct etcd_answer *a)
{
    struct etcd_source *s = context;

    if (a->outcome != ETCD_ANSWERED)
        again(s);
}

/* What the node has done is not to be done again at the next start. */
static void forget(struct etcd_source *s, const struct etcd_kv *kv)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(8 * ETCD_KEY_MAX);
    struct etcd_txn t;
    struct err e = ERR_INIT;

    etcd_txn_begin(&t, &body);
    etcd_if_modified(&t, kv->key, kv->modified);
    etcd_then(&t);
    etcd_delete(&t, kv->key);
    etcd_txn_end(&t);
    if (etcd_ask(s->client, ETCD_PATH_TXN, &body, false, forgotten, s, &e) == NULL)
        log_error("etcd: %s", e.text);
}

static void of_node(struct etcd_source *s, const struct etcd_kv *kv)
{
    struct node_directive d;
    struct err e = ERR_INIT;

    if (kv->modified > s->inbox.node_seen) {
        s->inbox.node_seen = kv->modified;
        if (etcd_node_directive_read(kv->value, kv->value_size, kv->key, &d, &e) < 0)
            log_error("etcd: %s", e.text);
        else
            s->hooks.node_directive(&d, s->hooks.context);
    }
    forget(s, kv);
}

static void take(struct etcd_source *s, const struct etcd_kvs *list)
{
    char folder[ETCD_KEY_MAX];

    etcd_key_inbox(&s->keys, s->node, folder);
    for (size_t i = 0; i < list->count; i++) {
        const struct etcd_kv *kv = &list->item[i];
        const char *below = etcd_key_below(kv->key, folder);
        if (kv->created == 0 || below == NULL)
            continue;
        if (strncmp(below, "runs/", 5) == 0)
            of_run(s, kv, below + 5);
        else if (strncmp(below, "node/", 5) == 0)
            of_node(s, kv);
    }
}

/* ---- reading and watching ---- */

static void news(void *context, const struct etcd_kvs *changed)
{
    take(context, changed);
}

static void compacted(void *context)
{
    struct etcd_source *s = context;

    etcd_watch_stop(s->inbox.watch);
    s->inbox.watch = NULL;
    inbox_read(s);
}

static void watch(struct etcd_source *s, int64_t revision)
{
    char folder[ETCD_KEY_MAX];
    const struct etcd_watch_target target = {
        .key = folder, .below = true, .which = ETCD_WATCH_PUTS, .revision = revision + 1};
    const struct etcd_watch_events events = {.news = news, .compacted = compacted, .context = s};
    struct err e = ERR_INIT;

    etcd_key_inbox(&s->keys, s->node, folder);
    s->inbox.watch = etcd_watch_start(s->wiring.loop, s->transfers, s->client, &target, &events, &e);
    if (s->inbox.watch == NULL)
        again(s);
}

static void was_read(void *context, const struct etcd_answer *a)
{
    struct etcd_source *s = context;
    AUTO(etcd_kvs) struct etcd_kvs list = {0};
    struct err e = ERR_INIT;

    s->inbox.call = NULL;
    etcd_heard(s, a);
    if (a->outcome != ETCD_ANSWERED || etcd_reply_kvs(a->reply, -1, &list, &e) < 0) {
        if (a->outcome == ETCD_ANSWERED)
            log_error("etcd: %s", e.text);
        again(s);
        return;
    }
    s->inbox.failures = 0;
    take(s, &list);
    if (s->inbox.watch == NULL)
        watch(s, a->reply->revision);
}

static void read_all(void *context)
{
    struct etcd_source *s = context;
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(4 * ETCD_KEY_MAX);
    char folder[ETCD_KEY_MAX];
    const struct etcd_range range = {.key = folder, .below = true};
    struct err e = ERR_INIT;

    if (s->inbox.call != NULL)
        return;
    s->inbox.stale = false;
    etcd_key_inbox(&s->keys, s->node, folder);
    etcd_write_range(&range, &body);
    s->inbox.call = etcd_ask(s->client, ETCD_PATH_RANGE, &body, false, was_read, s, &e);
    if (s->inbox.call == NULL)
        again(s);
}

/* From the loop: a run that is just being added is not driven yet. */
void inbox_read(struct etcd_source *s)
{
    loop_timer_start(s->inbox.timer, 0, 0);
}

int inbox_open(struct etcd_source *s, struct err *e)
{
    s->inbox.timer = loop_timer_new(s->wiring.loop, read_all, s);
    return s->inbox.timer == NULL ? err_oom(e) : 0;
}

void inbox_close(struct etcd_source *s)
{
    etcd_call_stop(s->inbox.call);
    etcd_watch_stop(s->inbox.watch);
    loop_timer_free(s->inbox.timer);
}
