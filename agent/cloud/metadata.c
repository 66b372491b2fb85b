/* metadata.c - see metadata.h. */
#include "cloud/metadata.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

#define BODY_MAX   (1U << 20)
#define CONNECT_MS 2000
#define TOKEN_MAX  256
/* The longest that Amazon gives a token; one that it does not know any more is answered with 401, and got anew. */
#define TOKEN_TTL "X-aws-ec2-metadata-token-ttl-seconds: 21600"

struct metadata {
    struct transfers *transfers; /* borrowed */
    enum cloud_provider provider;
    char endpoint[CLOUD_TEXT_MAX];
    char token[TOKEN_MAX]; /* "": none yet */
};

struct metadata_query {
    struct metadata *metadata; /* borrowed */
    struct exchange *exchange;
    char *path; /* owned */
    int64_t total_ms;
    bool renewed; /* the token, for this query */
    exchange_done done;
    void *context;
};

struct metadata *metadata_new(struct transfers *transfers, enum cloud_provider provider, const char *endpoint)
{
    struct metadata *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return NULL;
    m->transfers = transfers;
    m->provider = provider;
    (void)snprintf(m->endpoint, sizeof(m->endpoint), "%s",
                   endpoint[0] != '\0' ? endpoint : cloud_endpoint(provider));
    return m;
}

void metadata_free(struct metadata *m)
{
    free(m);
}

static void query_free(struct metadata_query *q)
{
    free(q->path);
    free(q);
}

static int start(struct metadata_query *q, const char *method, const char *path, const char *header,
                 exchange_done done, struct err *e)
{
    AUTO(strbuf) struct strbuf url = STRBUF_INIT(4096);
    AUTO(strlist) struct strlist headers = {0};
    const struct transfer_request request = {.method = method,
                                             .headers = &headers,
                                             .connect_ms = CONNECT_MS,
                                             .total_ms = q->total_ms,
                                             .metadata = true,
                                             .direct = true};
    struct transfer_request with_url = request;

    if (strbuf_addf(&url, "%s%s", q->metadata->endpoint, path) < 0 ||
        (header != NULL && strlist_add(&headers, header) < 0))
        return err_oom(e);
    with_url.url = strbuf_str(&url);
    q->exchange = exchange_start(q->metadata->transfers, &with_url, BODY_MAX, done, q, e);
    return q->exchange != NULL ? 0 : e->code;
}

static void finish(struct metadata_query *q, const struct exchange_answer *answer)
{
    q->done(q->context, answer);
    query_free(q);
}

static void cannot(struct metadata_query *q, const struct err *e)
{
    const struct exchange_answer answer = {
        .end = TRANSFER_IMPOSSIBLE, .body = "", .reason = e->text, .after_ms = -1};

    finish(q, &answer);
}

static int ask(struct metadata_query *q, struct err *e);
static int ask_token(struct metadata_query *q, struct err *e);

static void answered(void *context, const struct exchange_answer *answer)
{
    struct metadata_query *q = context;
    struct err e = ERR_INIT;

    if (q->metadata->provider == CLOUD_AWS && answer->status == 401 && !q->renewed) {
        if (ask_token(q, &e) < 0)
            cannot(q, &e);
        return;
    }
    finish(q, answer);
}

static int ask(struct metadata_query *q, struct err *e)
{
    char header[TOKEN_MAX + 64];

    if (q->metadata->provider != CLOUD_AWS)
        return start(q, NULL, q->path, cloud_header(q->metadata->provider), answered, e);
    (void)snprintf(header, sizeof(header), "X-aws-ec2-metadata-token: %s", q->metadata->token);
    return start(q, NULL, q->path, header, answered, e);
}

/* What goes into a header must be one word. */
static bool take_token(struct metadata *m, const struct exchange_answer *answer)
{
    if (answer->end != TRANSFER_COMPLETE || answer->status != 200 || answer->body_size == 0 ||
        answer->body_size >= sizeof(m->token))
        return false;
    for (size_t i = 0; i < answer->body_size; i++)
        if (!isgraph((unsigned char)answer->body[i]))
            return false;
    memcpy(m->token, answer->body, answer->body_size);
    m->token[answer->body_size] = '\0';
    return true;
}

static void token_answered(void *context, const struct exchange_answer *answer)
{
    struct metadata_query *q = context;
    struct err e = ERR_INIT;

    if (!take_token(q->metadata, answer)) {
        finish(q, answer);
        return;
    }
    if (ask(q, &e) < 0)
        cannot(q, &e);
}

static int ask_token(struct metadata_query *q, struct err *e)
{
    q->renewed = true;
    return start(q, "PUT", "/latest/api/token", TOKEN_TTL, token_answered, e);
}

struct metadata_query *metadata_get(struct metadata *m, const char *path, int64_t total_ms,
                                    exchange_done done, void *context, struct err *e)
{
    struct metadata_query *q = calloc(1, sizeof(*q));
    bool token = m->provider == CLOUD_AWS && m->token[0] == '\0';

    if (q == NULL) {
        (void)err_oom(e);
        return NULL;
    }
    *q = (struct metadata_query){
        .metadata = m, .path = strdup(path), .total_ms = total_ms, .done = done, .context = context};
    if (q->path == NULL)
        (void)err_oom(e);
    if (q->path == NULL || (token ? ask_token(q, e) : ask(q, e)) < 0) {
        query_free(q);
        return NULL;
    }
    return q;
}

void metadata_stop(struct metadata_query *q)
{
    if (q == NULL)
        return;
    exchange_stop(q->exchange);
    query_free(q);
}
