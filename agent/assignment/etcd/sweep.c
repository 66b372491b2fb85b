/* sweep.c - runs of nodes that are gone: a few agents look after them. See state.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "assignment/etcd/state.h"
#include "base/auto.h"
#include "base/crash_point.h"
#include "io/random.h"

/* Claims that are looked at in one go: fewer than the operations that etcd allows in a transaction. */
#define PAGE 100
/* The node of each seat waits this much longer than the one before, which has done the work by then. */
#define SEAT_DELAY_MS 1000

static void work(void *context);

static void again(struct etcd_source *s)
{
    s->sweep.failures++;
    loop_timer_start(s->sweep.timer, etcd_wait_ms(s->sweep.failures), 0);
}

/* One question at a time; what cannot even be asked is tried again like one without an answer. */
static void ask(struct etcd_source *s, const char *path, const struct strbuf *body, etcd_done done)
{
    struct err e = ERR_INIT;

    s->sweep.call = etcd_ask(s->client, path, body, false, done, s, &e);
    if (s->sweep.call != NULL)
        return;
    log_error("etcd: %s", e.text);
    again(s);
}

static void next(struct etcd_source *s)
{
    s->sweep.failures = 0;
    loop_timer_start(s->sweep.timer, 0, 0);
}

/* ---- one run of a node that is gone ---- */

static void drop_first(struct strlist *l)
{
    struct strlist rest = {0};

    for (size_t i = 1; i < l->count; i++)
        if (strlist_add(&rest, l->item[i]) < 0)
            break;
    strlist_free(l);
    *l = rest;
}

static void moved(void *context, const struct etcd_answer *a)
{
    struct etcd_source *s = context;

    s->sweep.call = NULL;
    etcd_heard(s, a);
    if (a->outcome != ETCD_ANSWERED) {
        again(s);
        return;
    }
    CRASH_POINT("etcd-swept");
    /* When the conditions did not hold, something has changed since: the next look at this node tells. */
    if (a->reply->succeeded)
        log_notice("etcd: a run of %s, which is gone, was taken from it", s->sweep.gone.item[0]);
    s->sweep.at++;
    next(s);
}

static void move(struct etcd_source *s, const struct etcd_kv *state_kv, const struct etcd_kvs *directive)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(8 * ETCD_RECORD_MAX);
    const char *node = s->sweep.gone.item[0];
    struct etcd_state state;
    struct directive wanted = {0};
    char why[ETCD_NAME_MAX + 64];
    struct err e = ERR_INIT, ignored = ERR_INIT;
    bool cancelled = directive->count == 1 &&
                     etcd_directive_read(directive->item[0].value, directive->item[0].value_size, "directive",
                                         &wanted, &ignored) == 0 &&
                     wanted.kind == DIRECTIVE_CANCEL;
    const struct etcd_lose_move lose = {.node = node,
                                        .epoch = s->sweep.claims.item[s->sweep.at].created,
                                        .state_modified = state_kv->modified,
                                        .directive_modified =
                                            directive->count == 1 ? directive->item[0].modified : 0,
                                        .absent = true,
                                        .next = &state};

    if (etcd_state_read(state_kv->value, state_kv->value_size, state_kv->key, &state, &e) < 0) {
        log_error("etcd: %s", e.text);
        s->sweep.at++;
        next(s);
        return;
    }
    (void)snprintf(why, sizeof(why), "The node %s was away for longer than its lease.", node);
    etcd_state_lose(&state, cancelled, why, clock_wall());
    etcd_move_lose(&s->keys, &lose, &body);
    ask(s, ETCD_PATH_TXN, &body, moved);
}

static void run_read(void *context, const struct etcd_answer *a)
{
    struct etcd_source *s = context;
    AUTO(etcd_kvs) struct etcd_kvs state = {0};
    AUTO(etcd_kvs) struct etcd_kvs directive = {0};
    struct err e = ERR_INIT;

    s->sweep.call = NULL;
    etcd_heard(s, a);
    if (a->outcome != ETCD_ANSWERED) {
        again(s);
        return;
    }
    if (a->reply->succeeded && etcd_reply_kvs(a->reply, 0, &state, &e) == 0 &&
        etcd_reply_kvs(a->reply, 1, &directive, &e) == 0 && state.count == 1) {
        move(s, &state.item[0], &directive);
        return;
    }
    if (a->reply->succeeded)
        log_error("etcd: %s has no state: %s", s->sweep.claims.item[s->sweep.at].key, e.text);
    s->sweep.at++;
    next(s);
}

/* The state of the claim's run, while the claim is there and its node is not. */
static void read_run(struct etcd_source *s, const struct etcd_kv *claim, const char *run)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(8 * ETCD_KEY_MAX);
    char key[ETCD_KEY_MAX];
    struct etcd_txn t;

    etcd_txn_begin(&t, &body);
    etcd_if_created(&t, claim->key, claim->created);
    etcd_key_node(&s->keys, s->sweep.gone.item[0], key);
    etcd_if_created(&t, key, 0);
    etcd_then(&t);
    etcd_key_state(&s->keys, run, key);
    etcd_get(&t, key);
    etcd_key_run_directive(&s->keys, s->sweep.gone.item[0], run, key);
    etcd_get(&t, key);
    etcd_txn_end(&t);
    ask(s, ETCD_PATH_TXN, &body, run_read);
}

/* Keeps the claims that were listed, to be gone through from the first. False: the list is asked for again. */
static bool keep_claims(struct etcd_source *s, const struct etcd_answer *a)
{
    struct err e = ERR_INIT;

    s->sweep.call = NULL;
    etcd_heard(s, a);
    etcd_kvs_free(&s->sweep.claims);
    s->sweep.at = 0;
    if (a->outcome == ETCD_ANSWERED && etcd_reply_kvs(a->reply, -1, &s->sweep.claims, &e) == 0)
        return true;
    again(s);
    return false;
}

static void claims_listed(void *context, const struct etcd_answer *a)
{
    struct etcd_source *s = context;

    if (!keep_claims(s, a))
        return;
    if (s->sweep.claims.count == 0)
        drop_first(&s->sweep.gone);
    next(s);
}

static void list_claims(struct etcd_source *s)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(4 * ETCD_KEY_MAX);
    char folder[ETCD_KEY_MAX];
    const struct etcd_range range = {.key = folder, .below = true, .keys_only = true};

    etcd_key_claims(&s->keys, s->sweep.gone.item[0], folder);
    etcd_write_range(&range, &body);
    ask(s, ETCD_PATH_RANGE, &body, claims_listed);
}

/* ---- which nodes are gone ---- */

static void add_gone(struct etcd_source *s, const char *node)
{
    if (!etcd_name_valid(node))
        return;
    for (size_t i = 0; i < s->sweep.gone.count; i++)
        if (strcmp(s->sweep.gone.item[i], node) == 0)
            return;
    (void)strlist_add(&s->sweep.gone, node);
}

/* The node of a claim; false when it is none of ours. */
static bool node_of(const struct etcd_source *s, const char *claim, char ret[ETCD_NAME_MAX])
{
    char folder[ETCD_KEY_MAX];
    const char *below;
    size_t n;

    etcd_key_claims(&s->keys, NULL, folder);
    below = etcd_key_below(claim, folder);
    n = below != NULL ? strcspn(below, "/") : 0;
    if (n == 0 || n >= ETCD_NAME_MAX)
        return false;
    (void)snprintf(ret, ETCD_NAME_MAX, "%.*s", (int)n, below);
    return etcd_name_valid(ret);
}

static void nodes_read(void *context, const struct etcd_answer *a)
{
    struct etcd_source *s = context;
    struct etcd_kvs *page = &s->sweep.claims;
    char node[ETCD_NAME_MAX], last[ETCD_NAME_MAX] = "";
    struct err e = ERR_INIT;
    int index = 0;

    s->sweep.call = NULL;
    etcd_heard(s, a);
    if (a->outcome != ETCD_ANSWERED) {
        again(s);
        return;
    }
    for (size_t i = 0; i < page->count; i++) {
        AUTO(etcd_kvs) struct etcd_kvs there = {0};
        if (!node_of(s, page->item[i].key, node) || strcmp(node, last) == 0)
            continue;
        (void)snprintf(last, sizeof(last), "%s", node);
        if (etcd_reply_kvs(a->reply, index++, &there, &e) == 0 && there.count == 0)
            add_gone(s, node);
    }
    s->sweep.everything = page->more;
    if (page->count > 0)
        (void)snprintf(s->sweep.after, sizeof(s->sweep.after), "%s", page->item[page->count - 1].key);
    etcd_kvs_free(page);
    next(s);
}

static void read_nodes(struct etcd_source *s)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(PAGE * 4 * ETCD_KEY_MAX);
    char node[ETCD_NAME_MAX], last[ETCD_NAME_MAX] = "", key[ETCD_KEY_MAX];
    struct etcd_txn t;

    etcd_txn_begin(&t, &body);
    etcd_then(&t);
    for (size_t i = 0; i < s->sweep.claims.count; i++) {
        const struct etcd_range range = {.key = key, .keys_only = true};
        if (!node_of(s, s->sweep.claims.item[i].key, node) || strcmp(node, last) == 0)
            continue;
        (void)snprintf(last, sizeof(last), "%s", node);
        etcd_key_node(&s->keys, node, key);
        etcd_get_range(&t, &range);
    }
    etcd_txn_end(&t);
    ask(s, ETCD_PATH_TXN, &body, nodes_read);
}

static void gone_news(void *context, const struct etcd_kvs *changed)
{
    struct etcd_source *s = context;
    char folder[ETCD_KEY_MAX];

    etcd_key_nodes(&s->keys, folder);
    for (size_t i = 0; i < changed->count; i++) {
        const char *node = etcd_key_below(changed->item[i].key, folder);
        if (node != NULL && changed->item[i].created == 0)
            add_gone(s, node);
    }
    if (s->sweep.call == NULL)
        loop_timer_start(s->sweep.timer, (uint64_t)(SEAT_DELAY_MS * s->sweep.seat), 0);
}

static void gone_compacted(void *context)
{
    struct etcd_source *s = context;

    etcd_watch_stop(s->sweep.watch);
    s->sweep.watch = NULL;
    s->sweep.everything = true;
    s->sweep.after[0] = '\0';
    next(s);
}

static void watch_nodes(struct etcd_source *s, int64_t revision)
{
    char folder[ETCD_KEY_MAX];
    const struct etcd_watch_target target = {
        .key = folder, .below = true, .which = ETCD_WATCH_DELETES, .revision = revision + 1};
    const struct etcd_watch_events events = {.news = gone_news, .compacted = gone_compacted, .context = s};
    struct err e = ERR_INIT;

    etcd_key_nodes(&s->keys, folder);
    s->sweep.watch = etcd_watch_start(s->wiring.loop, s->transfers, s->client, &target, &events, &e);
    if (s->sweep.watch == NULL)
        log_error("etcd: %s", e.text);
}

static void page_listed(void *context, const struct etcd_answer *a)
{
    struct etcd_source *s = context;

    if (!keep_claims(s, a))
        return;
    /* From before the first page on: who goes while pages are read is heard of. */
    if (s->sweep.watch == NULL)
        watch_nodes(s, a->reply->revision);
    if (s->sweep.claims.count == 0) {
        s->sweep.everything = false;
        next(s);
        return;
    }
    read_nodes(s);
}

static void list_page(struct etcd_source *s)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(8 * ETCD_KEY_MAX);
    char folder[ETCD_KEY_MAX], end[ETCD_KEY_MAX], from[ETCD_KEY_MAX + 2];
    const struct etcd_range range = {.key = from, .end = end, .limit = PAGE, .keys_only = true};

    etcd_key_claims(&s->keys, NULL, folder);
    etcd_key_end(folder, end);
    /* The next key after the last one: none of ours has a blank. */
    (void)snprintf(from, sizeof(from), "%s%s", s->sweep.after[0] != '\0' ? s->sweep.after : folder,
                   s->sweep.after[0] != '\0' ? " " : "");
    etcd_write_range(&range, &body);
    ask(s, ETCD_PATH_RANGE, &body, page_listed);
}

/* The next thing to do: everything's next page, else the next run of the first node that is gone. */
static void work(void *context)
{
    struct etcd_source *s = context;
    struct etcd_sweep *w = &s->sweep;
    char node[ETCD_NAME_MAX];

    if (w->seat < 0 || w->call != NULL)
        return;
    if (w->everything) {
        list_page(s);
        return;
    }
    if (w->gone.count == 0)
        return;
    if (w->claims.count == 0) {
        list_claims(s);
        return;
    }
    while (w->at < w->claims.count) {
        const struct etcd_kv *claim = &w->claims.item[w->at];
        if (node_of(s, claim->key, node) && run_name_valid(strrchr(claim->key, '/') + 1)) {
            read_run(s, claim, strrchr(claim->key, '/') + 1);
            return;
        }
        w->at++;
    }
    etcd_kvs_free(&w->claims);
    w->at = 0;
    drop_first(&w->gone);
    next(s);
}

/* ---- seats ---- */

static void seat_later(struct etcd_source *s)
{
    uint64_t lease = (uint64_t)s->lease_ms;

    loop_timer_start(s->sweep.seat_timer, lease / 2 + random_u64() % lease, 0);
}

static void seat_taken(void *context, const struct etcd_answer *a)
{
    struct etcd_source *s = context;
    AUTO(etcd_kvs) struct etcd_kvs seat = {0};
    char folder[ETCD_KEY_MAX];
    struct err e = ERR_INIT;

    s->sweep.seat_call = NULL;
    if (a->outcome != ETCD_ANSWERED || !a->reply->succeeded || etcd_reply_kvs(a->reply, 1, &seat, &e) < 0 ||
        seat.count != 1) {
        seat_later(s);
        return;
    }
    etcd_key_sweepers(&s->keys, folder);
    s->sweep.seat = seat.item[0].key[strlen(folder)] - '0';
    log_info("etcd: this node looks after the runs of nodes that are gone (seat %d)", s->sweep.seat);
    s->sweep.everything = true;
    s->sweep.after[0] = '\0';
    next(s);
}

static void take_seat(struct etcd_source *s, int seat)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(8 * ETCD_KEY_MAX);
    char key[ETCD_KEY_MAX], node[ETCD_KEY_MAX];
    struct etcd_txn t;
    struct err e = ERR_INIT;

    etcd_key_seat(&s->keys, seat, key);
    etcd_key_node(&s->keys, s->node, node);
    etcd_txn_begin(&t, &body);
    etcd_if_created(&t, key, 0);
    etcd_if_leased(&t, node, s->hold.lease_id);
    etcd_then(&t);
    etcd_put(&t, key, s->node, strlen(s->node), s->hold.lease_id);
    etcd_get(&t, key);
    etcd_txn_end(&t);
    s->sweep.seat_call = etcd_ask(s->client, ETCD_PATH_TXN, &body, false, seat_taken, s, &e);
    if (s->sweep.seat_call == NULL)
        seat_later(s);
}

static void seats_read(void *context, const struct etcd_answer *a)
{
    struct etcd_source *s = context;
    AUTO(etcd_kvs) struct etcd_kvs seats = {0};
    bool taken[ETCD_SEATS] = {false};
    char key[ETCD_KEY_MAX];
    struct err e = ERR_INIT;
    int free_seat = -1;

    s->sweep.seat_call = NULL;
    if (a->outcome != ETCD_ANSWERED || etcd_reply_kvs(a->reply, -1, &seats, &e) < 0) {
        seat_later(s);
        return;
    }
    for (int seat = 0; seat < ETCD_SEATS; seat++) {
        etcd_key_seat(&s->keys, seat, key);
        for (size_t i = 0; i < seats.count; i++)
            taken[seat] = taken[seat] || strcmp(seats.item[i].key, key) == 0;
    }
    for (int seat = 0; seat < ETCD_SEATS && free_seat < 0; seat++)
        free_seat = taken[seat] ? -1 : seat;
    if (free_seat >= 0)
        take_seat(s, free_seat);
    else
        seat_later(s);
}

static void seat_turn(void *context)
{
    struct etcd_source *s = context;
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(4 * ETCD_KEY_MAX);
    char folder[ETCD_KEY_MAX];
    const struct etcd_range range = {.key = folder, .below = true, .keys_only = true, .serializable = true};
    struct err e = ERR_INIT;

    if (s->sweep.seat >= 0 || s->sweep.seat_call != NULL || !s->hold.registered)
        return;
    etcd_key_sweepers(&s->keys, folder);
    etcd_write_range(&range, &body);
    s->sweep.seat_call = etcd_ask(s->client, ETCD_PATH_RANGE, &body, false, seats_read, s, &e);
    if (s->sweep.seat_call == NULL)
        seat_later(s);
}

void sweep_begin(struct etcd_source *s)
{
    if (s->sweep.seat < 0)
        loop_timer_start(s->sweep.seat_timer, random_u64() % 1000, 0);
}

void sweep_forget(struct etcd_source *s)
{
    struct etcd_sweep *w = &s->sweep;

    etcd_call_stop(w->call);
    etcd_call_stop(w->seat_call);
    w->call = w->seat_call = NULL;
    etcd_watch_stop(w->watch);
    w->watch = NULL;
    loop_timer_stop(w->timer);
    loop_timer_stop(w->seat_timer);
    etcd_kvs_free(&w->claims);
    strlist_free(&w->gone);
    w->at = 0;
    w->seat = -1;
    w->everything = false;
}

int sweep_open(struct etcd_source *s, struct err *e)
{
    s->sweep.timer = loop_timer_new(s->wiring.loop, work, s);
    s->sweep.seat_timer = loop_timer_new(s->wiring.loop, seat_turn, s);
    return s->sweep.timer == NULL || s->sweep.seat_timer == NULL ? err_oom(e) : 0;
}

void sweep_close(struct etcd_source *s)
{
    sweep_forget(s);
    loop_timer_free(s->sweep.timer);
    loop_timer_free(s->sweep.seat_timer);
}
