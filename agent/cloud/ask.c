/* ask.c - see ask.h. */
#include "cloud/ask.h"

#include <errno.h>
#include <stdio.h>

#include "cloud/metadata.h"
#include "io/loop.h"

#define ATTEMPTS  5
#define ANSWER_MS 3000
#define AGAIN_MS  500

struct asking {
    struct loop *loop;
    struct loop_timer *again;
    struct metadata *metadata;
    const char *path;
    int attempts;
    bool taken;
    cloud_take take;
    void *context;
    char why[CLOUD_WHY_MAX];
};

static void answered(void *context, const struct exchange_answer *answer)
{
    struct asking *q = context;

    if (answer->end != TRANSFER_COMPLETE)
        (void)snprintf(q->why, sizeof(q->why), "%s", answer->reason != NULL ? answer->reason : "no answer");
    else if (answer->status != 200)
        (void)snprintf(q->why, sizeof(q->why), "status %ld", answer->status);
    else
        q->taken = q->take(q->context, answer->body, answer->body_size, q->why);
    if (q->taken || q->attempts >= ATTEMPTS)
        loop_stop(q->loop);
    else
        loop_timer_start(q->again, AGAIN_MS, 0);
}

static void ask(void *context)
{
    struct asking *q = context;
    struct err e = ERR_INIT;

    q->attempts++;
    if (metadata_get(q->metadata, q->path, ANSWER_MS, answered, q, &e) != NULL)
        return;
    (void)snprintf(q->why, sizeof(q->why), "%.255s", e.text);
    loop_stop(q->loop);
}

int cloud_ask(enum cloud_provider provider, const char *endpoint, const char *path, cloud_take take,
              void *context, struct err *e)
{
    struct asking q = {.path = path, .take = take, .context = context};
    struct transfers *transfers = NULL;
    int r = 0;

    q.loop = loop_new(e);
    if (q.loop == NULL)
        return e->code;
    transfers = transfers_new(q.loop, e);
    q.again = loop_timer_new(q.loop, ask, &q);
    q.metadata = transfers != NULL ? metadata_new(transfers, provider, endpoint) : NULL;
    if (q.metadata == NULL || q.again == NULL)
        r = err_oom(e);
    if (r == 0) {
        loop_timer_start(q.again, 0, 0);
        loop_run(q.loop);
    }
    metadata_free(q.metadata);
    loop_timer_free(q.again);
    transfers_free(transfers);
    loop_free(q.loop);
    return r == 0 && !q.taken ? err_set(e, -EHOSTUNREACH, BLAME_NODE, "%s", q.why) : r;
}
