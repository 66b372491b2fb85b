/* hold.c - the node's lease and its key, see state.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "assignment/etcd/state.h"
#include "base/auto.h"
#include "base/crash_point.h"
#include "base/parse.h"
#include "io/random.h"
#include "sys/fd.h"

/* The lease's number, in the agent's folder: one that starts again soon enough has lost nothing. */
#define LEASE_NAME ".etcd-lease"
/* What a node says of itself may be this old. */
#define FACTS_EVERY_MS 5000

static void step(void *context);

/* ---- the number on disk ---- */

static int64_t load_lease(const struct etcd_source *s)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(64);
    int64_t id;

    if (file_read(s->wiring.agent_fd, LEASE_NAME, &text) < 0 ||
        parse_i64(strbuf_str(&text), 1, INT64_MAX, &id) < 0)
        return 0;
    return id;
}

static void save_lease(const struct etcd_source *s)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "%lld", (long long)s->hold.lease_id);
    int r = file_replace(s->wiring.agent_fd, LEASE_NAME, text, (size_t)n, 0640);

    CRASH_POINT("etcd-lease-saved");
    if (r < 0)
        log_warning(
            "the number of the lease in etcd cannot be kept: %s; runs of this node may be taken from it when "
            "it starts again",
            strerror(-r));
}

/* ---- what a lease means for runs ---- */

static void say_held(struct etcd_source *s)
{
    boot_ms_t until = lease_until(&s->hold.lease);

    if (!s->claims.checked)
        return;
    for (struct etcd_run *r = s->runs; r != NULL; r = r->next)
        if (!r->lost && !r->ended)
            s->hooks.lease_held(r->run, until, s->hooks.context);
}

/* By this node's own clock: before etcd lets anybody else have the runs. */
static void say_expired(struct etcd_source *s)
{
    if (s->hold.expired)
        return;
    s->hold.expired = true;
    s->claims.checked = false;
    log_error("the node's lease in etcd has run out unconfirmed");
    for (struct etcd_run *r = s->runs; r != NULL; r = r->next)
        etcd_say_lost(s, r, "the node's lease in etcd ran out unconfirmed");
    line_settle(s);
}

static void forget_lease(struct etcd_source *s)
{
    s->hold.lease_id = 0;
    s->hold.registered = false;
    s->claims.checked = false;
    line_forget(s);
    sweep_forget(s);
}

/* ---- questions ---- */

static void again(struct etcd_source *s)
{
    uint64_t wait = etcd_wait_ms(++s->hold.failures);
    int64_t left = INT64_MAX;

    /* Whatever else has failed, the lease is renewed in time. */
    if (s->hold.lease_id != 0 && s->hold.lease.duration_ms > 0 &&
        lease_step(&s->hold.lease, clock_boot(), random_u64(), &left) == LEASE_WAIT && (uint64_t)left < wait)
        wait = (uint64_t)left;
    loop_timer_start(s->hold.timer, wait, 0);
}

static void soon(struct etcd_source *s)
{
    loop_timer_start(s->hold.timer, 0, 0);
}

static void follow(struct etcd_source *s)
{
    etcd_watch_follow(s->line.watch);
    etcd_watch_follow(s->inbox.watch);
    etcd_watch_follow(s->sweep.watch);
    members_follow(s);
    for (const struct etcd_run *r = s->runs; r != NULL; r = r->next)
        gang_follow(r->gang);
}

/* A lease of that many seconds was given or confirmed, counted from when it was asked for. */
static void confirmed(struct etcd_source *s, int64_t seconds)
{
    struct etcd_hold *h = &s->hold;

    lease_confirmed(&h->lease, seconds * 1000);
    h->failures = 0;
    h->expired = false;
    follow(s);
    if (h->registered)
        say_held(s);
    if (h->registered && !s->claims.checked)
        claims_check(s);
    soon(s);
}

static void granted(void *context, const struct etcd_answer *a)
{
    struct etcd_source *s = context;
    int64_t id, seconds;
    struct err e = ERR_INIT;

    s->hold.call = NULL;
    etcd_heard(s, a);
    if (a->outcome != ETCD_ANSWERED || etcd_reply_lease(a->reply, &id, &seconds, &e) < 0 || seconds <= 0) {
        again(s);
        return;
    }
    s->hold.lease_id = id;
    save_lease(s);
    confirmed(s, seconds);
}

static void renewed(void *context, const struct etcd_answer *a)
{
    struct etcd_source *s = context;
    int64_t id, seconds = 0;
    struct err e = ERR_INIT;

    s->hold.call = NULL;
    etcd_heard(s, a);
    if (a->outcome == ETCD_NOT_FOUND ||
        (a->outcome == ETCD_ANSWERED && etcd_reply_lease(a->reply, &id, &seconds, &e) == 0 && seconds <= 0)) {
        log_warning("etcd has no lease of this node any more: it takes a new one");
        forget_lease(s);
        soon(s);
        return;
    }
    if (a->outcome == ETCD_ANSWERED && seconds > 0) {
        confirmed(s, seconds);
        return;
    }
    lease_unanswered(&s->hold.lease);
    if (clock_boot().ms < lease_until(&s->hold.lease).ms) {
        soon(s);
        return;
    }
    say_expired(s);
    again(s);
}

static void ask_lease(struct etcd_source *s)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(256);
    struct etcd_hold *h = &s->hold;
    struct err e = ERR_INIT;

    lease_asked(&h->lease, clock_boot());
    if (h->lease_id == 0) {
        etcd_write_grant((s->lease_ms + 999) / 1000, &body);
        h->call = etcd_ask(s->client, ETCD_PATH_GRANT, &body, true, granted, s, &e);
    } else {
        etcd_write_lease(h->lease_id, &body);
        h->call = etcd_ask(s->client, ETCD_PATH_KEEPALIVE, &body, true, renewed, s, &e);
    }
    if (h->call == NULL)
        again(s);
}

/* ---- the node's key ---- */

static void put_node(struct etcd_source *s, struct etcd_txn *t, const char *key)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(ETCD_RECORD_MAX);

    if (etcd_node_write(s->wiring.node, s->pool, s->room, s->not_ready, clock_wall(), &text) < 0)
        t->w.out->failed = text.failed;
    etcd_put(t, key, strbuf_str(&text), text.len, s->hold.lease_id);
}

static void is_registered(struct etcd_source *s)
{
    CRASH_POINT("etcd-registered");
    s->hold.registered = true;
    s->hold.failures = 0;
    s->hold.name_taken = false;
    log_info("registered in etcd as %s in the pool %s", s->node, s->pool);
    claims_check(s);
    inbox_read(s);
    sweep_begin(s);
    soon(s);
}

static void registered(void *context, const struct etcd_answer *a)
{
    struct etcd_source *s = context;
    AUTO(etcd_kvs) struct etcd_kvs there = {0};
    struct err e = ERR_INIT;

    s->hold.call = NULL;
    etcd_heard(s, a);
    if (a->outcome != ETCD_ANSWERED) {
        again(s);
        return;
    }
    if (a->reply->succeeded || (etcd_reply_kvs(a->reply, 0, &there, &e) == 0 && there.count == 1 &&
                                there.item[0].lease == s->hold.lease_id)) {
        is_registered(s);
        return;
    }
    if (!s->hold.name_taken && there.count == 1)
        log_error("another node is registered in etcd as %s, or an earlier agent of this one whose lease has "
                  "not run "
                  "out: waiting until it has",
                  s->node);
    s->hold.name_taken = true;
    again(s);
}

static void register_node(struct etcd_source *s)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(4 * ETCD_RECORD_MAX);
    char key[ETCD_KEY_MAX];
    struct etcd_txn t;
    struct err e = ERR_INIT;

    etcd_key_node(&s->keys, s->node, key);
    etcd_txn_begin(&t, &body);
    etcd_if_created(&t, key, 0);
    etcd_then(&t);
    put_node(s, &t, key);
    etcd_else(&t);
    etcd_get(&t, key);
    etcd_txn_end(&t);
    s->hold.call = etcd_ask(s->client, ETCD_PATH_TXN, &body, false, registered, s, &e);
    if (s->hold.call == NULL)
        again(s);
}

/* ---- the turn ---- */

/* What is due now. Each question ends here again. */
static void step(void *context)
{
    struct etcd_source *s = context;
    struct etcd_hold *h = &s->hold;
    int64_t wait = 0;
    enum lease_step due;

    if (h->call != NULL)
        return;
    due = h->lease.duration_ms > 0 ? lease_step(&h->lease, clock_boot(), random_u64(), &wait) : LEASE_EXPIRED;
    if (due == LEASE_EXPIRED && h->lease.duration_ms > 0)
        say_expired(s);
    /* One that ran out here may be there all the same: etcd was away too. */
    if (h->lease_id == 0 || due == LEASE_RENEW || due == LEASE_EXPIRED)
        ask_lease(s);
    else if (!h->registered)
        register_node(s);
    else
        loop_timer_start(h->timer, (uint64_t)wait, 0);
}

/* ---- facts ---- */

static void facts_put(void *context, const struct etcd_answer *a)
{
    struct etcd_source *s = context;

    s->hold.facts_call = NULL;
    if (a->outcome != ETCD_ANSWERED)
        s->hold.facts_due = true;
    if (s->hold.facts_due)
        loop_timer_start(s->hold.facts_timer, FACTS_EVERY_MS, 0);
}

static void facts_turn(void *context)
{
    struct etcd_source *s = context;
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(4 * ETCD_RECORD_MAX);
    char key[ETCD_KEY_MAX];
    struct etcd_txn t;
    struct err e = ERR_INIT;

    if (!s->hold.facts_due || s->hold.facts_call != NULL)
        return;
    if (!s->hold.registered) {
        loop_timer_start(s->hold.facts_timer, FACTS_EVERY_MS, 0);
        return;
    }
    s->hold.facts_due = false;
    etcd_key_node(&s->keys, s->node, key);
    etcd_txn_begin(&t, &body);
    etcd_if_leased(&t, key, s->hold.lease_id);
    etcd_then(&t);
    put_node(s, &t, key);
    etcd_txn_end(&t);
    s->hold.facts_call = etcd_ask(s->client, ETCD_PATH_TXN, &body, false, facts_put, s, &e);
}

void hold_facts(struct etcd_source *s)
{
    if (s->hold.facts_due)
        return;
    s->hold.facts_due = true;
    if (s->hold.facts_call == NULL)
        loop_timer_start(s->hold.facts_timer, FACTS_EVERY_MS, 0);
}

/* ---- open, close ---- */

int hold_open(struct etcd_source *s, struct err *e)
{
    s->hold.timer = loop_timer_new(s->wiring.loop, step, s);
    s->hold.facts_timer = loop_timer_new(s->wiring.loop, facts_turn, s);
    return s->hold.timer == NULL || s->hold.facts_timer == NULL ? err_oom(e) : 0;
}

void hold_begin(struct etcd_source *s)
{
    s->hold.lease_id = load_lease(s);
    soon(s);
}

/* The lease stays: runs go on, and the next agent takes it up. */
void hold_close(struct etcd_source *s)
{
    etcd_call_stop(s->hold.call);
    etcd_call_stop(s->hold.facts_call);
    loop_timer_free(s->hold.timer);
    loop_timer_free(s->hold.facts_timer);
}
