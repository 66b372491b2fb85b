/* local.c - see local.h. */
#include "assignment/local/local.h"

#include <errno.h>
#include <stdlib.h>

#include "assignment/local/queue.h"

struct local_source {
    struct source source; /* first member */
    struct source_wiring wiring;
    struct source_hooks hooks;
    int queue_fd; /* borrowed; -1: none */
    const char *queue_path;
    struct local_queue *queue; /* owned; NULL until begin */
};

/* What cannot be taken stays in the queue, and is looked at again when it is looked at the next time. */
static void arrival(void *context)
{
    struct local_source *s = context;
    char name[RUN_ID_BYTES];

    for (;;) {
        struct err e = ERR_INIT;
        int r = local_queue_take(s->queue, s->wiring.agent_fd, name, &e);
        if (r == 0)
            return;
        if (r > 0) {
            s->hooks.assigned(&s->source, name, s->hooks.context);
            continue;
        }
        log_error("run=%s %s", name, e.text);
        if (r != -EEXIST)
            return;
    }
}

static void begin(struct source *source)
{
    struct local_source *s = (struct local_source *)source;
    struct err e = ERR_INIT;

    if (s->queue_fd < 0 || s->queue != NULL)
        return;
    s->queue = local_queue_open(s->wiring.loop, s->queue_fd, s->queue_path, arrival, s, &e);
    if (s->queue == NULL)
        log_error("the queue cannot be watched: %s", e.text);
}

static void report(struct source *source, struct run *run, const struct status_report *r)
{
    (void)source;
    local_ledger_deliver(run, r);
}

static void release(struct source *source)
{
    struct local_source *s = (struct local_source *)source;

    local_queue_close(s->queue);
    free(s);
}

static const struct source_ops OPS = {
    .name = "local",
    .origin = ORIGIN_QUEUE,
    .begin = begin,
    .report = report,
    .free = release,
};

struct source *local_source_new(const struct source_wiring *wiring, int queue_fd, const char *queue_path,
                                struct err *e)
{
    struct local_source *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        (void)err_oom(e);
        return NULL;
    }
    *s = (struct local_source){.source = {&OPS},
                               .wiring = *wiring,
                               .hooks = *wiring->hooks,
                               .queue_fd = queue_fd,
                               .queue_path = queue_path};
    return &s->source;
}
