/* bootstrap.c - see bootstrap.h. */
#include "assignment/http/bootstrap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "assignment/http/bodies.h"
#include "assignment/http/client.h"
#include "base/auto.h"
#include "base/backoff.h"
#include "io/random.h"

#define AGAIN_BASE_MS 1000
#define AGAIN_CAP_MS  30000

struct exchanging {
    const struct bootstrap_order *order;
    struct loop *loop;
    struct loop_timer *again;
    struct control_client *client;
    struct control_request *request;
    boot_ms_t begun;
    int64_t failures;
    struct bootstrap_credential *ret;
    struct err *e;
};

static void wipe(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

void bootstrap_credential_free(struct bootstrap_credential *c)
{
    free(c->node_id);
    wipe(c->token);
    *c = (struct bootstrap_credential){0};
}

static void end(struct exchanging *x, int code, const char *why)
{
    if (code < 0)
        (void)err_set(x->e, code, BLAME_SERVICE, "%s", why);
    loop_stop(x->loop);
}

static void later(struct exchanging *x, const char *why, int64_t after_ms)
{
    int64_t left = x->begun.ms + x->order->timeout_ms - clock_boot().ms;
    int64_t wait = backoff_full_jitter(AGAIN_BASE_MS, AGAIN_CAP_MS, ++x->failures, random_u64());

    if (after_ms > wait)
        wait = after_ms;
    if (wait >= left) {
        end(x, -ETIMEDOUT, why);
        return;
    }
    x->order->waiting(why, wait, x->order->context);
    loop_timer_start(x->again, wait > 0 ? (uint64_t)wait : 1, 0);
}

static void answered(void *context, const struct call_result *result)
{
    struct exchanging *x = context;
    struct err e = ERR_INIT;

    x->request = NULL;
    /* A token that is not known, or was used with another key, does not become good; one that is another's is no proxy's word. */
    if (result->end == CALL_FINAL || (result->status == 401 && result->code[0] != '\0'))
        end(x, -EACCES, result->why);
    else if (result->end == CALL_AGAIN)
        later(x, result->why, result->after_ms);
    else if (bootstrap_answer(result->body, result->body_size, x->ret, &e) < 0)
        later(x, e.text, -1);
    else
        end(x, 0, "");
}

static void ask(void *context)
{
    struct exchanging *x = context;
    const struct bootstrap_order *order = x->order;
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(BODY_BYTES_MAX);
    const struct control_call call = {.method = "POST",
                                      .path = "/v1/bootstrap",
                                      .body = &body,
                                      .retry_token = order->key,
                                      .answer_max = ANSWER_BYTES_MAX};
    struct err e = ERR_INIT;

    body_bootstrap(order, &body);
    if (body.failed != 0)
        end(x, body.failed, "the token is too long, or there is no memory");
    else
        x->request = control_start(x->client, &call, answered, x, &e);
    if (body.failed == 0 && x->request == NULL)
        later(x, e.text, -1);
    if (body.data != NULL)
        explicit_bzero(body.data, body.len);
}

int bootstrap_exchange(const struct bootstrap_order *order, struct bootstrap_credential *ret, struct err *e)
{
    const struct http_settings settings = {.endpoint = order->endpoint,
                                           .auth = "none",
                                           .token_file = "",
                                           .oci_config = "",
                                           .oci_profile = "",
                                           .cert_file = "",
                                           .key_file = "",
                                           .ca_file = order->ca_file};
    struct exchanging x = {.order = order, .begun = clock_boot(), .ret = ret, .e = e};

    x.loop = loop_new(e);
    if (x.loop == NULL)
        return e->code;
    x.again = loop_timer_new(x.loop, ask, &x);
    x.client = control_client_new(x.loop, &settings, e);
    if (x.again == NULL && e->code == 0)
        (void)err_oom(e);
    if (e->code == 0) {
        loop_timer_start(x.again, 0, 0);
        loop_run(x.loop);
    }
    control_stop(x.request);
    loop_timer_free(x.again);
    control_client_free(x.client);
    loop_free(x.loop);
    return e->code;
}
