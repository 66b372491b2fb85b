/* claims.c - which runs are this node's, see state.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "assignment/etcd/state.h"
#include "assignment/local/submission.h"
#include "base/auto.h"
#include "base/crash_point.h"

#define RUN_FINISHED_NAME "finished" /* of a run that is over, in its folder */

static void take_next(struct etcd_source *s);

static void again(struct etcd_source *s)
{
    s->claims.failures++;
    loop_timer_start(s->claims.timer, etcd_wait_ms(s->claims.failures), 0);
}

static void folder_name(const char *run, int64_t attempt, char ret[RUN_ID_BYTES])
{
    struct run_name name = {.attempt = 1};

    (void)run_name_parse(run, &name);
    if (name.rank < 0)
        name.attempt = (int)attempt;
    run_name_format(&name, ret);
}

/* ---- taking one up ---- */

static void told(void *context, const struct etcd_answer *a)
{
    (void)context;
    if (a->outcome != ETCD_ANSWERED)
        log_warning("etcd: a run that was refused could not be ended: %s", a->why);
}

/* What was executed here before, under another epoch, must not be again: neither its folder nor its end could be told apart. */
static void refuse_repeated(struct etcd_source *s, const struct etcd_state *state, int64_t epoch)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(4 * ETCD_RECORD_MAX);
    struct etcd_state ended = *state;
    struct err e = ERR_INIT;

    log_error("run=%s was executed on this node before: refused", state->run);
    etcd_state_end(&ended, STATE_FAILED, cause_name(CAUSE_ASSIGNMENT_INVALID),
                   "A run of this id was executed on this node before.", clock_wall());
    (void)snprintf(ended.node, sizeof(ended.node), "%s", s->node);
    ended.epoch = epoch;
    etcd_move_report(&s->keys, &ended, epoch, &body);
    if (etcd_ask(s->client, ETCD_PATH_TXN, &body, false, told, NULL, &e) == NULL)
        log_error("run=%s %s", state->run, e.text);
}

/* Whether the folder is another execution's: one that has ended, or one that is in the table under another epoch. */
static bool of_another(struct etcd_source *s, const char *run, const char *name)
{
    char marker[RUN_ID_BYTES + 16];

    (void)snprintf(marker, sizeof(marker), "%s/" RUN_FINISHED_NAME, name);
    return etcd_run_find(s, run, 0) != NULL || faccessat(s->wiring.agent_fd, marker, F_OK, 0) == 0;
}

bool claims_take(struct etcd_source *s, const struct etcd_state *state, int64_t epoch,
                 const struct etcd_kv *document)
{
    CRASH_POINT("etcd-claimed");
    if (etcd_run_is_member(state->run))
        return member_hold(s, state, epoch, document);
    return claims_accept(s, state, epoch, document->value, document->value_size);
}

bool claims_accept(struct etcd_source *s, const struct etcd_state *state, int64_t epoch, const char *text,
                   size_t size)
{
    char name[RUN_ID_BYTES];
    struct received received = {.text = text, .size = size, .origin = ORIGIN_ETCD, .epoch = epoch};
    struct err e = ERR_INIT;
    struct etcd_run *r;
    int put;

    folder_name(state->run, state->attempt, name);
    received.name = name;
    put = submission_put_received(s->wiring.agent_fd, &received, &e);
    CRASH_POINT("etcd-folder-made");
    if (put < 0 && put != -EEXIST) {
        log_error("run=%s cannot be taken up: %s", name, e.text);
        return false;
    }
    if (put == 0)
        s->hooks.assigned(&s->source, name, s->hooks.context);
    r = etcd_run_find(s, state->run, epoch);
    if (r == NULL) {
        if (put == -EEXIST && of_another(s, state->run, name))
            refuse_repeated(s, state, epoch);
        return true;
    }
    r->state = *state;
    r->state_known = true;
    if (s->hold.registered && !r->lost)
        s->hooks.lease_held(r->run, lease_until(&s->hold.lease), s->hooks.context);
    return true;
}

/* ---- claims that no run in the table answers to ---- */

/* The state, the assignment and what is wanted of a claimed run; together, and only while the claim is there. */
static int ask_claimed(struct etcd_source *s, const struct etcd_kv *claim, const char *run, etcd_done done,
                       struct err *e)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(8 * ETCD_KEY_MAX);
    char key[ETCD_KEY_MAX];
    struct etcd_txn t;

    etcd_txn_begin(&t, &body);
    etcd_if_created(&t, claim->key, claim->created);
    etcd_then(&t);
    etcd_key_state(&s->keys, run, key);
    etcd_get(&t, key);
    etcd_key_assignment(&s->keys, run, key);
    etcd_get(&t, key);
    etcd_key_run_directive(&s->keys, s->node, run, key);
    etcd_get(&t, key);
    etcd_txn_end(&t);
    s->claims.call = etcd_ask(s->client, ETCD_PATH_TXN, &body, false, done, s, e);
    return s->claims.call == NULL ? e->code : 0;
}

static void lost_told(void *context, const struct etcd_answer *a)
{
    struct etcd_source *s = context;

    s->claims.call = NULL;
    etcd_heard(s, a);
    if (a->outcome != ETCD_ANSWERED) {
        again(s);
        return;
    }
    s->claims.at++;
    take_next(s);
}

/* Reports of it have come from here, and its folder is not here any more: what it had done is lost, and it may have
 * done much. Its policy decides, as for a lost node. */
static void lose(struct etcd_source *s, const struct etcd_state *state, const struct etcd_kv *state_kv,
                 const struct etcd_kvs *directive)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(8 * ETCD_RECORD_MAX);
    struct etcd_state next = *state;
    struct directive wanted = {0};
    struct err e = ERR_INIT;
    bool cancelled = directive->count == 1 &&
                     etcd_directive_read(directive->item[0].value, directive->item[0].value_size, "directive",
                                         &wanted, &e) == 0 &&
                     wanted.kind == DIRECTIVE_CANCEL;
    const struct etcd_lose_move move = {.node = s->node,
                                        .epoch = s->claims.list.item[s->claims.at].created,
                                        .state_modified = state_kv->modified,
                                        .directive_modified =
                                            directive->count == 1 ? directive->item[0].modified : 0,
                                        .next = &next};

    log_error("run=%s is this node's in etcd, and its folder is lost", state->run);
    etcd_state_lose(&next, cancelled, "The node lost what it kept of the run.", clock_wall());
    etcd_move_lose(&s->keys, &move, &body);
    s->claims.call = etcd_ask(s->client, ETCD_PATH_TXN, &body, false, lost_told, s, &e);
    if (s->claims.call == NULL)
        again(s);
}

static void fetched(void *context, const struct etcd_answer *a)
{
    struct etcd_source *s = context;
    AUTO(etcd_kvs) struct etcd_kvs state_kv = {0};
    AUTO(etcd_kvs) struct etcd_kvs document = {0};
    AUTO(etcd_kvs) struct etcd_kvs directive = {0};
    const struct etcd_kv *claim = &s->claims.list.item[s->claims.at];
    struct etcd_state state;
    struct err e = ERR_INIT;

    s->claims.call = NULL;
    etcd_heard(s, a);
    if (a->outcome != ETCD_ANSWERED) {
        again(s);
        return;
    }
    if (a->reply->succeeded &&
        (etcd_reply_kvs(a->reply, 0, &state_kv, &e) < 0 || etcd_reply_kvs(a->reply, 1, &document, &e) < 0 ||
         etcd_reply_kvs(a->reply, 2, &directive, &e) < 0 ||
         etcd_state_read(state_kv.count == 1 ? state_kv.item[0].value : "",
                         state_kv.count == 1 ? state_kv.item[0].value_size : 0, "state", &state, &e) < 0)) {
        log_error("etcd: %s cannot be taken up: %s", claim->key, e.text);
    } else if (a->reply->succeeded && state.sequence == 0 && document.count == 1) {
        if (!claims_take(s, &state, claim->created, &document.item[0])) {
            again(s);
            return;
        }
    } else if (a->reply->succeeded) {
        lose(s, &state, &state_kv.item[0], &directive);
        return;
    }
    s->claims.at++;
    take_next(s);
}

/* Whether the claim is to be looked into; its run in ret_run. */
static bool unknown_here(struct etcd_source *s, const struct etcd_kv *kv, char ret_run[RUN_ID_BYTES])
{
    char folder[ETCD_KEY_MAX], name[RUN_ID_BYTES];
    struct run_name parsed;
    struct etcd_claim claim;
    struct err e = ERR_INIT;
    const char *run;

    etcd_key_claims(&s->keys, s->node, folder);
    run = etcd_key_below(kv->key, folder);
    if (run == NULL || !etcd_run_parse(run, &parsed) ||
        etcd_claim_read(kv->value, kv->value_size, kv->key, &claim, &e) < 0) {
        log_error("etcd: %s is no claim%s%s", kv->key, e.text[0] != '\0' ? ": " : "", e.text);
        return false;
    }
    (void)snprintf(ret_run, RUN_ID_BYTES, "%s", run);
    if (etcd_run_find(s, run, kv->created) != NULL || member_waits(s, run, kv->created))
        return false;
    /* A folder that is in nobody's hands here is in another process's, or could not be opened: that was said. */
    folder_name(run, claim.attempt, name);
    return faccessat(s->wiring.agent_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 || of_another(s, run, name);
}

static void take_next(struct etcd_source *s)
{
    struct etcd_claims *c = &s->claims;
    char run[RUN_ID_BYTES];
    struct err e = ERR_INIT;

    while (c->at < c->list.count) {
        if (unknown_here(s, &c->list.item[c->at], run)) {
            if (ask_claimed(s, &c->list.item[c->at], run, fetched, &e) < 0)
                again(s);
            return;
        }
        c->at++;
    }
    etcd_kvs_free(&c->list);
    c->at = 0;
    c->checked = true;
    c->failures = 0;
    for (struct etcd_run *r = s->runs; r != NULL; r = r->next)
        if (!r->lost && !r->ended)
            s->hooks.lease_held(r->run, lease_until(&s->hold.lease), s->hooks.context);
    members_settle(s);
    line_settle(s);
}

static bool has_claim(const struct etcd_source *s, const struct etcd_run *r)
{
    char key[ETCD_KEY_MAX];

    etcd_key_claim(&s->keys, s->node, r->key, key);
    for (size_t i = 0; i < s->claims.list.count; i++)
        if (s->claims.list.item[i].created == r->epoch && strcmp(s->claims.list.item[i].key, key) == 0)
            return true;
    return false;
}

static void listed(void *context, const struct etcd_answer *a)
{
    struct etcd_source *s = context;
    struct err e = ERR_INIT;

    s->claims.call = NULL;
    etcd_heard(s, a);
    if (a->outcome == ETCD_ANSWERED && etcd_reply_kvs(a->reply, -1, &s->claims.list, &e) < 0)
        log_error("etcd: %s", e.text);
    if (a->outcome != ETCD_ANSWERED || e.code != 0) {
        again(s);
        return;
    }
    for (struct etcd_run *r = s->runs; r != NULL; r = r->next)
        if (!has_claim(s, r))
            etcd_say_lost(s, r, "its claim in etcd is gone: the node was away for longer than its lease");
    members_check(s, &s->claims.list);
    take_next(s);
}

static void check(void *context)
{
    struct etcd_source *s = context;
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(4 * ETCD_KEY_MAX);
    char folder[ETCD_KEY_MAX];
    const struct etcd_range range = {.key = folder, .below = true};
    struct err e = ERR_INIT;

    if (s->claims.call != NULL || !s->hold.registered)
        return;
    etcd_kvs_free(&s->claims.list);
    s->claims.at = 0;
    etcd_key_claims(&s->keys, s->node, folder);
    etcd_write_range(&range, &body);
    s->claims.call = etcd_ask(s->client, ETCD_PATH_RANGE, &body, false, listed, s, &e);
    if (s->claims.call == NULL)
        again(s);
}

void claims_check(struct etcd_source *s)
{
    s->claims.checked = false;
    etcd_call_stop(s->claims.call);
    s->claims.call = NULL;
    loop_timer_stop(s->claims.timer);
    check(s);
}

int claims_open(struct etcd_source *s, struct err *e)
{
    s->claims.timer = loop_timer_new(s->wiring.loop, check, s);
    return s->claims.timer == NULL ? err_oom(e) : 0;
}

void claims_close(struct etcd_source *s)
{
    etcd_call_stop(s->claims.call);
    etcd_kvs_free(&s->claims.list);
    loop_timer_free(s->claims.timer);
}
