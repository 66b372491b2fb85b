/* exchange.c - see exchange.h. */
#include "io/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/parse.h"
#include "base/strbuf.h"

#define AFTER_SECONDS_MAX (24LL * 3600)

struct exchange {
    struct transfer *transfer;
    struct strbuf body; /* owned */
    struct exchange_answer answer;
    exchange_done done;
    void *context;
};

static void release(struct exchange *x)
{
    strbuf_free(&x->body);
    free(x);
}

/* The value of the header `name` when the line is one. */
static bool value_of(const char *line, size_t n, const char *name, char *ret, size_t size)
{
    size_t at = strlen(name);

    if (n <= at || strncasecmp(line, name, at) != 0 || line[at] != ':')
        return false;
    at++;
    while (at < n && (line[at] == ' ' || line[at] == '\t'))
        at++;
    if (n - at >= size)
        return false;
    memcpy(ret, line + at, n - at);
    ret[n - at] = '\0';
    return true;
}

static void take_header(void *context, const char *line, size_t n)
{
    struct exchange *x = context;
    char value[EXCHANGE_ETAG_MAX];
    uint64_t seconds;

    /* A status line begins a new answer: what came before was an interim one. */
    if (n >= 5 && strncmp(line, "HTTP/", 5) == 0)
        x->answer = (struct exchange_answer){.after_ms = -1};
    else if (value_of(line, n, "ETag", value, sizeof(value)))
        (void)snprintf(x->answer.etag, sizeof(x->answer.etag), "%s", value);
    else if (value_of(line, n, "Date", value, sizeof(x->answer.date)))
        (void)snprintf(x->answer.date, sizeof(x->answer.date), "%.63s", value);
    else if (value_of(line, n, "Content-Type", value, sizeof(value)))
        x->answer.json = strncasecmp(value, "application/json", 16) == 0 ||
                         strncasecmp(value, "application/problem+json", 24) == 0;
    else if (value_of(line, n, "Retry-After", value, sizeof(value)) &&
             parse_u64(value, AFTER_SECONDS_MAX, &seconds) == 0)
        x->answer.after_ms = (int64_t)seconds * 1000;
}

static int take_bytes(void *context, const void *bytes, size_t n)
{
    struct exchange *x = context;

    return strbuf_add(&x->body, bytes, n);
}

static void done(void *context, const struct transfer_result *result)
{
    struct exchange *x = context;
    struct exchange_answer *a = &x->answer;

    a->end = result->end;
    a->status = result->status;
    a->reason = result->end == TRANSFER_REFUSED ? "the answer is longer than it may be" : result->reason;
    a->body = strbuf_str(&x->body);
    a->body_size = x->body.len;
    x->done(x->context, a);
    release(x);
}

struct exchange *exchange_start(struct transfers *t, const struct transfer_request *request, size_t body_max,
                                exchange_done on_done, void *context, struct err *e)
{
    struct exchange *x = calloc(1, sizeof(*x));
    struct transfer_events events = {.header = take_header, .bytes = take_bytes, .done = done, .context = x};

    if (x == NULL) {
        (void)err_oom(e);
        return NULL;
    }
    *x = (struct exchange){
        .body = STRBUF_INIT(body_max), .answer = {.after_ms = -1}, .done = on_done, .context = context};
    x->transfer = transfer_start(t, request, &events, e);
    if (x->transfer == NULL) {
        release(x);
        return NULL;
    }
    return x;
}

void exchange_stop(struct exchange *x)
{
    if (x == NULL)
        return;
    transfer_stop(x->transfer);
    release(x);
}
