/* client.c - see client.h. */
#include "assignment/etcd/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "io/exchange.h"
#include "io/random.h"
#include "sys/fd.h"

#define PASSWORD_MAX 4096
/* An answer that comes slower than this is none. */
#define STALL_BYTES 1
#define TEXT_MAX    512

struct etcd_call {
    struct etcd_client *client;
    const char *path;
    struct strbuf body; /* owned */
    size_t tried;       /* endpoints that did not answer */
    bool renewed;       /* a new token was asked for on its behalf */
    etcd_done done;
    void *context;
    struct etcd_call *next;
};

struct etcd_client {
    struct etcd_settings settings;
    struct transfers *transfers; /* borrowed */
    struct loop_timer *turn;     /* starts what waits, from the loop */
    size_t endpoint;
    struct etcd_call *first;   /* waiting */
    struct etcd_call *current; /* owned: being asked; NULL: none, or one that was stopped */
    struct exchange *exchange; /* owned */
    bool authenticating;       /* the exchange asks for a token */
    struct strlist headers;    /* of every request; with the token, when there is one */
    bool has_token;
};

static void free_call(struct etcd_call *call)
{
    if (call == NULL)
        return;
    strbuf_free(&call->body);
    free(call);
}

static void turn_soon(struct etcd_client *c)
{
    loop_timer_start(c->turn, 0, 0);
}

/* The call is over. Its callback may ask again, or free nothing of the client. */
static void answer(struct etcd_call *call, enum etcd_outcome outcome, const struct etcd_reply *reply,
                   const char *why)
{
    const struct etcd_answer said = {.outcome = outcome, .reply = reply, .why = why};

    call->done(call->context, &said);
    free_call(call);
}

/* ---- tokens ---- */

static int set_headers(struct etcd_client *c, const char *token)
{
    AUTO(strbuf) struct strbuf line = STRBUF_INIT(16 * 1024);
    int r = 0;

    strlist_free(&c->headers);
    c->has_token = false;
    r = strlist_add(&c->headers, "Content-Type: application/json");
    /* Without it libcurl asks first whether a long body is welcome, and waits for a second. */
    if (r == 0)
        r = strlist_add(&c->headers, "Expect:");
    /* A member that is cut off from the others says so, instead of answering late or never: watches end, too. */
    if (r == 0)
        r = strlist_add(&c->headers, "Grpc-Metadata-hasleader: true");
    if (r < 0 || token == NULL)
        return r;
    (void)strbuf_addf(&line, "Authorization: %s", token);
    r = line.failed != 0 ? line.failed : strlist_add(&c->headers, strbuf_str(&line));
    c->has_token = r == 0;
    return r;
}

static int write_credentials(const struct etcd_client *c, struct strbuf *body, struct err *e)
{
    AUTO(strbuf) struct strbuf password = STRBUF_INIT(PASSWORD_MAX);
    AUTO_CLOSE int fd = open(c->settings.password_file, O_RDONLY | O_CLOEXEC);
    int r = fd < 0 ? -errno : fd_read_all(fd, &password);

    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "read the password of etcd's user from %s",
                         c->settings.password_file);
    while (password.len > 0 && strchr("\r\n", password.data[password.len - 1]) != NULL)
        password.data[--password.len] = '\0';
    etcd_write_authenticate(c->settings.user, strbuf_str(&password), body);
    return body->failed != 0 ? err_oom(e) : 0;
}

/* ---- one exchange ---- */

static const char *endpoint(const struct etcd_client *c)
{
    return c->settings.endpoints->item[c->endpoint];
}

static void next_endpoint(struct etcd_client *c)
{
    c->endpoint = (c->endpoint + 1) % c->settings.endpoints->count;
}

static void fill_request(const struct etcd_client *c, struct transfer_request *ret)
{
    const struct etcd_settings *s = &c->settings;

    *ret = (struct transfer_request){.method = "POST",
                                     .headers = &c->headers,
                                     .ca_file = s->ca_file[0] != '\0' ? s->ca_file : NULL,
                                     .client_cert = s->cert_file[0] != '\0' ? s->cert_file : NULL,
                                     .client_key = s->cert_file[0] != '\0' ? s->key_file : NULL,
                                     .connect_ms = s->connect_ms,
                                     .stall_ms = s->answer_ms,
                                     .stall_bytes = STALL_BYTES,
                                     .total_ms = s->answer_ms};
}

static void exchanged(void *context, const struct exchange_answer *a);

static int start(struct etcd_client *c, const char *path, const struct strbuf *body, struct err *e)
{
    struct transfer_request request;
    char url[TEXT_MAX];

    fill_request(c, &request);
    (void)snprintf(url, sizeof(url), "%s%s", endpoint(c), path);
    request.url = url;
    request.body = strbuf_str(body);
    request.body_size = body->len;
    c->exchange = exchange_start(c->transfers, &request, DOCUMENT_BYTES_MAX, exchanged, c, e);
    return c->exchange == NULL ? e->code : 0;
}

static int start_authentication(struct etcd_client *c, struct err *e)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(2 * PASSWORD_MAX);
    int r = write_credentials(c, &body, e);

    if (r < 0)
        return r;
    c->authenticating = true;
    return start(c, ETCD_PATH_AUTHENTICATE, &body, e);
}

/* Puts the next question, or asks for the token that it needs. From the timer only. */
static void turn(void *context)
{
    struct etcd_client *c = context;
    struct err e = ERR_INIT;
    bool token_due = c->settings.user[0] != '\0' && !c->has_token;
    struct etcd_call *call;
    int r;

    if (c->exchange != NULL)
        return;
    if (c->current == NULL && c->first != NULL) {
        c->current = c->first;
        c->first = c->current->next;
        c->current->next = NULL;
    }
    if (c->current == NULL)
        return;
    r = token_due ? start_authentication(c, &e) : start(c, c->current->path, &c->current->body, &e);
    if (r == 0)
        return;
    c->authenticating = false;
    call = take_ptr(&c->current);
    turn_soon(c);
    answer(call, ETCD_AWAY, NULL, e.text);
}

/* ---- answers ---- */

/* The endpoint did not answer the current call: the next one is asked, unless all were. */
static void no_answer(struct etcd_client *c, const char *why)
{
    char text[TEXT_MAX];
    struct etcd_call *call;

    (void)snprintf(text, sizeof(text), "%s: %s", endpoint(c), why);
    next_endpoint(c);
    turn_soon(c);
    if (c->current == NULL || ++c->current->tried < c->settings.endpoints->count)
        return;
    call = take_ptr(&c->current);
    answer(call, ETCD_AWAY, NULL, text);
}

static void finish(struct etcd_client *c, enum etcd_outcome outcome, const struct etcd_reply *reply,
                   const char *why)
{
    struct etcd_call *call = take_ptr(&c->current);

    turn_soon(c);
    if (call != NULL)
        answer(call, outcome, reply, why);
}

static void failed(struct etcd_client *c, bool authenticating, const struct exchange_answer *a)
{
    struct etcd_failure failure;
    char why[TEXT_MAX];

    etcd_failure_read(a->body, a->body_size, &failure);
    (void)snprintf(why, sizeof(why), "%s: %s (HTTP status %ld)", endpoint(c), failure.message, a->status);
    if (!authenticating && c->settings.user[0] != '\0' && etcd_failure_of_token(&failure)) {
        (void)set_headers(c, NULL);
        if (c->current != NULL && !c->current->renewed) {
            c->current->renewed = true;
            turn_soon(c);
            return;
        }
    }
    /* A wrong password may be put right, and a user made, while this agent goes on. */
    if (authenticating || etcd_failure_of_token(&failure))
        finish(c, ETCD_AWAY, NULL, why);
    else if (failure.code == ETCD_CODE_NOT_FOUND)
        finish(c, ETCD_NOT_FOUND, NULL, why);
    else if (etcd_failure_for_good(&failure))
        finish(c, ETCD_REFUSED, NULL, why);
    else
        no_answer(c, failure.message);
}

static void answered(struct etcd_client *c, bool authenticating, const struct exchange_answer *a)
{
    AUTO(etcd_reply) struct etcd_reply reply = {0};
    struct err e = ERR_INIT;
    const char *token;

    if (etcd_reply_read(a->body, a->body_size, &reply, &e) < 0) {
        no_answer(c, e.text);
        return;
    }
    if (!authenticating) {
        finish(c, ETCD_ANSWERED, &reply, NULL);
        return;
    }
    token = etcd_reply_token(&reply, &e);
    if (token == NULL || set_headers(c, token) < 0)
        no_answer(c, token == NULL ? e.text : "its token is too long");
    else
        turn_soon(c);
}

static void exchanged(void *context, const struct exchange_answer *a)
{
    struct etcd_client *c = context;
    bool authenticating = c->authenticating;

    c->exchange = NULL;
    c->authenticating = false;
    if (a->end != TRANSFER_COMPLETE)
        no_answer(c, a->reason);
    else if (a->status == 200)
        answered(c, authenticating, a);
    else
        failed(c, authenticating, a);
}

/* ---- the client ---- */

struct etcd_client *etcd_client_new(struct loop *loop, struct transfers *transfers,
                                    const struct etcd_settings *settings, struct err *e)
{
    struct etcd_client *c = calloc(1, sizeof(*c));

    if (c == NULL) {
        (void)err_oom(e);
        return NULL;
    }
    c->settings = *settings;
    c->transfers = transfers;
    /* Each agent begins with another member. */
    c->endpoint = (size_t)(random_u64() % settings->endpoints->count);
    c->turn = loop_timer_new(loop, turn, c);
    if (c->turn == NULL || set_headers(c, NULL) < 0) {
        (void)err_oom(e);
        etcd_client_free(c);
        return NULL;
    }
    return c;
}

void etcd_client_free(struct etcd_client *c)
{
    struct etcd_call *next;

    if (c == NULL)
        return;
    exchange_stop(c->exchange);
    free_call(c->current);
    for (struct etcd_call *call = c->first; call != NULL; call = next) {
        next = call->next;
        free_call(call);
    }
    loop_timer_free(c->turn);
    strlist_free(&c->headers);
    free(c);
}

struct etcd_call *etcd_ask(struct etcd_client *c, const char *path, const struct strbuf *body, bool urgent,
                           etcd_done done, void *context, struct err *e)
{
    struct etcd_call *call = body->failed == 0 ? calloc(1, sizeof(*call)) : NULL;
    struct etcd_call **at = &c->first;

    if (call == NULL) {
        (void)err_set(e, body->failed != 0 ? body->failed : -ENOMEM, BLAME_NODE,
                      body->failed == -E2BIG ? "the request is too long for etcd" : "out of memory");
        return NULL;
    }
    *call = (struct etcd_call){
        .client = c, .path = path, .body = STRBUF_INIT(body->max), .done = done, .context = context};
    if (strbuf_add(&call->body, strbuf_str(body), body->len) < 0) {
        free_call(call);
        (void)err_oom(e);
        return NULL;
    }
    while (!urgent && *at != NULL)
        at = &(*at)->next;
    call->next = *at;
    *at = call;
    turn_soon(c);
    return call;
}

void etcd_call_stop(struct etcd_call *call)
{
    struct etcd_client *c;

    if (call == NULL)
        return;
    c = call->client;
    if (c->current == call) {
        c->current = NULL;
        /* The exchange goes on, so that the connection can be used again, and its answer means nothing. */
        free_call(call);
        return;
    }
    for (struct etcd_call **at = &c->first; *at != NULL; at = &(*at)->next)
        if (*at == call) {
            *at = call->next;
            free_call(call);
            return;
        }
}

const char *etcd_client_endpoint(const struct etcd_client *c)
{
    return endpoint(c);
}

int etcd_client_address(struct etcd_client *c, const char *path, char *url, size_t size,
                        struct transfer_request *ret, struct err *e)
{
    if (c->settings.user[0] != '\0' && !c->has_token)
        return err_set(e, -EAGAIN, BLAME_SERVICE, "etcd has given no token yet");
    fill_request(c, ret);
    (void)snprintf(url, size, "%s%s", endpoint(c), path);
    ret->url = url;
    return 0;
}

void etcd_client_left(struct etcd_client *c, const char *left)
{
    if (c->exchange == NULL && strcmp(endpoint(c), left) == 0)
        next_endpoint(c);
}

void etcd_client_token_refused(struct etcd_client *c)
{
    (void)set_headers(c, NULL);
}
