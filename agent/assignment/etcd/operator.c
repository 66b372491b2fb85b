/* operator.c - see operator.h. */
#include "assignment/etcd/operator.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assignment/etcd/moves.h"
#include "base/auto.h"
#include "base/backoff.h"
#include "io/random.h"

#define RETRY_BASE_MS 100
#define RETRY_CAP_MS  3000
/* Keys that are read at a time: an answer stays far below what a document may have. */
#define PAGE 500
/* A run changes hands a few times in its life; one that does so at every look is a fault. */
#define CANCEL_TRIES 20

struct etcd_operator {
    struct loop *loop;
    struct transfers *transfers;
    struct etcd_client *client;
    struct loop_timer *again, *limit;
    struct etcd_keys keys;
    int64_t limit_ms;
};

/* What is made of an answer, inside the call that brings it. */
typedef int reading(const struct etcd_reply *reply, void *context, struct err *e);

struct question {
    struct etcd_operator *of;
    const char *path;
    const struct strbuf *body;
    reading *read;
    void *context;
    struct etcd_call *call;
    int64_t failures;
    bool late;
    int result;
    struct err *e;
    char why[512]; /* the last answer that was none */
};

void etcd_operator_free(struct etcd_operator *o)
{
    if (o == NULL)
        return;
    loop_timer_free(o->again);
    loop_timer_free(o->limit);
    etcd_client_free(o->client);
    transfers_free(o->transfers);
    loop_free(o->loop);
    free(o);
}

/* ---- one question ---- */

static void over(struct question *q, int result)
{
    q->result = result;
    loop_stop(q->of->loop);
}

static void answered(void *context, const struct etcd_answer *a)
{
    struct question *q = context;

    q->call = NULL;
    if (a->outcome == ETCD_ANSWERED) {
        over(q, q->read(a->reply, q->context, q->e));
        return;
    }
    (void)snprintf(q->why, sizeof(q->why), "%s", a->why);
    if (a->outcome != ETCD_AWAY) {
        over(q, err_set(q->e, -EPROTO, BLAME_SERVICE, "etcd refuses: %s", q->why));
        return;
    }
    q->failures++;
    loop_timer_start(q->of->again,
                     (uint64_t)backoff_full_jitter(RETRY_BASE_MS, RETRY_CAP_MS, q->failures, random_u64()),
                     0);
}

static void put_question(void *context)
{
    struct question *q = context;

    q->call = etcd_ask(q->of->client, q->path, q->body, false, answered, q, q->e);
    if (q->call == NULL)
        over(q, q->e->code);
}

static void time_over(void *context)
{
    struct question *q = context;

    etcd_call_stop(q->call);
    q->call = NULL;
    over(q, err_set(q->e, -ETIMEDOUT, BLAME_SERVICE, "etcd gave no answer within %lld s: %s",
                    (long long)(q->of->limit_ms / 1000), q->why[0] != '\0' ? q->why : "nothing came"));
}

static int ask(struct etcd_operator *o, const char *path, const struct strbuf *body, reading *read,
               void *context, struct err *e)
{
    struct question q = {.of = o, .path = path, .body = body, .read = read, .context = context, .e = e};

    o->again = loop_timer_new(o->loop, put_question, &q);
    o->limit = loop_timer_new(o->loop, time_over, &q);
    if (o->again == NULL || o->limit == NULL) {
        q.result = err_oom(e);
    } else {
        loop_timer_start(o->again, 0, 0);
        loop_timer_start(o->limit, (uint64_t)o->limit_ms, 0);
        loop_run(o->loop);
    }
    loop_timer_free(o->again);
    loop_timer_free(o->limit);
    o->again = o->limit = NULL;
    return q.result;
}

struct etcd_operator *etcd_operator_new(const struct etcd_settings *settings, const char *prefix,
                                        int64_t limit_ms, struct err *e)
{
    struct etcd_operator *o = calloc(1, sizeof(*o));

    if (o == NULL) {
        (void)err_oom(e);
        return NULL;
    }
    o->limit_ms = limit_ms;
    (void)snprintf(o->keys.prefix, sizeof(o->keys.prefix), "%s", prefix);
    o->loop = loop_new(e);
    o->transfers = o->loop != NULL ? transfers_new(o->loop, e) : NULL;
    o->client = o->transfers != NULL ? etcd_client_new(o->loop, o->transfers, settings, e) : NULL;
    if (o->client != NULL)
        return o;
    etcd_operator_free(o);
    return NULL;
}

/* ---- handing in ---- */

static int read_handed(const struct etcd_reply *reply, void *context, struct err *e)
{
    AUTO(etcd_kvs) struct etcd_kvs found = {0};
    const struct etcd_state *mine = context;
    struct etcd_state there;

    if (reply->succeeded)
        return 1;
    if (etcd_reply_kvs(reply, 0, &found, e) < 0)
        return e->code;
    if (found.count == 1 &&
        etcd_state_read(found.item[0].value, found.item[0].value_size, found.item[0].key, &there, e) < 0)
        return e->code;
    /* By the time of its submission a run knows its own first try. */
    if (found.count == 1 && there.submitted_at.ms == mine->submitted_at.ms)
        return 0;
    return err_set(e, -EEXIST, BLAME_ASSIGNMENT, "there is a run %s already", mine->run);
}

int etcd_operator_submit(struct etcd_operator *o, const struct etcd_state *state,
                         const struct strbuf *document, struct err *e)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(ETCD_BODY_MAX);
    struct etcd_state s = *state;

    if (document->failed != 0 || document->len > ETCD_ASSIGNMENT_MAX)
        return err_set(e, -E2BIG, BLAME_ASSIGNMENT,
                       "the assignment is longer than %u bytes: put what is large where every node can fetch "
                       "it, and name "
                       "that place in the job (a URI)",
                       ETCD_ASSIGNMENT_MAX);
    etcd_move_submit(&o->keys, &s, strbuf_str(document), document->len, &body);
    return ask(o, ETCD_PATH_TXN, &body, read_handed, &s, e);
}

/* ---- reading ---- */

/* Takes one key of a range. */
typedef int taking(const struct etcd_kv *kv, const char *below, void *context, struct err *e);

struct page {
    const char *folder;
    taking *take;
    void *context;
    char next[ETCD_KEY_MAX + 2]; /* where the next page begins; "": there is none */
};

static int read_page(const struct etcd_reply *reply, void *context, struct err *e)
{
    AUTO(etcd_kvs) struct etcd_kvs found = {0};
    struct page *p = context;
    int r = etcd_reply_kvs(reply, -1, &found, e);

    p->next[0] = '\0';
    for (size_t i = 0; r >= 0 && i < found.count; i++) {
        const char *below = etcd_key_below(found.item[i].key, p->folder);
        r = below != NULL ? p->take(&found.item[i], below, p->context, e) : 0;
    }
    /* No byte of a name is as small as the one that makes the next key. */
    if (r >= 0 && found.more && found.count > 0)
        (void)snprintf(p->next, sizeof(p->next), "%s\001", found.item[found.count - 1].key);
    return r;
}

/* Every key below the folder, page by page. */
static int each(struct etcd_operator *o, const char *folder, bool keys_only, taking *take, void *context,
                struct err *e)
{
    struct page p = {.folder = folder, .take = take, .context = context};
    char end[ETCD_KEY_MAX], from[sizeof(p.next)];
    int r;

    etcd_key_end(folder, end);
    (void)snprintf(from, sizeof(from), "%s", folder);
    do {
        AUTO(strbuf) struct strbuf body = STRBUF_INIT(ETCD_RECORD_MAX);
        const struct etcd_range range = {.key = from, .end = end, .limit = PAGE, .keys_only = keys_only};
        etcd_write_range(&range, &body);
        r = ask(o, ETCD_PATH_RANGE, &body, read_page, &p, e);
        (void)snprintf(from, sizeof(from), "%s", p.next);
    } while (r >= 0 && from[0] != '\0');
    return r;
}

struct runs {
    etcd_take_run *take;
    void *context;
};

static int take_state(const struct etcd_kv *kv, const char *below, void *context, struct err *e)
{
    const struct runs *runs = context;
    struct etcd_state state;

    (void)below;
    if (etcd_state_read(kv->value, kv->value_size, kv->key, &state, e) < 0)
        return e->code;
    return runs->take(&state, runs->context, e);
}

int etcd_operator_runs(struct etcd_operator *o, etcd_take_run *take, void *context, struct err *e)
{
    struct runs runs = {.take = take, .context = context};
    char folder[ETCD_KEY_MAX];

    etcd_key_states(&o->keys, folder);
    return each(o, folder, false, take_state, &runs, e);
}

static int read_one(const struct etcd_reply *reply, void *context, struct err *e)
{
    AUTO(etcd_kvs) struct etcd_kvs found = {0};
    struct etcd_state *ret = context;

    if (etcd_reply_kvs(reply, -1, &found, e) < 0)
        return e->code;
    if (found.count == 0)
        return -ENOENT;
    return etcd_state_read(found.item[0].value, found.item[0].value_size, found.item[0].key, ret, e);
}

int etcd_operator_run(struct etcd_operator *o, const char *run, struct etcd_state *ret, struct err *e)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(ETCD_RECORD_MAX);
    char key[ETCD_KEY_MAX];
    int r;

    etcd_key_state(&o->keys, run, key);
    etcd_write_range(&(struct etcd_range){.key = key}, &body);
    r = ask(o, ETCD_PATH_RANGE, &body, read_one, ret, e);
    return r == -ENOENT ? err_set(e, r, BLAME_ASSIGNMENT, "there is no run '%.100s' in this fleet", run) : r;
}

/* ---- cancelling ---- */

/* The revision of the key in the queue; 0: it is not there. */
static int read_waiting(const struct etcd_reply *reply, void *context, struct err *e)
{
    AUTO(etcd_kvs) struct etcd_kvs found = {0};
    int64_t *modified = context;

    if (etcd_reply_kvs(reply, -1, &found, e) < 0)
        return e->code;
    *modified = found.count > 0 ? found.item[0].modified : 0;
    return 0;
}

static int read_success(const struct etcd_reply *reply, void *context, struct err *e)
{
    (void)context;
    (void)e;
    return reply->succeeded ? 1 : 0;
}

/* 1 when the run was ended before it began, 0 when it does not wait. */
static int cancel_waiting(struct etcd_operator *o, const struct etcd_state *state, struct err *e)
{
    AUTO(strbuf) struct strbuf look = STRBUF_INIT(ETCD_RECORD_MAX);
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(ETCD_BODY_MAX);
    struct etcd_state ended = *state;
    char waiting[ETCD_KEY_MAX];
    int64_t modified = 0;
    int r;

    etcd_move_waiting_key(&o->keys, state, waiting);
    etcd_write_range(&(struct etcd_range){.key = waiting, .keys_only = true}, &look);
    r = ask(o, ETCD_PATH_RANGE, &look, read_waiting, &modified, e);
    if (r < 0 || modified == 0)
        return r;
    etcd_state_end(&ended, STATE_CANCELED, cause_name(CAUSE_CANCELLED),
                   "Job run was cancelled before it began.", clock_wall());
    etcd_move_end_waiting(&o->keys, waiting, modified, &ended, &body);
    return ask(o, ETCD_PATH_TXN, &body, read_success, NULL, e);
}

/* 1 when the node that has the run is told, 0 when it has it no longer. */
static int cancel_claimed(struct etcd_operator *o, const struct etcd_state *state, bool kill, struct err *e)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(ETCD_BODY_MAX);
    const struct directive d = {.kind = DIRECTIVE_CANCEL, .kill = kill, .grace_ms = -1};

    if (state->node[0] == '\0')
        return 0;
    etcd_move_direct(&o->keys, state->node, state->run, &d, &body);
    return ask(o, ETCD_PATH_TXN, &body, read_success, NULL, e);
}

int etcd_operator_cancel(struct etcd_operator *o, const char *run, bool kill, struct etcd_state *ret,
                         struct err *e)
{
    for (int i = 0; i < CANCEL_TRIES; i++) {
        int r = etcd_operator_run(o, run, ret, e);
        if (r < 0)
            return r;
        if (etcd_state_ended(ret))
            return -EALREADY;
        r = cancel_waiting(o, ret, e);
        if (r != 0)
            return r;
        r = cancel_claimed(o, ret, kill, e);
        if (r != 0)
            return r < 0 ? r : 0;
    }
    return err_set(e, -EBUSY, BLAME_SERVICE, "run %s changes hands faster than it can be told to stop", run);
}

/* ---- removing ---- */

struct removal {
    const char *run;
    int64_t modified;
};

/* The state of the run, or of a member. */
static int take_ended(const struct etcd_kv *kv, struct removal *removal, struct err *e)
{
    struct etcd_state state;

    if (etcd_state_read(kv->value, kv->value_size, kv->key, &state, e) < 0)
        return e->code;
    if (!etcd_state_ended(&state))
        return err_set(e, -EBUSY, BLAME_ASSIGNMENT, "run %.100s has not ended: it is %s", state.run,
                       state_name(state.state));
    if (strcmp(state.run, removal->run) == 0)
        removal->modified = kv->modified;
    return 0;
}

static int read_removal(const struct etcd_reply *reply, void *context, struct err *e)
{
    AUTO(etcd_kvs) struct etcd_kvs own = {0};
    AUTO(etcd_kvs) struct etcd_kvs members = {0};
    int r = 0;

    if (etcd_reply_kvs(reply, 0, &own, e) < 0 || etcd_reply_kvs(reply, 1, &members, e) < 0)
        return e->code;
    for (size_t i = 0; r == 0 && i < own.count; i++)
        r = take_ended(&own.item[i], context, e);
    for (size_t i = 0; r == 0 && i < members.count; i++)
        r = take_ended(&members.item[i], context, e);
    return r;
}

int etcd_operator_remove(struct etcd_operator *o, const char *run, struct err *e)
{
    AUTO(strbuf) struct strbuf look = STRBUF_INIT(ETCD_RECORD_MAX);
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(ETCD_BODY_MAX);
    char state[ETCD_KEY_MAX], members[ETCD_KEY_MAX];
    struct removal removal = {.run = run};
    struct etcd_txn t;
    int r;

    etcd_key_state(&o->keys, run, state);
    etcd_key_member_states(&o->keys, run, members);
    etcd_txn_begin(&t, &look);
    etcd_then(&t);
    etcd_get(&t, state);
    etcd_get_range(&t, &(struct etcd_range){.key = members, .below = true});
    etcd_txn_end(&t);
    r = ask(o, ETCD_PATH_TXN, &look, read_removal, &removal, e);
    if (r < 0)
        return r;
    if (removal.modified == 0)
        return err_set(e, -ENOENT, BLAME_ASSIGNMENT, "there is no run '%.100s' in this fleet", run);
    etcd_move_remove(&o->keys, run, removal.modified, &body);
    /* When it was not there any more, somebody else removed it. */
    r = ask(o, ETCD_PATH_TXN, &body, read_success, NULL, e);
    return r < 0 ? r : 0;
}

/* ---- nodes ---- */

struct nodes {
    struct strlist holders; /* the node of every claim, in the order of nodes */
    etcd_take_node *take;
    void *context;
};

static int take_claim(const struct etcd_kv *kv, const char *below, void *context, struct err *e)
{
    struct nodes *nodes = context;
    const char *slash = strchr(below, '/');

    (void)kv;
    if (slash != NULL && strlist_addn(&nodes->holders, below, (size_t)(slash - below)) < 0)
        return err_oom(e);
    return 0;
}

static int take_node(const struct etcd_kv *kv, const char *below, void *context, struct err *e)
{
    const struct nodes *nodes = context;
    struct etcd_node node;
    int64_t runs = 0;

    if (etcd_node_read(kv->value, kv->value_size, kv->key, &node, e) < 0)
        return e->code;
    for (size_t i = 0; i < nodes->holders.count; i++)
        runs += strcmp(nodes->holders.item[i], below) == 0;
    return nodes->take(below, &node, runs, nodes->context, e);
}

int etcd_operator_nodes(struct etcd_operator *o, etcd_take_node *take, void *context, struct err *e)
{
    struct nodes nodes = {.take = take, .context = context};
    char folder[ETCD_KEY_MAX];
    int r;

    etcd_key_claims(&o->keys, NULL, folder);
    r = each(o, folder, true, take_claim, &nodes, e);
    etcd_key_nodes(&o->keys, folder);
    if (r >= 0)
        r = each(o, folder, false, take_node, &nodes, e);
    strlist_free(&nodes.holders);
    return r;
}
