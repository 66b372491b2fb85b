/*
 * member.c - nodes of runs of several that this node has: each waits, holding its place, until all are known and it may begin; and ends
 * when the others do. See state.h.
 *
 * It looks at clusters/RUN alone. What waits has no folder: after a restart it is found again by its claim.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assignment/etcd/state.h"
#include "base/auto.h"
#include "base/crash_point.h"
#include "format/read.h"
#include "job/assignment.h"

struct etcd_member {
    struct etcd_source *source;
    struct run_name name;
    char key[RUN_ID_BYTES];
    int64_t epoch;           /* of its claim */
    bool waits;              /* it has no folder yet */
    struct etcd_state state; /* while it waits */
    char *document;          /* owned, of the whole; while it waits */
    size_t document_size;
    bool seen;                   /* `cluster` is what is there */
    struct etcd_cluster cluster; /* owned */
    bool gone;                   /* the whole is over, or was given back */
    char told[32];               /* for what it was told to end; "": it was not */
    bool told_kill;
    int64_t told_runtime_ms, told_stop_at_ms; /* 0: nothing of it */
    int64_t failures;
    struct loop_timer *timer;
    struct etcd_call *call;
    struct etcd_watch *watch;
    struct etcd_member *next;
};

static void settle(struct etcd_member *m);

static void again(struct etcd_member *m)
{
    m->failures++;
    loop_timer_start(m->timer, etcd_wait_ms(m->failures), 0);
}

static void member_free(struct etcd_member *m)
{
    etcd_call_stop(m->call);
    etcd_watch_stop(m->watch);
    loop_timer_free(m->timer);
    etcd_cluster_free(&m->cluster);
    free(m->document);
    free(m);
}

/* From the list as well. */
static void drop(struct etcd_member *m)
{
    struct etcd_source *s = m->source;
    struct etcd_member **at = &s->members;

    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    member_free(m);
    etcd_settle_room(s);
}

static struct etcd_member *find(const struct etcd_source *s, const char *run, int64_t epoch)
{
    struct etcd_member *m = s->members;

    while (m != NULL && (m->epoch != epoch || strcmp(m->key, run) != 0))
        m = m->next;
    return m;
}

/* ---- ending ---- */

static void end_told(void *context, const struct etcd_answer *a)
{
    struct etcd_member *m = context;

    m->call = NULL;
    etcd_heard(m->source, a);
    if (a->outcome != ETCD_ANSWERED)
        again(m);
    else
        drop(m); /* when the claim was not there, it is over as well */
}

/* One that never began gives its place back. */
static void end_waiting(struct etcd_member *m, const char *cause, const char *details)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(4 * ETCD_RECORD_MAX);
    struct etcd_state ended = m->state;
    bool cancelled = strcmp(cause, cause_name(CAUSE_CANCELLED)) == 0;
    struct err e = ERR_INIT;

    etcd_state_end(&ended, cancelled ? STATE_CANCELED : STATE_FAILED, cause, details, clock_wall());
    (void)snprintf(ended.node, sizeof(ended.node), "%s", m->source->node);
    ended.epoch = m->epoch;
    etcd_move_report(&m->source->keys, &ended, m->epoch, &body);
    m->call = etcd_ask(m->source->client, ETCD_PATH_TXN, &body, false, end_told, m, &e);
    if (m->call == NULL)
        again(m);
}

static void stop_run(struct etcd_member *m, const char *cause)
{
    struct etcd_run *r = etcd_run_find(m->source, m->key, m->epoch);

    if (r == NULL || strcmp(m->told, cause) == 0)
        return;
    (void)snprintf(m->told, sizeof(m->told), "%s", cause);
    m->source->hooks.node_stop(r->run, cause, m->source->hooks.context);
}

static void say(struct etcd_member *m, struct etcd_run *r, const struct directive *d)
{
    m->source->hooks.directive(r->run, d, m->source->hooks.context);
}

/* What is wanted of the jobs. After a restart it is said once more, which changes nothing. */
static void pass_on(struct etcd_member *m)
{
    const struct etcd_cluster *c = &m->cluster;
    struct etcd_run *r = etcd_run_find(m->source, m->key, m->epoch);
    int64_t left = c->stop_at.ms - clock_wall().ms;

    if (r == NULL || r->ended)
        return;
    if (c->runtime_ms > 0 && c->runtime_ms != m->told_runtime_ms)
        say(m, r, &(struct directive){.kind = DIRECTIVE_DEADLINE, .maximum_runtime_ms = c->runtime_ms});
    if (c->stop_at.ms > 0 && c->stop_at.ms != m->told_stop_at_ms)
        say(m, r, &(struct directive){.kind = DIRECTIVE_STOP, .grace_ms = left > 0 ? left : 0});
    if (c->kill && !m->told_kill)
        say(m, r, &(struct directive){.kind = DIRECTIVE_CANCEL, .kill = true});
    m->told_runtime_ms = c->runtime_ms;
    m->told_stop_at_ms = c->stop_at.ms;
    m->told_kill = c->kill;
}

/* ---- beginning ---- */

/* The assignment of this rank. 0 or negative with *e. */
static int make_document(const struct etcd_member *m, struct strbuf *out, struct err *e)
{
    AUTO(diag) struct diag_list diags = {.file = "assignment"};
    AUTO(node) struct node *root = json_read(m->document, m->document_size, &diags);
    AUTO(job_request) struct job_request request = {0};
    AUTO(cluster) struct cluster nodes = {0};
    int64_t epoch = 0;
    int r = root != NULL ? assignment_read(root, &request, &epoch, &diags) : -EINVAL;

    if (r == 0)
        r = cluster_addall(&nodes, &m->cluster.nodes);
    (void)snprintf(nodes.interface, sizeof(nodes.interface), "%s", m->source->reach.interface);
    if (r == 0)
        r = assignment_write_member(&request, &nodes, (size_t)m->name.rank, m->epoch, out);
    return r < 0 ? err_set(e, r, BLAME_ASSIGNMENT, "the assignment of the whole cannot be that of rank %d",
                           m->name.rank)
                 : 0;
}

static void begin(struct etcd_member *m)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(DOCUMENT_BYTES_MAX);
    struct etcd_source *s = m->source;
    struct etcd_state state = m->state;
    char key[RUN_ID_BYTES];
    int64_t epoch = m->epoch;
    struct err e = ERR_INIT;

    /* By its own clock the node may have lost it. */
    if (!s->hold.registered || s->hold.expired || !s->claims.checked)
        return;
    if (make_document(m, &text, &e) < 0) {
        end_waiting(m, cause_name(CAUSE_ASSIGNMENT_INVALID), e.text);
        return;
    }
    (void)snprintf(key, sizeof(key), "%s", m->key);
    CRASH_POINT("etcd-member-begins");
    if (!claims_accept(s, &state, epoch, text.data, text.len)) {
        again(m);
        return;
    }
    /* One that did not come into the table was refused, and that is told. */
    m = find(s, key, epoch);
    if (m != NULL && m->waits)
        drop(m);
}

static void settle(struct etcd_member *m)
{
    const char *cause = m->gone ? cause_name(CAUSE_GROUP_FAILED) : m->cluster.stop;

    if (!m->seen || m->call != NULL)
        return;
    pass_on(m);
    if (cause[0] != '\0' && m->waits)
        end_waiting(m, cause, "Job run node had not begun when the run ended on all of them.");
    else if (cause[0] != '\0')
        stop_run(m, cause);
    else if (m->waits && m->cluster.nodes.count > 0 && m->cluster.begin > m->name.rank)
        begin(m);
}

/* ---- reading and watching the cluster ---- */

/* NULL: there is none. */
static void take(struct etcd_member *m, const struct etcd_kv *kv)
{
    struct err e = ERR_INIT;

    etcd_cluster_free(&m->cluster);
    m->cluster = (struct etcd_cluster){.attempt = 1};
    if (kv != NULL && etcd_cluster_read(kv->value, kv->value_size, kv->key, &m->cluster, &e) < 0) {
        log_error("run=%s etcd: %s", m->key, e.text);
        return;
    }
    m->seen = true;
    m->gone = m->gone || kv == NULL || m->cluster.attempt != m->name.attempt;
}

static void news(void *context, const struct etcd_kvs *changed)
{
    struct etcd_member *m = context;

    for (size_t i = 0; i < changed->count; i++)
        take(m, changed->item[i].created != 0 ? &changed->item[i] : NULL);
    loop_timer_start(m->timer, 0, 0);
}

static void compacted(void *context)
{
    struct etcd_member *m = context;

    etcd_watch_stop(m->watch);
    m->watch = NULL;
    m->seen = false;
    loop_timer_start(m->timer, 0, 0);
}

static void watch(struct etcd_member *m, int64_t revision)
{
    char key[ETCD_KEY_MAX];
    const struct etcd_watch_target target = {.key = key, .which = ETCD_WATCH_ALL, .revision = revision + 1};
    const struct etcd_watch_events events = {.news = news, .compacted = compacted, .context = m};
    struct err e = ERR_INIT;

    etcd_key_cluster(&m->source->keys, m->key, key);
    m->watch = etcd_watch_start(m->source->wiring.loop, m->source->transfers, m->source->client, &target,
                                &events, &e);
    if (m->watch != NULL)
        return;
    log_error("run=%s etcd: %s", m->key, e.text);
    m->seen = false;
    again(m);
}

static void was_read(void *context, const struct etcd_answer *a)
{
    struct etcd_member *m = context;
    AUTO(etcd_kvs) struct etcd_kvs there = {0};
    struct err e = ERR_INIT;

    m->call = NULL;
    etcd_heard(m->source, a);
    if (a->outcome != ETCD_ANSWERED || etcd_reply_kvs(a->reply, -1, &there, &e) < 0) {
        again(m);
        return;
    }
    m->failures = 0;
    take(m, there.count == 1 ? &there.item[0] : NULL);
    if (m->watch == NULL)
        watch(m, a->reply->revision);
    settle(m);
}

static void turn(void *context)
{
    struct etcd_member *m = context;
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(4 * ETCD_KEY_MAX);
    char key[ETCD_KEY_MAX];
    const struct etcd_range range = {.key = key};
    struct err e = ERR_INIT;

    if (m->call != NULL)
        return;
    if (m->seen) {
        settle(m);
        return;
    }
    etcd_key_cluster(&m->source->keys, m->key, key);
    etcd_write_range(&range, &body);
    m->call = etcd_ask(m->source->client, ETCD_PATH_RANGE, &body, false, was_read, m, &e);
    if (m->call == NULL)
        again(m);
}

/* ---- which there are ---- */

static struct etcd_member *add(struct etcd_source *s, const char *run, int64_t epoch)
{
    struct etcd_member *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return NULL;
    m->source = s;
    m->epoch = epoch;
    (void)run_name_parse(run, &m->name);
    (void)snprintf(m->key, sizeof(m->key), "%s", run);
    m->timer = loop_timer_new(s->wiring.loop, turn, m);
    if (m->timer == NULL) {
        free(m);
        return NULL;
    }
    m->next = s->members;
    s->members = m;
    loop_timer_start(m->timer, 0, 0);
    return m;
}

bool member_hold(struct etcd_source *s, const struct etcd_state *state, int64_t epoch,
                 const struct etcd_kv *document)
{
    struct etcd_member *m = find(s, state->run, epoch);

    if (m != NULL)
        return true;
    m = add(s, state->run, epoch);
    if (m == NULL)
        return false;
    m->waits = true;
    m->state = *state;
    m->document = malloc(document->value_size + 1);
    if (m->document == NULL) {
        drop(m);
        return false;
    }
    memcpy(m->document, document->value, document->value_size);
    m->document[document->value_size] = '\0';
    m->document_size = document->value_size;
    log_info("run=%s is held for this node until all of its nodes are there", m->key);
    etcd_settle_room(s);
    return true;
}

void member_attend(struct etcd_source *s, struct etcd_run *r)
{
    struct etcd_member *m;

    if (r->name.rank < 0)
        return;
    m = find(s, r->key, r->epoch);
    if (m == NULL)
        m = add(s, r->key, r->epoch);
    if (m == NULL) {
        log_error("run=%s is not told when the others end: out of memory", r->key);
        return;
    }
    m->waits = false;
    free(m->document);
    m->document = NULL;
    loop_timer_start(m->timer, 0, 0);
}

void member_leave(struct etcd_source *s, struct etcd_run *r)
{
    struct etcd_member *m = find(s, r->key, r->epoch);

    if (m != NULL && !m->waits)
        drop(m);
}

bool member_waits(const struct etcd_source *s, const char *run, int64_t epoch)
{
    const struct etcd_member *m = find(s, run, epoch);

    return m != NULL && m->waits;
}

size_t members_waiting(const struct etcd_source *s)
{
    size_t count = 0;

    for (const struct etcd_member *m = s->members; m != NULL; m = m->next)
        count += m->waits;
    return count;
}

void members_check(struct etcd_source *s, const struct etcd_kvs *claims)
{
    struct etcd_member *next;

    for (struct etcd_member *m = s->members; m != NULL; m = next) {
        char key[ETCD_KEY_MAX];
        bool there = false;
        next = m->next;
        etcd_key_claim(&s->keys, s->node, m->key, key);
        for (size_t i = 0; i < claims->count && !there; i++)
            there = claims->item[i].created == m->epoch && strcmp(claims->item[i].key, key) == 0;
        if (m->waits && !there)
            drop(m);
    }
}

void members_settle(struct etcd_source *s)
{
    for (struct etcd_member *m = s->members; m != NULL; m = m->next)
        if (m->waits)
            loop_timer_start(m->timer, 0, 0);
}

void members_follow(struct etcd_source *s)
{
    for (const struct etcd_member *m = s->members; m != NULL; m = m->next)
        etcd_watch_follow(m->watch);
}

void members_close(struct etcd_source *s)
{
    struct etcd_member *next;

    for (struct etcd_member *m = s->members; m != NULL; m = next) {
        next = m->next;
        member_free(m);
    }
    s->members = NULL;
}
