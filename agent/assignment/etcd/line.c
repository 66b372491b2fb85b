/* line.c - the next run: a place in the line of nodes with room, and claims by those who stand first. See state.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "assignment/etcd/state.h"
#include "base/auto.h"
#include "base/base64.h"
#include "base/crash_point.h"
#include "io/random.h"

/* So many of the line take runs. Each further one is woken when the one so many places before it has gone. */
#define FRONT 4
/* A run that the node before us does not take for so long is ours to take; and a bit more for each place. */
#define PASSED_MS       1000
#define PASSED_PLACE_MS 300
/* Operations in one transaction: etcd takes 128. */
#define PLACES_MAX 100

/* A watch that has died in silence must not leave a run waiting: who stands first looks this often by itself, the others less. */
#define LOOK_FRONT_MS 5000
#define LOOK_OTHER_MS 30000

static void look(struct etcd_source *s);

static void again(struct etcd_source *s)
{
    s->line.failures++;
    loop_timer_start(s->line.timer, etcd_wait_ms(s->line.failures), 0);
}

/* One question at a time; what cannot even be asked is tried again like one without an answer. */
static void ask(struct etcd_source *s, const char *path, const struct strbuf *body, etcd_done done)
{
    struct err e = ERR_INIT;

    s->line.call = etcd_ask(s->client, path, body, false, done, s, &e);
    if (s->line.call != NULL)
        return;
    log_error("etcd: %s", e.text);
    again(s);
}

static void out_of_line(struct etcd_source *s)
{
    s->line.place[0] = '\0';
    s->line.placed = false;
}

static void stop_watch(struct etcd_source *s)
{
    etcd_watch_stop(s->line.watch);
    s->line.watch = NULL;
    s->line.watches_queue = false;
}

static bool wanted(const struct etcd_source *s)
{
    return s->begun && s->hold.registered && !s->hold.expired && s->claims.checked && s->room > 0;
}

/* ---- claiming ---- */

static void draw_token(char ret[40])
{
    uint64_t bits[2] = {random_u64(), random_u64()};

    hex_encode(bits, sizeof(bits), ret);
}

static void claimed(struct etcd_source *s, int64_t epoch, const struct etcd_kv *document)
{
    struct etcd_line *l = &s->line;

    l->claiming = false;
    l->failures = 0;
    (void)snprintf(l->place, sizeof(l->place), "%s", l->new_place);
    l->placed = l->place[0] != '\0';
    if (!l->placed)
        stop_watch(s);
    if (!claims_take(s, &l->next, epoch, document))
        claims_check(s);
    line_settle(s);
}

static void refused(void *context, const struct etcd_answer *a)
{
    struct etcd_source *s = context;

    s->line.call = NULL;
    etcd_heard(s, a);
    if (a->outcome != ETCD_ANSWERED)
        again(s);
    else
        line_settle(s);
}

/* Takes something out of the queue that nobody can take up, so that it does not stand before the others. state NULL: it is of no
 * run. */
static void refuse(struct etcd_source *s, const char *waiting, int64_t modified, struct etcd_state *state,
                   const char *why)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(8 * ETCD_RECORD_MAX);

    log_error("etcd: %s cannot be taken up: %s", waiting, why);
    if (state != NULL)
        etcd_state_end(state, STATE_FAILED, cause_name(CAUSE_ASSIGNMENT_INVALID), why, clock_wall());
    etcd_move_end_waiting(&s->keys, waiting, modified, state, &body);
    ask(s, ETCD_PATH_TXN, &body, refused);
}

/* The conditions did not hold: somebody else was faster, unless the claim that is there is ours, from a try without an answer. */
static void not_claimed(struct etcd_source *s, const struct etcd_reply *reply)
{
    AUTO(etcd_kvs) struct etcd_kvs claim = {0};
    AUTO(etcd_kvs) struct etcd_kvs document = {0};
    struct etcd_claim there;
    struct err e = ERR_INIT;

    s->line.claiming = false;
    if (etcd_reply_kvs(reply, 0, &claim, &e) < 0 || etcd_reply_kvs(reply, 1, &document, &e) < 0) {
        log_error("etcd: %s", e.text);
        again(s);
        return;
    }
    if (document.count == 0 && claim.count == 0) {
        refuse(s, s->line.waiting, s->line.waiting_modified, &s->line.next, "It has no assignment.");
        return;
    }
    if (claim.count == 1 && document.count == 1 &&
        etcd_claim_read(claim.item[0].value, claim.item[0].value_size, "claim", &there, &e) == 0 &&
        strcmp(there.token, s->line.claim.token) == 0) {
        claimed(s, claim.item[0].created, &document.item[0]);
        return;
    }
    again(s);
}

static void claim_answered(void *context, const struct etcd_answer *a)
{
    struct etcd_source *s = context;
    AUTO(etcd_kvs) struct etcd_kvs document = {0};
    struct err e = ERR_INIT;

    s->line.call = NULL;
    etcd_heard(s, a);
    if (a->outcome != ETCD_ANSWERED) {
        again(s);
        return;
    }
    if (!a->reply->succeeded) {
        not_claimed(s, a->reply);
        return;
    }
    CRASH_POINT("etcd-claim-answered");
    if (etcd_reply_kvs(a->reply, 0, &document, &e) == 0 && document.count == 1) {
        claimed(s, a->reply->revision, &document.item[0]);
        return;
    }
    log_error("etcd: %s", e.text);
    s->line.claiming = false;
    (void)snprintf(s->line.place, sizeof(s->line.place), "%s", s->line.new_place);
    s->line.placed = s->line.place[0] != '\0';
    claims_check(s);
}

static void ask_claim(struct etcd_source *s)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(8 * ETCD_RECORD_MAX);
    struct etcd_line *l = &s->line;
    const struct etcd_claim_move move = {.waiting = l->waiting,
                                         .modified = l->waiting_modified,
                                         .next = &l->next,
                                         .claim = &l->claim,
                                         .place = l->place,
                                         .new_place = l->new_place[0] != '\0' ? l->new_place : NULL,
                                         .lease = s->hold.lease_id};

    etcd_move_claim(&s->keys, &move, &body);
    ask(s, ETCD_PATH_TXN, &body, claim_answered);
}

/* With more room it stands at the end of the line next, so that runs are spread over nodes. */
static void claim(struct etcd_source *s, const struct etcd_kv *waiting)
{
    struct etcd_line *l = &s->line;
    char folder[ETCD_KEY_MAX], run[RUN_ID_BYTES], due[ETCD_KEY_MAX] = "";
    struct run_name name;
    struct err e = ERR_INIT;
    const char *below;
    bool known;

    etcd_key_queue(&s->keys, s->pool, folder);
    below = etcd_key_below(waiting->key, folder);
    if (etcd_state_read(waiting->value, waiting->value_size, waiting->key, &l->next, &e) == 0)
        etcd_move_waiting_key(&s->keys, &l->next, due);
    if (strcmp(due, waiting->key) != 0 || l->next.attempt >= RUN_ATTEMPT_MAX ||
        !etcd_run_parse(l->next.run, &name)) {
        known = below != NULL && etcd_queue_run(below, run);
        l->next = (struct etcd_state){.attempts = 1, .submitted_at = clock_wall()};
        (void)snprintf(l->next.run, sizeof(l->next.run), "%s", known ? run : "");
        (void)snprintf(l->next.pool, sizeof(l->next.pool), "%s", s->pool);
        refuse(s, waiting->key, waiting->modified, known ? &l->next : NULL,
               e.text[0] != '\0' ? e.text : "Its state does not say what its key in the queue does.");
        return;
    }
    (void)snprintf(l->waiting, sizeof(l->waiting), "%s", waiting->key);
    l->waiting_modified = waiting->modified;
    l->next.attempt++;
    l->next.epoch = l->next.sequence = 0;
    l->next.changed_at = clock_wall();
    l->next.details[0] = '\0';
    (void)snprintf(l->next.node, sizeof(l->next.node), "%s", s->node);
    if (etcd_run_is_member(l->next.run)) {
        (void)snprintf(l->next.address, sizeof(l->next.address), "%s", s->reach.address);
        (void)snprintf(l->next.fqdn, sizeof(l->next.fqdn), "%s", s->wiring.node->fqdn);
    }
    l->claim.attempt = l->next.attempt;
    draw_token(l->claim.token);
    l->new_place[0] = '\0';
    if (s->room > 1)
        etcd_key_place(&s->keys, s->pool, clock_wall(), s->node, l->new_place);
    if (strcmp(l->new_place, l->place) == 0)
        l->new_place[0] = '\0';
    l->claiming = true;
    ask_claim(s);
}

/* ---- looking ---- */

static void woken(void *context, const struct etcd_kvs *changed)
{
    struct etcd_source *s = context;

    (void)changed;
    if (s->line.call != NULL)
        s->line.look_again = true;
    else
        look(s);
}

static void compacted(void *context)
{
    struct etcd_source *s = context;

    stop_watch(s);
    woken(s, NULL);
}

static void watch(struct etcd_source *s, const char *key, bool queue, int64_t revision)
{
    const struct etcd_watch_target target = {.key = key,
                                             .below = queue,
                                             .which = queue ? ETCD_WATCH_PUTS : ETCD_WATCH_DELETES,
                                             .revision = revision + 1};
    const struct etcd_watch_events events = {.news = woken, .compacted = compacted, .context = s};
    struct err e = ERR_INIT;

    stop_watch(s);
    s->line.watch = etcd_watch_start(s->wiring.loop, s->transfers, s->client, &target, &events, &e);
    s->line.watches_queue = queue;
    if (s->line.watch == NULL)
        again(s);
}

/* Up to twice as long, so that nodes that came together do not look together. */
static void look_later(struct etcd_source *s, uint64_t ms)
{
    loop_timer_start(s->line.timer, ms + random_u64() % ms, 0);
}

/* Whether the first run in the queue has waited for the nodes before us for too long. */
static bool passed_by(struct etcd_source *s, const struct etcd_kv *first, size_t rank)
{
    struct etcd_line *l = &s->line;
    int64_t patience = PASSED_MS + PASSED_PLACE_MS * (int64_t)rank;

    if (l->passed_modified != first->modified || strcmp(l->passed, first->key) != 0) {
        (void)snprintf(l->passed, sizeof(l->passed), "%s", first->key);
        l->passed_modified = first->modified;
        l->passed_since = clock_boot();
    }
    if (clock_boot().ms - l->passed_since.ms >= patience)
        return true;
    loop_timer_start(l->timer, (uint64_t)(l->passed_since.ms + patience - clock_boot().ms), 0);
    return false;
}

static void at_front(struct etcd_source *s, size_t rank, const struct etcd_kvs *queue, int64_t revision)
{
    char folder[ETCD_KEY_MAX];

    if (rank < queue->count) {
        claim(s, &queue->item[rank]);
        return;
    }
    if (s->line.watch == NULL || !s->line.watches_queue) {
        etcd_key_queue(&s->keys, s->pool, folder);
        watch(s, folder, true, revision);
    }
    look_later(s, LOOK_FRONT_MS);
    if (queue->count > 0 && passed_by(s, &queue->item[0], rank))
        claim(s, &queue->item[0]);
}

/* `before`: this node's place and those before it, the nearest first. */
static void looked(void *context, const struct etcd_answer *a)
{
    struct etcd_source *s = context;
    AUTO(etcd_kvs) struct etcd_kvs before = {0};
    AUTO(etcd_kvs) struct etcd_kvs queue = {0};
    struct err e = ERR_INIT;

    s->line.call = NULL;
    etcd_heard(s, a);
    if (a->outcome != ETCD_ANSWERED || etcd_reply_kvs(a->reply, 0, &before, &e) < 0 ||
        etcd_reply_kvs(a->reply, 1, &queue, &e) < 0) {
        again(s);
        return;
    }
    s->line.failures = 0;
    if (before.count == 0 || strcmp(before.item[0].key, s->line.place) != 0)
        out_of_line(s);
    if (s->line.place[0] == '\0' || !wanted(s)) {
        line_settle(s);
        return;
    }
    if (s->line.look_again) {
        look(s);
        return;
    }
    if (before.count > FRONT) {
        look_later(s, LOOK_OTHER_MS);
        watch(s, before.item[FRONT].key, false, a->reply->revision);
    } else {
        at_front(s, before.count - 1, &queue, a->reply->revision);
    }
}

static void look(struct etcd_source *s)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(16 * ETCD_KEY_MAX);
    char line[ETCD_KEY_MAX], end[ETCD_KEY_MAX + 2], queue[ETCD_KEY_MAX];
    const struct etcd_range before = {
        .key = line, .end = end, .limit = FRONT + 1, .keys_only = true, .descending = true};
    const struct etcd_range waiting = {.key = queue, .below = true, .limit = FRONT};
    struct etcd_txn t;

    loop_timer_stop(s->line.timer);
    s->line.look_again = false;
    etcd_key_line(&s->keys, s->pool, line);
    etcd_key_queue(&s->keys, s->pool, queue);
    /* The range that ends behind this node's own place: no key of ours has a blank. */
    (void)snprintf(end, sizeof(end), "%s ", s->line.place);
    etcd_txn_begin(&t, &body);
    etcd_then(&t);
    etcd_get_range(&t, &before);
    etcd_get_range(&t, &waiting);
    etcd_txn_end(&t);
    ask(s, ETCD_PATH_TXN, &body, looked);
}

/* ---- standing in the line ---- */

static void cleared(void *context, const struct etcd_answer *a)
{
    struct etcd_source *s = context;

    s->line.call = NULL;
    etcd_heard(s, a);
    s->line.cleared = a->outcome == ETCD_ANSWERED;
    if (s->line.cleared)
        line_settle(s);
    else
        again(s);
}

/* Deletes those of the keys that are places. */
static void remove_places(struct etcd_source *s, const struct strlist *keys)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(ETCD_BODY_MAX);
    char lines[ETCD_KEY_MAX];
    struct etcd_txn t;
    size_t count = 0;

    etcd_key_lines(&s->keys, lines);
    etcd_txn_begin(&t, &body);
    etcd_then(&t);
    for (size_t i = 0; i < keys->count && count < PLACES_MAX; i++)
        if (strncmp(keys->item[i], lines, strlen(lines)) == 0) {
            etcd_delete(&t, keys->item[i]);
            count++;
        }
    etcd_txn_end(&t);
    if (count == 0) {
        s->line.cleared = true;
        line_settle(s);
        return;
    }
    ask(s, ETCD_PATH_TXN, &body, cleared);
}

static void leased_keys(void *context, const struct etcd_answer *a)
{
    struct etcd_source *s = context;
    AUTO(strlist) struct strlist keys = {0};
    struct err e = ERR_INIT;

    s->line.call = NULL;
    etcd_heard(s, a);
    if (a->outcome != ETCD_ANSWERED || etcd_reply_leased_keys(a->reply, &keys, &e) < 0)
        again(s);
    else
        remove_places(s, &keys);
}

/* An agent that was killed and is back before its lease ended has left a place in the line, in front of which nobody acts. */
static void clear_places(struct etcd_source *s)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(256);

    etcd_write_leased_keys(s->hold.lease_id, &body);
    ask(s, ETCD_PATH_TIME_TO_LIVE, &body, leased_keys);
}

static void joined(void *context, const struct etcd_answer *a)
{
    struct etcd_source *s = context;

    s->line.call = NULL;
    etcd_heard(s, a);
    if (a->outcome != ETCD_ANSWERED) {
        again(s);
        return;
    }
    if (!a->reply->succeeded) {
        out_of_line(s);
        again(s);
        return;
    }
    s->line.placed = true;
    line_settle(s);
}

static void join(struct etcd_source *s)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(8 * ETCD_KEY_MAX);
    char node[ETCD_KEY_MAX];
    struct etcd_txn t;

    if (s->line.place[0] == '\0')
        etcd_key_place(&s->keys, s->pool, clock_wall(), s->node, s->line.place);
    etcd_key_node(&s->keys, s->node, node);
    etcd_txn_begin(&t, &body);
    etcd_if_leased(&t, node, s->hold.lease_id);
    etcd_then(&t);
    etcd_put(&t, s->line.place, "", 0, s->hold.lease_id);
    etcd_txn_end(&t);
    ask(s, ETCD_PATH_TXN, &body, joined);
}

static void left(void *context, const struct etcd_answer *a)
{
    struct etcd_source *s = context;

    s->line.call = NULL;
    etcd_heard(s, a);
    if (a->outcome != ETCD_ANSWERED) {
        again(s);
        return;
    }
    out_of_line(s);
    line_settle(s);
}

static void leave(struct etcd_source *s)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(4 * ETCD_KEY_MAX);
    struct etcd_txn t;

    stop_watch(s);
    etcd_txn_begin(&t, &body);
    etcd_then(&t);
    etcd_delete(&t, s->line.place);
    etcd_txn_end(&t);
    ask(s, ETCD_PATH_TXN, &body, left);
}

void line_settle(struct etcd_source *s)
{
    struct etcd_line *l = &s->line;

    if (l->call != NULL)
        return;
    if (l->claiming && s->hold.registered)
        ask_claim(s);
    else if (!wanted(s) && l->place[0] != '\0' && s->hold.registered)
        leave(s);
    else if (wanted(s) && !l->cleared)
        clear_places(s);
    else if (wanted(s) && (l->place[0] == '\0' || !l->placed))
        join(s);
    else if (wanted(s))
        look(s);
}

static void turn(void *context)
{
    line_settle(context);
}

void line_forget(struct etcd_source *s)
{
    struct etcd_line *l = &s->line;

    etcd_call_stop(l->call);
    l->call = NULL;
    stop_watch(s);
    loop_timer_stop(l->timer);
    out_of_line(s);
    l->claiming = l->look_again = false;
}

int line_open(struct etcd_source *s, struct err *e)
{
    s->line.timer = loop_timer_new(s->wiring.loop, turn, s);
    return s->line.timer == NULL ? err_oom(e) : 0;
}

void line_close(struct etcd_source *s)
{
    etcd_call_stop(s->line.call);
    stop_watch(s);
    loop_timer_free(s->line.timer);
}
