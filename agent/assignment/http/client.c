/* client.c - see client.h. */
#include "assignment/http/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assignment/http/credentials.h"
#include "base/auto.h"
#include "base/log.h"
#include "io/retry.h"

#define CONNECT_MS 10000
/* Beyond the time that the server may hold the request. */
#define ANSWER_MS 30000
/* Signatures are refused beyond this, and by then leases of people's understanding go wrong, too. */
#define SKEW_MS (5LL * 60 * 1000)
#define URL_MAX 8192
#define WHY_MAX 512

struct control_client {
    struct http_settings settings;
    struct transfers *transfers; /* owned */
    struct source_state state;
    bool skewed; /* said */
};

struct control_request {
    struct control_client *client;
    struct exchange *exchange; /* owned; NULL between two attempts */
    const char *method;
    char *url, *etag, *retry_token; /* owned */
    struct strbuf body;             /* owned */
    bool has_body;
    int64_t wait_ms;
    size_t answer_max;
    bool again; /* this is the one after 401 */
    boot_ms_t begun;
    call_done done;
    void *context;
};

/* ---- the client ---- */

static int check_settings(const struct http_settings *s, struct err *e)
{
    bool https = strncmp(s->endpoint, "https://", 8) == 0;

    if ((s->cert_file[0] != '\0') != (s->key_file[0] != '\0'))
        return err_set(e, -EINVAL, BLAME_NODE, "http.certFile and http.keyFile go together");
    if (s->cert_file[0] != '\0' && !https)
        return err_set(e, -EINVAL, BLAME_NODE, "http.certFile needs an https:// address in http.endpoint");
    if (strcmp(s->auth, "bearer") == 0 && s->token_file[0] == '\0')
        return err_set(e, -EINVAL, BLAME_NODE, "http.auth is bearer, but http.tokenFile names no file");
    if (strcmp(s->auth, "oci") == 0 && s->oci_config[0] == '\0')
        return err_set(e, -EINVAL, BLAME_NODE, "http.auth is oci, but auth.ociConfig names no file");
    if (!https && strcmp(s->auth, "bearer") == 0)
        log_warning("http.endpoint is not https: the node's token can be read on the way");
    return 0;
}

struct control_client *control_client_new(struct loop *loop, const struct http_settings *settings,
                                          struct err *e)
{
    struct control_client *c;

    if (check_settings(settings, e) < 0)
        return NULL;
    c = calloc(1, sizeof(*c));
    if (c == NULL) {
        (void)err_oom(e);
        return NULL;
    }
    c->settings = *settings;
    c->state.link = SOURCE_LINK_DOWN;
    (void)snprintf(c->state.endpoint, sizeof(c->state.endpoint), "%.255s", settings->endpoint);
    (void)snprintf(c->state.why, sizeof(c->state.why), "it has not been asked yet");
    c->transfers = transfers_new(loop, e);
    if (c->transfers == NULL) {
        free(c);
        return NULL;
    }
    return c;
}

void control_client_free(struct control_client *c)
{
    if (c == NULL)
        return;
    transfers_free(c->transfers);
    free(c);
}

void control_client_describe(const struct control_client *c, struct source_state *ret)
{
    *ret = c->state;
}

/* Said when it changes, not with each of the requests that a dead server costs. */
static void note_link(struct control_client *c, bool up, const char *why)
{
    enum source_link link = up ? SOURCE_LINK_UP : SOURCE_LINK_DOWN;
    bool first = c->state.since.ms == 0;

    if (!first && c->state.link == link)
        return;
    c->state.link = link;
    c->state.since = clock_wall();
    (void)snprintf(c->state.why, sizeof(c->state.why), "%s", up ? "" : why);
    if (!up)
        log_warning("the control plane cannot be used: %s", why);
    else if (!first)
        log_notice("the control plane answers again");
}

static void note_clock(struct control_client *c, const char *date)
{
    wall_ms_t theirs;
    int64_t off;

    if (answer_date(date, &theirs) < 0)
        return;
    off = clock_wall().ms - theirs.ms;
    if (off < 0)
        off = -off;
    if (off <= SKEW_MS) {
        c->skewed = false;
    } else if (!c->skewed) {
        c->skewed = true;
        log_warning("this machine's clock and the control plane's are %lld s apart: signatures and times of "
                    "records will not be believed",
                    (long long)(off / 1000));
    }
}

/* ---- what an answer means ---- */

enum call_end control_meaning(long status, const char *code)
{
    if ((status >= 200 && status <= 299) || status == 304)
        return CALL_DONE;
    /* Without the contract's body it was somebody else who answered: a proxy, a wrong address. */
    if (code[0] == '\0' || retry_status(status, code))
        return CALL_AGAIN;
    return status == 400 || status == 404 || status == 409 || status == 412 || status == 413 || status == 422
               ? CALL_FINAL
               : CALL_AGAIN;
}

static void tell_why(const struct exchange_answer *a, const struct answer_error *error, char ret[WHY_MAX])
{
    if (a->end != TRANSFER_COMPLETE)
        (void)snprintf(ret, WHY_MAX, "%s", a->reason);
    else if (error->code[0] == '\0')
        (void)snprintf(ret, WHY_MAX, "it answered %ld, without an error body", a->status);
    else
        (void)snprintf(ret, WHY_MAX, "it answered %ld (%s): %s", a->status, error->code, error->message);
}

/* ---- one request ---- */

static void request_free(struct control_request *r)
{
    if (r == NULL)
        return;
    free(r->url);
    free(r->etag);
    free(r->retry_token);
    strbuf_free(&r->body);
    free(r);
}

static int ask(struct control_request *r, struct err *e);

static void answered(void *context, const struct exchange_answer *a)
{
    struct control_request *r = context;
    struct control_client *c = r->client;
    struct answer_error error = {0};
    struct call_result result = {.end = CALL_AGAIN, .status = a->status, .after_ms = a->after_ms};
    struct err e = ERR_INIT;
    char why[WHY_MAX] = "";

    r->exchange = NULL;
    if (a->date[0] != '\0')
        note_clock(c, a->date);
    if (a->end == TRANSFER_COMPLETE && a->status == 401 && !r->again) {
        r->again = true;
        if (ask(r, &e) == 0)
            return;
    }
    if (a->end == TRANSFER_COMPLETE && a->status >= 400)
        answer_error(a->body, a->body_size, &error);
    if (a->end == TRANSFER_COMPLETE)
        result.end = control_meaning(a->status, error.code);
    if (result.end != CALL_DONE)
        tell_why(a, &error, why);
    note_link(c, result.end != CALL_AGAIN, why);
    result.body = a->body;
    result.body_size = a->body_size;
    result.etag = a->etag;
    result.code = error.code;
    result.why = why;
    result.elapsed_ms = clock_boot().ms - r->begun.ms;
    r->done(r->context, &result);
    request_free(r);
}

static int add_header(struct strlist *headers, const char *name, const char *value)
{
    AUTO_FREE char *line = NULL;

    if (value == NULL || value[0] == '\0')
        return 0;
    if (asprintf(&line, "%s: %s", name, value) < 0) {
        line = NULL;
        return -ENOMEM;
    }
    return strlist_add(headers, line);
}

static int add_headers(const struct control_request *r, struct strlist *headers, struct err *e)
{
    char wait[40] = "";
    int failed = 0;

    if (r->wait_ms > 0)
        (void)snprintf(wait, sizeof(wait), "wait=%lld", (long long)((r->wait_ms + 999) / 1000));
    failed |= add_header(headers, "Accept", "application/json");
    failed |= add_header(headers, "Content-Type", r->has_body ? CONTROL_CONTENT_TYPE : "");
    failed |= add_header(headers, "Prefer", wait);
    failed |= add_header(headers, "If-None-Match", r->etag);
    failed |= add_header(headers, "opc-retry-token", r->retry_token);
    /* The body goes with the head: a round trip to ask whether it may would cost more than it does. */
    failed |= strlist_add(headers, "Expect:");
    return failed < 0 ? err_oom(e) : 0;
}

/* A name without a value goes as it is: "" means none. */
static const char *or_none(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

static int ask(struct control_request *r, struct err *e)
{
    const struct http_settings *s = &r->client->settings;
    AUTO(strlist) struct strlist headers = {0};
    const struct credentials_request wanted = {.settings = s,
                                               .method = r->method,
                                               .url = r->url,
                                               .body = r->has_body ? &r->body : NULL,
                                               .now = clock_wall()};
    struct transfer_request request = {.method = r->method,
                                       .url = r->url,
                                       .body = r->has_body ? strbuf_str(&r->body) : NULL,
                                       .body_size = r->body.len,
                                       .headers = &headers,
                                       .ca_file = or_none(s->ca_file),
                                       .client_cert = or_none(s->cert_file),
                                       .client_key = or_none(s->key_file),
                                       .connect_ms = CONNECT_MS,
                                       .total_ms = r->wait_ms + ANSWER_MS};

    r->begun = clock_boot();
    if (add_headers(r, &headers, e) < 0 || credentials_add(&wanted, &headers, e) < 0)
        return e->code;
    r->exchange = exchange_start(r->client->transfers, &request, r->answer_max, answered, r, e);
    return r->exchange != NULL ? 0 : e->code;
}

static char *url_of(const struct http_settings *s, const char *path)
{
    AUTO(strbuf) struct strbuf url = STRBUF_INIT(URL_MAX);
    size_t n = strlen(s->endpoint);

    while (n > 0 && s->endpoint[n - 1] == '/')
        n--;
    (void)strbuf_add(&url, s->endpoint, n);
    (void)strbuf_addstr(&url, path);
    return strbuf_take(&url);
}

struct control_request *control_start(struct control_client *c, const struct control_call *call,
                                      call_done done, void *context, struct err *e)
{
    struct control_request *r = calloc(1, sizeof(*r));

    if (r == NULL) {
        (void)err_oom(e);
        return NULL;
    }
    *r = (struct control_request){.client = c,
                                  .method = call->method,
                                  .url = url_of(&c->settings, call->path),
                                  .etag = call->etag != NULL ? strdup(call->etag) : NULL,
                                  .retry_token = call->retry_token != NULL ? strdup(call->retry_token) : NULL,
                                  .body = STRBUF_INIT(call->body != NULL ? call->body->max : 0),
                                  .has_body = call->body != NULL,
                                  .wait_ms = call->wait_ms,
                                  .answer_max = call->answer_max,
                                  .done = done,
                                  .context = context};
    if (call->body != NULL &&
        (call->body->failed != 0 || strbuf_add(&r->body, strbuf_str(call->body), call->body->len) < 0))
        (void)err_set(e, -E2BIG, BLAME_NODE, "what is to be told does not fit into a request");
    else if (r->url == NULL || (call->etag != NULL && r->etag == NULL) ||
             (call->retry_token != NULL && r->retry_token == NULL))
        (void)err_oom(e);
    else if (ask(r, e) == 0)
        return r;
    note_link(c, false, e->text);
    request_free(r);
    return NULL;
}

void control_stop(struct control_request *r)
{
    if (r == NULL)
        return;
    exchange_stop(r->exchange);
    request_free(r);
}
