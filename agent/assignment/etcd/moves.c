/* moves.c - see moves.h. */
#include "assignment/etcd/moves.h"

#include <stdio.h>
#include <string.h>

#include "base/auto.h"

static void put_state(struct etcd_txn *t, const char *key, const struct etcd_state *s)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(ETCD_RECORD_MAX);

    if (etcd_state_write(s, &text) < 0)
        t->w.out->failed = text.failed;
    etcd_put(t, key, strbuf_str(&text), text.len, 0);
}

static void put_run_state(struct etcd_txn *t, const struct etcd_keys *k, const struct etcd_state *s)
{
    char key[ETCD_KEY_MAX];

    etcd_key_state(k, s->run, key);
    put_state(t, key, s);
}

static void put_waiting(struct etcd_txn *t, const struct etcd_keys *k, const struct etcd_state *s)
{
    char key[ETCD_KEY_MAX];

    etcd_move_waiting_key(k, s, key);
    put_state(t, key, s);
}

static void forget_directive(struct etcd_txn *t, const struct etcd_keys *k, const char *node, const char *run)
{
    char key[ETCD_KEY_MAX];

    etcd_key_run_directive(k, node, run, key);
    etcd_delete(t, key);
}

void etcd_move_waiting_key(const struct etcd_keys *k, const struct etcd_state *s, char ret[ETCD_KEY_MAX])
{
    etcd_key_waiting(k, s->pool, s->priority, s->submitted_at, s->run, ret);
}

/* What a run of several nodes has besides: its cluster, and members that nobody has taken. */
static void forget_members(struct etcd_txn *t, const struct etcd_keys *k, const struct etcd_state *s)
{
    char key[ETCD_KEY_MAX];

    if (etcd_run_is_member(s->run))
        return;
    etcd_key_cluster(k, s->run, key);
    etcd_delete(t, key);
    etcd_key_waiting_members(k, s->pool, s->priority, s->submitted_at, s->run, key);
    etcd_delete_below(t, key);
}

void etcd_move_submit(const struct etcd_keys *k, const struct etcd_state *s, const char *assignment, size_t n,
                      struct strbuf *out)
{
    char state[ETCD_KEY_MAX], document[ETCD_KEY_MAX];
    struct etcd_txn t;

    etcd_key_state(k, s->run, state);
    etcd_key_assignment(k, s->run, document);
    etcd_txn_begin(&t, out);
    etcd_if_created(&t, state, 0);
    etcd_if_created(&t, document, 0);
    etcd_then(&t);
    etcd_put(&t, document, assignment, n, 0);
    put_run_state(&t, k, s);
    put_waiting(&t, k, s);
    etcd_else(&t);
    etcd_get(&t, state);
    etcd_txn_end(&t);
}

void etcd_move_claim(const struct etcd_keys *k, const struct etcd_claim_move *m, struct strbuf *out)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(ETCD_RECORD_MAX);
    char claim[ETCD_KEY_MAX], document[ETCD_KEY_MAX], node[ETCD_KEY_MAX];
    struct etcd_txn t;

    etcd_key_claim(k, m->next->node, m->next->run, claim);
    etcd_key_assignment(k, m->next->run, document);
    etcd_key_node(k, m->next->node, node);
    (void)etcd_claim_write(m->claim, &text);
    etcd_txn_begin(&t, out);
    etcd_if_modified(&t, m->waiting, m->modified);
    etcd_if_created(&t, claim, 0);
    etcd_if_exists(&t, document);
    /* A claim of a node that has no key would be nobody's to sweep. */
    etcd_if_leased(&t, node, m->lease);
    etcd_then(&t);
    etcd_get(&t, document);
    etcd_delete(&t, m->waiting);
    etcd_put(&t, claim, strbuf_str(&text), text.len, 0);
    put_run_state(&t, k, m->next);
    etcd_delete(&t, m->place);
    if (m->new_place != NULL)
        etcd_put(&t, m->new_place, "", 0, m->lease);
    etcd_else(&t);
    etcd_get(&t, claim);
    etcd_get(&t, document);
    etcd_txn_end(&t);
}

void etcd_move_report(const struct etcd_keys *k, const struct etcd_state *s, int64_t epoch,
                      struct strbuf *out)
{
    char claim[ETCD_KEY_MAX], state[ETCD_KEY_MAX];
    struct etcd_txn t;

    etcd_key_claim(k, s->node, s->run, claim);
    etcd_key_state(k, s->run, state);
    etcd_txn_begin(&t, out);
    etcd_if_created(&t, claim, epoch);
    etcd_then(&t);
    put_run_state(&t, k, s);
    if (etcd_state_ended(s)) {
        etcd_delete(&t, claim);
        forget_directive(&t, k, s->node, s->run);
        forget_members(&t, k, s);
    }
    etcd_else(&t);
    etcd_get(&t, state);
    etcd_txn_end(&t);
}

void etcd_move_return(const struct etcd_keys *k, const char *node, int64_t epoch,
                      const struct etcd_state *next, struct strbuf *out)
{
    char claim[ETCD_KEY_MAX], directive[ETCD_KEY_MAX];
    struct etcd_txn t;

    etcd_key_claim(k, node, next->run, claim);
    etcd_key_run_directive(k, node, next->run, directive);
    etcd_txn_begin(&t, out);
    etcd_if_created(&t, claim, epoch);
    etcd_if_created(&t, directive, 0);
    etcd_then(&t);
    etcd_delete(&t, claim);
    put_run_state(&t, k, next);
    put_waiting(&t, k, next);
    etcd_txn_end(&t);
}

void etcd_move_end_waiting(const struct etcd_keys *k, const char *waiting, int64_t modified,
                           const struct etcd_state *ended, struct strbuf *out)
{
    struct etcd_txn t;

    etcd_txn_begin(&t, out);
    etcd_if_modified(&t, waiting, modified);
    etcd_then(&t);
    etcd_delete(&t, waiting);
    if (ended != NULL)
        put_run_state(&t, k, ended);
    etcd_txn_end(&t);
}

void etcd_move_direct(const struct etcd_keys *k, const char *node, const char *run, const struct directive *d,
                      struct strbuf *out)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(ETCD_RECORD_MAX);
    char claim[ETCD_KEY_MAX], key[ETCD_KEY_MAX];
    struct etcd_txn t;

    etcd_key_claim(k, node, run, claim);
    etcd_key_run_directive(k, node, run, key);
    (void)etcd_directive_write(d, &text);
    etcd_txn_begin(&t, out);
    etcd_if_exists(&t, claim);
    etcd_then(&t);
    etcd_put(&t, key, strbuf_str(&text), text.len, 0);
    etcd_txn_end(&t);
}

void etcd_move_lose(const struct etcd_keys *k, const struct etcd_lose_move *m, struct strbuf *out)
{
    char claim[ETCD_KEY_MAX], state[ETCD_KEY_MAX], directive[ETCD_KEY_MAX], node[ETCD_KEY_MAX];
    struct etcd_txn t;

    etcd_key_claim(k, m->node, m->next->run, claim);
    etcd_key_state(k, m->next->run, state);
    etcd_key_run_directive(k, m->node, m->next->run, directive);
    etcd_key_node(k, m->node, node);
    etcd_txn_begin(&t, out);
    etcd_if_created(&t, claim, m->epoch);
    etcd_if_modified(&t, state, m->state_modified);
    etcd_if_modified(&t, directive, m->directive_modified);
    if (m->absent)
        etcd_if_created(&t, node, 0);
    etcd_then(&t);
    etcd_delete(&t, claim);
    etcd_delete(&t, directive);
    forget_members(&t, k, m->next);
    put_run_state(&t, k, m->next);
    if (!etcd_state_ended(m->next))
        put_waiting(&t, k, m->next);
    etcd_txn_end(&t);
}

/* ---- runs of several nodes ---- */

static void put_cluster(struct etcd_txn *t, const char *key, const struct etcd_cluster *c)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(ETCD_RECORD_MAX);

    if (etcd_cluster_write(c, &text) < 0)
        t->w.out->failed = text.failed;
    etcd_put(t, key, strbuf_str(&text), text.len, 0);
}

void etcd_state_member(const struct etcd_state *whole, size_t rank, struct etcd_state *ret)
{
    struct run_name name = {.attempt = 1};

    (void)run_name_parse(whole->run, &name);
    name.rank = (int)rank;
    name.attempt = (int)whole->attempt;
    *ret = (struct etcd_state){.priority = whole->priority,
                               .attempts = 1,
                               .submitted_at = whole->submitted_at,
                               .state = STATE_ACCEPTED,
                               .attempt = whole->attempt - 1,
                               .changed_at = whole->submitted_at};
    run_name_format(&name, ret->run);
    memcpy(ret->pool, whole->pool, sizeof(ret->pool));
    memcpy(ret->display_name, whole->display_name, sizeof(ret->display_name));
}

void etcd_move_call(const struct etcd_keys *k, const struct etcd_state *whole, int64_t epoch,
                    const struct etcd_cluster *c, struct strbuf *out)
{
    char claim[ETCD_KEY_MAX], cluster[ETCD_KEY_MAX];
    struct etcd_state member;
    struct etcd_txn t;

    etcd_key_claim(k, whole->node, whole->run, claim);
    etcd_key_cluster(k, whole->run, cluster);
    etcd_txn_begin(&t, out);
    etcd_if_created(&t, claim, epoch);
    etcd_if_created(&t, cluster, 0);
    etcd_then(&t);
    put_cluster(&t, cluster, c);
    for (size_t rank = 1; rank < (size_t)c->size; rank++) {
        etcd_state_member(whole, rank, &member);
        put_waiting(&t, k, &member);
    }
    etcd_txn_end(&t);
}

void etcd_move_cluster(const struct etcd_keys *k, const struct etcd_state *whole, int64_t epoch,
                       int64_t modified, const struct etcd_cluster *c, struct strbuf *out)
{
    char claim[ETCD_KEY_MAX], cluster[ETCD_KEY_MAX];
    struct etcd_txn t;

    etcd_key_claim(k, whole->node, whole->run, claim);
    etcd_key_cluster(k, whole->run, cluster);
    etcd_txn_begin(&t, out);
    etcd_if_created(&t, claim, epoch);
    etcd_if_modified(&t, cluster, modified);
    etcd_then(&t);
    put_cluster(&t, cluster, c);
    etcd_txn_end(&t);
}

void etcd_move_give_back(const struct etcd_keys *k, const struct etcd_state *whole, int64_t epoch,
                         int64_t modified, struct strbuf *out)
{
    char claim[ETCD_KEY_MAX], cluster[ETCD_KEY_MAX], directive[ETCD_KEY_MAX];
    struct etcd_txn t;

    etcd_key_claim(k, whole->node, whole->run, claim);
    etcd_key_cluster(k, whole->run, cluster);
    etcd_key_run_directive(k, whole->node, whole->run, directive);
    etcd_txn_begin(&t, out);
    etcd_if_created(&t, claim, epoch);
    if (modified != 0)
        etcd_if_modified(&t, cluster, modified);
    etcd_if_created(&t, directive, 0);
    etcd_then(&t);
    etcd_delete(&t, claim);
    forget_members(&t, k, whole);
    put_run_state(&t, k, whole);
    put_waiting(&t, k, whole);
    etcd_txn_end(&t);
}

void etcd_move_remove(const struct etcd_keys *k, const char *run, int64_t modified, struct strbuf *out)
{
    char state[ETCD_KEY_MAX], key[ETCD_KEY_MAX];
    struct etcd_txn t;

    etcd_key_state(k, run, state);
    etcd_txn_begin(&t, out);
    etcd_if_modified(&t, state, modified);
    etcd_then(&t);
    etcd_delete(&t, state);
    etcd_key_assignment(k, run, key);
    etcd_delete(&t, key);
    etcd_key_member_states(k, run, key);
    etcd_delete_below(&t, key);
    etcd_txn_end(&t);
}

void etcd_state_end(struct etcd_state *s, enum lifecycle_state state, const char *cause, const char *details,
                    wall_ms_t now)
{
    s->state = state;
    s->has_exit_code = false;
    s->signal = 0;
    s->changed_at = s->finished_at = now;
    (void)snprintf(s->cause, sizeof(s->cause), "%s", cause);
    (void)snprintf(s->details, sizeof(s->details), "%s", details);
}

void etcd_state_again(struct etcd_state *s, const char *why, wall_ms_t now)
{
    s->state = STATE_ACCEPTED;
    s->cause[0] = '\0';
    s->has_exit_code = false;
    s->signal = 0;
    s->epoch = s->sequence = 0;
    s->changed_at = now;
    s->started_at = s->finished_at = (wall_ms_t){0};
    (void)snprintf(s->details, sizeof(s->details), "Queued again: %.600s", why);
}

void etcd_state_lose(struct etcd_state *s, bool cancelled, const char *why, wall_ms_t now)
{
    if (cancelled) {
        etcd_state_end(s, STATE_CANCELED, cause_name(CAUSE_CANCELLED), why, now);
        return;
    }
    if (s->on_lost != ETCD_LOST_REQUEUE || s->attempt >= s->attempts) {
        etcd_state_end(s, STATE_FAILED, cause_name(CAUSE_LEASE_LOST), why, now);
        return;
    }
    etcd_state_again(s, why, now);
}
