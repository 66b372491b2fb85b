/*
 * gang.c - a run of several nodes that this node leads: its members are called for, made known to each other, told to begin and to
 * end. See state.h.
 *
 * Everything is compared with the claim of the whole, and kept in clusters/RUN and the members' states alone: an agent that starts
 * again reads them, and goes on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assignment/etcd/state.h"
#include "base/auto.h"
#include "base/crash_point.h"
#include "io/random.h"
#include "job/job.h"

/* While nodes are missing it is looked this often whether something more urgent waits for them as well. */
#define LOOK_MS 1000
/* What is more urgent has waited for so long, and up to so much longer: the places are given back. */
#define PATIENCE_MS        5000
#define PATIENCE_JITTER_MS 5000

struct etcd_gang_node {
    bool known, told;
    struct etcd_state state;
};

struct etcd_gang {
    struct etcd_source *source;
    struct etcd_run *of;
    size_t size;
    struct etcd_gang_node *node; /* owned; by rank, without rank 0 */
    struct etcd_state whole;     /* as the claim wrote it */
    struct etcd_cluster cluster; /* owned; as it is in etcd */
    int64_t modified;            /* of it; 0: it is not there */
    bool read, placed, failed;
    size_t begin; /* that is wanted, as what follows */
    char stop[32];
    bool kill;
    int64_t runtime_ms;
    wall_ms_t stop_at;
    bool again_tried, again_refused; /* to queue it again at its end */
    boot_ms_t passed_since;          /* since when something more urgent waits; 0: nothing does */
    int64_t patience_ms;
    int64_t failures;
    struct loop_timer *timer;
    struct etcd_call *call;
    struct etcd_watch *watch;
};

static void turn(void *context);

static void again(struct etcd_gang *g)
{
    g->failures++;
    loop_timer_start(g->timer, etcd_wait_ms(g->failures), 0);
}

static void soon(struct etcd_gang *g)
{
    loop_timer_start(g->timer, 0, 0);
}

static void ask(struct etcd_gang *g, const char *path, const struct strbuf *body, etcd_done done)
{
    struct err e = ERR_INIT;

    g->call = etcd_ask(g->source->client, path, body, false, done, g, &e);
    if (g->call != NULL)
        return;
    log_error("run=%s etcd: %s", g->of->run->id, e.text);
    again(g);
}

/* What was asked is answered. False: it is asked again. */
static bool answered(struct etcd_gang *g, const struct etcd_answer *a)
{
    g->call = NULL;
    etcd_heard(g->source, a);
    if (a->outcome != ETCD_ANSWERED) {
        again(g);
        return false;
    }
    g->failures = 0;
    return true;
}

static bool complete(const struct etcd_gang *g)
{
    for (size_t i = 1; i < g->size; i++)
        if (!g->node[i].known || g->node[i].state.address[0] == '\0')
            return false;
    return true;
}

/* ---- what members say ---- */

static void tell(struct etcd_gang *g, size_t rank)
{
    const struct etcd_state *s = &g->node[rank].state;
    const struct node_report report = {.state = s->state,
                                       .ready = s->ready,
                                       .cause = s->cause,
                                       .details = s->details,
                                       .node = s->node,
                                       .has_exit_code = s->has_exit_code,
                                       .exit_code = s->exit_code,
                                       .started_at = s->started_at,
                                       .finished_at = s->finished_at};

    if (g->placed && g->node[rank].known && !g->node[rank].told) {
        g->node[rank].told = true;
        g->source->hooks.node_changed(g->of->run, rank, &report, g->source->hooks.context);
    }
}

/* Members of other attempts have other names, and are nothing to this one. */
static void take_states(struct etcd_gang *g, const struct etcd_kvs *list)
{
    char folder[ETCD_KEY_MAX];

    etcd_key_states(&g->source->keys, folder);
    for (size_t i = 0; i < list->count; i++) {
        const struct etcd_kv *kv = &list->item[i];
        const char *run = etcd_key_below(kv->key, folder);
        struct run_name name;
        struct etcd_state state;
        struct err e = ERR_INIT;
        if (kv->created == 0 || run == NULL || !etcd_run_parse(run, &name) || name.rank < 1 ||
            (size_t)name.rank >= g->size || name.attempt != g->whole.attempt)
            continue;
        if (etcd_state_read(kv->value, kv->value_size, kv->key, &state, &e) < 0) {
            log_error("etcd: %s", e.text);
            continue;
        }
        g->node[name.rank].known = true;
        g->node[name.rank].told = false;
        g->node[name.rank].state = state;
        tell(g, (size_t)name.rank);
    }
}

static void news(void *context, const struct etcd_kvs *changed)
{
    struct etcd_gang *g = context;

    take_states(g, changed);
    soon(g);
}

static void compacted(void *context)
{
    struct etcd_gang *g = context;

    etcd_watch_stop(g->watch);
    g->watch = NULL;
    g->read = false;
    soon(g);
}

static void watch(struct etcd_gang *g, int64_t revision)
{
    char key[ETCD_KEY_MAX];
    const struct etcd_watch_target target = {
        .key = key, .below = true, .which = ETCD_WATCH_PUTS, .revision = revision + 1};
    const struct etcd_watch_events events = {.news = news, .compacted = compacted, .context = g};
    struct err e = ERR_INIT;

    etcd_key_member_states(&g->source->keys, g->of->key, key);
    g->watch = etcd_watch_start(g->source->wiring.loop, g->source->transfers, g->source->client, &target,
                                &events, &e);
    if (g->watch == NULL) {
        g->read = false;
        again(g);
    }
}

/* ---- reading what is there ---- */

static void was_read(void *context, const struct etcd_answer *a)
{
    struct etcd_gang *g = context;
    AUTO(etcd_kvs) struct etcd_kvs state = {0};
    AUTO(etcd_kvs) struct etcd_kvs cluster = {0};
    AUTO(etcd_kvs) struct etcd_kvs members = {0};
    struct err e = ERR_INIT;

    if (!answered(g, a))
        return;
    etcd_cluster_free(&g->cluster);
    g->cluster = (struct etcd_cluster){.attempt = 1};
    g->modified = 0;
    if (etcd_reply_kvs(a->reply, 0, &state, &e) < 0 || etcd_reply_kvs(a->reply, 1, &cluster, &e) < 0 ||
        etcd_reply_kvs(a->reply, 2, &members, &e) < 0 ||
        (a->reply->succeeded && state.count == 1 &&
         etcd_state_read(state.item[0].value, state.item[0].value_size, "state", &g->whole, &e) < 0) ||
        (cluster.count == 1 && etcd_cluster_read(cluster.item[0].value, cluster.item[0].value_size,
                                                 cluster.item[0].key, &g->cluster, &e) < 0)) {
        log_error("run=%s etcd: %s", g->of->run->id, e.text);
        again(g);
        return;
    }
    /* Without the claim there is nothing to lead: the check of claims says so. */
    if (!a->reply->succeeded || state.count == 0)
        return;
    (void)snprintf(g->whole.node, sizeof(g->whole.node), "%s", g->source->node);
    g->whole.attempt = g->of->name.attempt;
    g->read = true;
    if (cluster.count == 1)
        g->modified = cluster.item[0].modified;
    take_states(g, &members);
    if (g->watch == NULL)
        watch(g, a->reply->revision);
    turn(g);
}

static void ask_read(struct etcd_gang *g)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(16 * ETCD_KEY_MAX);
    const struct etcd_keys *k = &g->source->keys;
    char key[ETCD_KEY_MAX];
    const struct etcd_range members = {.key = key, .below = true};
    struct etcd_txn t;

    etcd_txn_begin(&t, &body);
    etcd_key_claim(k, g->source->node, g->of->key, key);
    etcd_if_created(&t, key, g->of->epoch);
    etcd_then(&t);
    etcd_key_state(k, g->of->key, key);
    etcd_get(&t, key);
    etcd_key_cluster(k, g->of->key, key);
    etcd_get(&t, key);
    etcd_key_member_states(k, g->of->key, key);
    etcd_get_range(&t, &members);
    etcd_txn_end(&t);
    ask(g, ETCD_PATH_TXN, &body, was_read);
}

/* ---- writing ---- */

/* Written or not, what is there now is read. */
static void written(void *context, const struct etcd_answer *a)
{
    struct etcd_gang *g = context;

    if (!answered(g, a))
        return;
    CRASH_POINT("etcd-cluster-written");
    g->read = false;
    turn(g);
}

static void call_members(struct etcd_gang *g)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(ETCD_BODY_MAX);
    const struct etcd_cluster c = {.attempt = g->whole.attempt, .size = (int64_t)g->size};

    log_info("run=%s %zu further nodes are called for", g->of->run->id, g->size - 1);
    etcd_move_call(&g->source->keys, &g->whole, g->of->epoch, &c, &body);
    ask(g, ETCD_PATH_TXN, &body, written);
}

/* All nodes of the run, by rank. */
static int list_nodes(const struct etcd_gang *g, struct cluster *ret)
{
    const struct job *job = &g->of->run->request->job;
    size_t rank = 0;
    int r = 0;

    for (size_t i = 0; i < job->group_count; i++)
        for (int64_t n = 0; r == 0 && n < job->group[i].replicas; n++, rank++)
            r = cluster_add(ret, job->group[i].name,
                            rank == 0 ? g->source->reach.address : g->node[rank].state.address,
                            rank == 0 ? g->source->wiring.node->fqdn : g->node[rank].state.fqdn);
    return r;
}

/* An end that is wanted anew can only be sooner. */
static bool stops_sooner(const struct etcd_gang *g)
{
    return g->stop_at.ms > 0 && (g->cluster.stop_at.ms == 0 || g->stop_at.ms < g->cluster.stop_at.ms);
}

/* Whether something is wanted that is not written yet. */
static bool owes(const struct etcd_gang *g)
{
    const struct etcd_cluster *c = &g->cluster;

    return (size_t)c->begin < g->begin || (g->stop[0] != '\0' && c->stop[0] == '\0') ||
           (g->kill && !c->kill) || (g->runtime_ms > 0 && g->runtime_ms != c->runtime_ms) || stops_sooner(g);
}

static void write_cluster(struct etcd_gang *g)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(ETCD_BODY_MAX);
    AUTO(etcd_cluster)
    struct etcd_cluster next = {.attempt = g->whole.attempt,
                                .size = (int64_t)g->size,
                                .begin = (int64_t)g->begin,
                                .kill = g->kill || g->cluster.kill,
                                .runtime_ms = g->runtime_ms > 0 ? g->runtime_ms : g->cluster.runtime_ms,
                                .stop_at = stops_sooner(g) ? g->stop_at : g->cluster.stop_at};
    bool have = g->cluster.nodes.count > 0;
    int r = have ? cluster_addall(&next.nodes, &g->cluster.nodes) : 0;

    if (!have && complete(g))
        r = list_nodes(g, &next.nodes);
    if (r < 0) {
        log_error("run=%s its nodes cannot be written: %s", g->of->run->id, strerror(-r));
        again(g);
        return;
    }
    if (next.begin < g->cluster.begin)
        next.begin = g->cluster.begin;
    (void)snprintf(next.stop, sizeof(next.stop), "%s",
                   g->cluster.stop[0] != '\0' ? g->cluster.stop : g->stop);
    etcd_move_cluster(&g->source->keys, &g->whole, g->of->epoch, g->modified, &next, &body);
    ask(g, ETCD_PATH_TXN, &body, written);
}

/* ---- giving back ---- */

static void given_back(void *context, const struct etcd_answer *a)
{
    struct etcd_gang *g = context;

    if (!answered(g, a))
        return;
    CRASH_POINT("etcd-given-back");
    if (!a->reply->succeeded) {
        g->read = false;
        turn(g);
        return;
    }
    etcd_say_lost(g->source, g->of, "not all of its nodes were there: it waits in the queue again");
}

static void give_back(struct etcd_gang *g, const char *why)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(ETCD_BODY_MAX);
    struct etcd_state next = g->whole;

    log_notice("run=%s gives its nodes back: %s", g->of->run->id, why);
    /* It was no execution: there may be one more. */
    if (next.attempts < ETCD_ATTEMPTS_MAX)
        next.attempts++;
    next.state = STATE_ACCEPTED;
    next.epoch = next.sequence = 0;
    next.changed_at = clock_wall();
    (void)snprintf(next.details, sizeof(next.details), "Queued again: %s.", why);
    etcd_move_give_back(&g->source->keys, &next, g->of->epoch, g->modified, &body);
    ask(g, ETCD_PATH_TXN, &body, given_back);
}

/* The first who waits is one of ours, or comes after ours: nobody is kept waiting by us. */
static bool first_in_queue(const struct etcd_gang *g, const struct etcd_kvs *queue)
{
    char own[ETCD_KEY_MAX];

    etcd_key_waiting_members(&g->source->keys, g->whole.pool, g->whole.priority, g->whole.submitted_at,
                             g->whole.run, own);
    return queue->count == 0 || strcmp(queue->item[0].key, own) >= 0;
}

static void queue_read(void *context, const struct etcd_answer *a)
{
    struct etcd_gang *g = context;
    AUTO(etcd_kvs) struct etcd_kvs queue = {0};
    struct err e = ERR_INIT;

    if (!answered(g, a))
        return;
    if (etcd_reply_kvs(a->reply, -1, &queue, &e) < 0)
        log_error("etcd: %s", e.text);
    if (first_in_queue(g, &queue)) {
        g->passed_since = (boot_ms_t){0};
    } else if (g->passed_since.ms == 0) {
        g->passed_since = clock_boot();
        g->patience_ms = PATIENCE_MS + (int64_t)(random_u64() % PATIENCE_JITTER_MS);
    } else if (clock_boot().ms - g->passed_since.ms >= g->patience_ms && !complete(g)) {
        give_back(g, "a more urgent run waits for nodes");
        return;
    }
    loop_timer_start(g->timer, complete(g) ? 0 : LOOK_MS, 0);
}

static void look_at_queue(struct etcd_gang *g)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(4 * ETCD_KEY_MAX);
    char key[ETCD_KEY_MAX];
    const struct etcd_range range = {.key = key, .below = true, .limit = 1, .keys_only = true};

    etcd_key_queue(&g->source->keys, g->whole.pool, key);
    etcd_write_range(&range, &body);
    ask(g, ETCD_PATH_RANGE, &body, queue_read);
}

/* A member that ended before all were there. */
static const struct etcd_state *ended_early(const struct etcd_gang *g)
{
    for (size_t i = 1; i < g->size; i++)
        if (g->node[i].known && etcd_state_ended(&g->node[i].state))
            return &g->node[i].state;
    return NULL;
}

static void gather(struct etcd_gang *g)
{
    const struct etcd_state *ended = ended_early(g);
    char why[ERR_TEXT_MAX];

    if (ended == NULL && complete(g)) {
        write_cluster(g);
    } else if (ended == NULL) {
        look_at_queue(g);
    } else if (strcmp(ended->cause, cause_name(CAUSE_LEASE_LOST)) == 0) {
        give_back(g, "one of its nodes was lost before all were there");
    } else {
        (void)snprintf(why, sizeof(why), "the node %.60s ended before all were there: %.300s", ended->run,
                       ended->details);
        g->failed = true;
        g->source->hooks.nodes_failed(g->of->run, why, g->source->hooks.context);
    }
}

/* ---- the turn ---- */

static void say_placed(struct etcd_gang *g)
{
    g->placed = true;
    g->source->hooks.nodes_placed(g->of->run, &g->cluster.nodes, g->source->hooks.context);
    for (size_t i = 1; i < g->size; i++)
        tell(g, i);
}

static void turn(void *context)
{
    struct etcd_gang *g = context;

    if (g->call != NULL || g->of->lost || g->of->ended || g->failed)
        return;
    if (!g->read) {
        ask_read(g);
        return;
    }
    if (g->modified == 0) {
        call_members(g);
        return;
    }
    if (g->cluster.nodes.count > 0 && !g->placed)
        say_placed(g);
    if (g->call != NULL)
        return;
    if (owes(g))
        write_cluster(g);
    else if (g->cluster.nodes.count == 0)
        gather(g);
}

/* ---- what the whole wants ---- */

static struct etcd_gang *gang_new(struct etcd_source *s, struct etcd_run *r)
{
    struct etcd_gang *g = calloc(1, sizeof(*g));

    if (g == NULL)
        return NULL;
    g->source = s;
    g->of = r;
    g->size = (size_t)r->run->request->job.replicas;
    g->node = calloc(g->size, sizeof(*g->node));
    g->timer = loop_timer_new(s->wiring.loop, turn, g);
    if (g->node != NULL && g->timer != NULL)
        return g;
    gang_free(g);
    return NULL;
}

void gang_free(struct etcd_gang *g)
{
    if (g == NULL)
        return;
    etcd_call_stop(g->call);
    etcd_watch_stop(g->watch);
    loop_timer_free(g->timer);
    etcd_cluster_free(&g->cluster);
    free(g->node);
    free(g);
}

void gang_place(struct etcd_source *s, struct etcd_run *r)
{
    char why[128];

    if (r->run->request->job.replicas > ETCD_CLUSTER_MAX) {
        (void)snprintf(why, sizeof(why), "a run over etcd has at most %d nodes, and this one has %lld",
                       ETCD_CLUSTER_MAX, (long long)r->run->request->job.replicas);
        s->hooks.nodes_failed(r->run, why, s->hooks.context);
        return;
    }
    if (r->gang != NULL)
        return;
    r->gang = gang_new(s, r);
    if (r->gang == NULL)
        s->hooks.nodes_failed(r->run, "out of memory", s->hooks.context);
    else
        soon(r->gang);
}

void gang_begin(struct etcd_run *r, size_t below)
{
    struct etcd_gang *g = r->gang;

    if (g == NULL || below <= g->begin)
        return;
    g->begin = below;
    soon(g);
}

void gang_stop(struct etcd_run *r, const char *cause)
{
    struct etcd_gang *g = r->gang;

    if (g == NULL || g->stop[0] != '\0')
        return;
    (void)snprintf(g->stop, sizeof(g->stop), "%s", cause);
    soon(g);
}

void gang_tell(struct etcd_run *r, const struct directive *d)
{
    struct etcd_gang *g = r->gang;
    int64_t at = clock_wall().ms + d->grace_ms;

    if (g == NULL)
        return;
    if (d->kind == DIRECTIVE_DEADLINE)
        g->runtime_ms = d->maximum_runtime_ms;
    else if (d->kind == DIRECTIVE_CANCEL)
        g->kill = g->kill || d->kill;
    else if (g->stop_at.ms == 0 || at < g->stop_at.ms)
        g->stop_at.ms = at;
    soon(g);
}

bool gang_again(struct etcd_run *r, struct strbuf *body)
{
    struct etcd_state *next = &r->report.next;
    struct etcd_gang *g = r->gang;
    char why[sizeof(next->details)];

    if (g == NULL || g->again_refused || next->state != STATE_FAILED ||
        strcmp(next->cause, cause_name(CAUSE_LEASE_LOST)) != 0 || r->lost ||
        next->on_lost != ETCD_LOST_REQUEUE || next->attempt >= next->attempts)
        return false;
    (void)snprintf(why, sizeof(why), "%s", next->details);
    etcd_state_lose(next, false, why, clock_wall());
    etcd_move_give_back(&r->source->keys, next, r->epoch, 0, body);
    g->again_tried = true;
    return true;
}

bool gang_not_again(struct etcd_run *r)
{
    struct etcd_gang *g = r->gang;

    if (g == NULL || !g->again_tried || g->again_refused)
        return false;
    g->again_refused = true;
    return true;
}

void gang_follow(const struct etcd_gang *g)
{
    if (g != NULL)
        etcd_watch_follow(g->watch);
}
