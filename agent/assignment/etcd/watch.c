/* watch.c - see watch.h. */
#include "assignment/etcd/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assignment/etcd/keys.h"
#include "base/auto.h"
#include "base/backoff.h"
#include "base/log.h"
#include "io/random.h"

#define RETRY_BASE_MS 100
#define RETRY_CAP_MS  10000
/* etcd speaks every ten minutes on a quiet watch that asked for it. */
#define SILENCE_MS   (15LL * 60 * 1000)
#define SILENT_BYTES 1
/* One line, and pieces of the next. */
#define BUFFER_MAX  (2 * DOCUMENT_BYTES_MAX)
#define ADDRESS_MAX 512

struct etcd_watch {
    struct transfers *transfers; /* borrowed */
    struct etcd_client *client;  /* borrowed */
    char key[ETCD_KEY_MAX];
    struct etcd_watch_target target; /* its revision is that of the next change */
    struct etcd_watch_events events;
    struct transfer *transfer; /* owned; NULL between tries */
    struct etcd_call *knock;   /* owned: makes the client get a token */
    struct strbuf lines;       /* owned: what came and was not looked at */
    struct loop_timer *look;   /* what came is looked at outside of the transfer's callbacks */
    struct loop_timer *retry;
    int64_t failures;
    char endpoint[ADDRESS_MAX];
    uint64_t connection; /* number of the present one: what is left of an earlier one means nothing */
    bool over;           /* it has ended, and its last lines are still to be looked at */
    bool looking, stopped;
    char why[ADDRESS_MAX];
};

static void connect_to(void *context);

static void release(struct etcd_watch *w)
{
    transfer_stop(w->transfer);
    etcd_call_stop(w->knock);
    loop_timer_free(w->look);
    loop_timer_free(w->retry);
    strbuf_free(&w->lines);
    free(w);
}

static void again(struct etcd_watch *w, const char *why)
{
    w->failures++;
    log_debug("etcd: the watch of %s is opened again: %s", w->key, why);
    loop_timer_start(
        w->retry, (uint64_t)backoff_full_jitter(RETRY_BASE_MS, RETRY_CAP_MS, w->failures, random_u64()), 0);
}

/* ---- what comes ---- */

static void drop(struct etcd_watch *w)
{
    transfer_stop(w->transfer);
    w->transfer = NULL;
    w->connection++;
    w->over = false;
    loop_timer_stop(w->look);
    strbuf_reset(&w->lines);
}

static void ended(struct etcd_watch *w, const char *why)
{
    char text[ADDRESS_MAX];

    (void)snprintf(text, sizeof(text), "%s", why);
    drop(w);
    again(w, text);
}

/* The header's revision may be ahead of events that are still to come: only those that came move the watch on. */
static void move_on(struct etcd_watch *w, const struct etcd_news *n)
{
    int64_t seen = n->kvs.count > 0 ? n->kvs.item[n->kvs.count - 1].modified : 0;

    if (seen >= w->target.revision)
        w->target.revision = seen + 1;
}

static void take_news(struct etcd_watch *w, const struct etcd_news *n)
{
    if (n->compacted > 0) {
        drop(w);
        w->events.compacted(w->events.context);
        return;
    }
    if (n->failed || n->canceled) {
        if (etcd_failure_of_token(&n->failure))
            etcd_client_token_refused(w->client);
        else
            etcd_client_left(w->client, w->endpoint);
        ended(w, n->failure.message);
        return;
    }
    w->failures = 0;
    move_on(w, n);
    if (n->kvs.count > 0)
        w->events.news(w->events.context, &n->kvs);
}

/* One line. False: nothing more is to be looked at. */
static bool take_line(struct etcd_watch *w, const char *line, size_t n)
{
    AUTO(etcd_news) struct etcd_news news = {0};
    struct err e = ERR_INIT;
    uint64_t connection = w->connection;

    if (n == 0)
        return true;
    if (etcd_news_read(line, n, &news, &e) < 0)
        ended(w, e.text);
    else
        take_news(w, &news);
    return !w->stopped && w->connection == connection;
}

static void look(void *context)
{
    struct etcd_watch *w = context;
    size_t at = 0;
    bool more = true;

    w->looking = true;
    while (more) {
        const char *text = strbuf_str(&w->lines) + at;
        const char *newline = memchr(text, '\n', w->lines.len - at);
        if (newline == NULL)
            break;
        at += (size_t)(newline - text) + 1;
        more = take_line(w, text, (size_t)(newline - text));
    }
    w->looking = false;
    if (w->stopped)
        release(w);
    else if (more && w->over)
        ended(w, w->why);
    else if (more)
        strbuf_consume(&w->lines, at);
}

static int bytes(void *context, const void *p, size_t n)
{
    struct etcd_watch *w = context;

    loop_timer_start(w->look, 0, 0);
    return strbuf_add(&w->lines, p, n);
}

/* An error before the stream begins has no newline at its end. */
static void done(void *context, const struct transfer_result *result)
{
    struct etcd_watch *w = context;
    struct etcd_failure failure;

    w->transfer = NULL;
    if (result->end == TRANSFER_COMPLETE && result->status != 200) {
        etcd_failure_read(strbuf_str(&w->lines), w->lines.len, &failure);
        if (etcd_failure_of_token(&failure))
            etcd_client_token_refused(w->client);
        strbuf_reset(&w->lines);
    }
    etcd_client_left(w->client, w->endpoint);
    (void)snprintf(w->why, sizeof(w->why), "%s",
                   result->end == TRANSFER_COMPLETE ? "it came to an end" : result->reason);
    w->over = true;
    loop_timer_start(w->look, 0, 0);
}

/* ---- connecting ---- */

static void knocked(void *context, const struct etcd_answer *answer)
{
    struct etcd_watch *w = context;

    w->knock = NULL;
    if (answer->outcome == ETCD_ANSWERED)
        connect_to(w);
    else
        again(w, answer->why);
}

/* The client gets itself a token when it is asked something. */
static int knock(struct etcd_watch *w, struct err *e)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(4 * ETCD_KEY_MAX);
    const struct etcd_range range = {.key = w->key, .limit = 1, .keys_only = true};

    etcd_write_range(&range, &body);
    w->knock = etcd_ask(w->client, ETCD_PATH_RANGE, &body, false, knocked, w, e);
    return w->knock == NULL ? e->code : 0;
}

static int start(struct etcd_watch *w, struct err *e)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(4 * ETCD_KEY_MAX);
    const struct transfer_events events = {.bytes = bytes, .done = done, .context = w};
    struct transfer_request request;
    char url[ADDRESS_MAX];

    if (etcd_client_address(w->client, ETCD_PATH_WATCH, url, sizeof(url), &request, e) < 0)
        return knock(w, e);
    (void)snprintf(w->endpoint, sizeof(w->endpoint), "%s", etcd_client_endpoint(w->client));
    etcd_write_watch(w->key, w->target.below, w->target.which, w->target.revision, &body);
    request.body = strbuf_str(&body);
    request.body_size = body.len;
    request.stall_ms = SILENCE_MS;
    request.stall_bytes = SILENT_BYTES;
    request.total_ms = 0;
    w->transfer = transfer_start(w->transfers, &request, &events, e);
    return w->transfer == NULL ? e->code : 0;
}

static void connect_to(void *context)
{
    struct etcd_watch *w = context;
    struct err e = ERR_INIT;

    if (w->transfer == NULL && w->knock == NULL && start(w, &e) < 0)
        again(w, e.text);
}

struct etcd_watch *etcd_watch_start(struct loop *loop, struct transfers *transfers,
                                    struct etcd_client *client, const struct etcd_watch_target *target,
                                    const struct etcd_watch_events *events, struct err *e)
{
    struct etcd_watch *w = calloc(1, sizeof(*w));

    if (w == NULL) {
        (void)err_oom(e);
        return NULL;
    }
    *w = (struct etcd_watch){.transfers = transfers,
                             .client = client,
                             .target = *target,
                             .events = *events,
                             .lines = STRBUF_INIT(BUFFER_MAX)};
    (void)snprintf(w->key, sizeof(w->key), "%s", target->key);
    w->target.key = w->key;
    w->look = loop_timer_new(loop, look, w);
    w->retry = loop_timer_new(loop, connect_to, w);
    if (w->look == NULL || w->retry == NULL) {
        (void)err_oom(e);
        release(w);
        return NULL;
    }
    loop_timer_start(w->retry, 0, 0);
    return w;
}

void etcd_watch_stop(struct etcd_watch *w)
{
    if (w == NULL)
        return;
    w->stopped = true;
    if (!w->looking)
        release(w);
}

void etcd_watch_follow(struct etcd_watch *w)
{
    if (w == NULL || w->transfer == NULL || w->looking ||
        strcmp(w->endpoint, etcd_client_endpoint(w->client)) == 0)
        return;
    drop(w);
    loop_timer_start(w->retry, 0, 0);
}
