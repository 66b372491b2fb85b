/* local.c - see local.h. */
#include "assignment/local/local.h"

#include <errno.h>
#include <stdlib.h>

#include "assignment/local/attempts.h"
#include "assignment/local/queue.h"
#include "base/auto.h"
#include "base/strlist.h"

struct local_source {
    struct source source; /* first member */
    struct source_wiring wiring;
    struct source_hooks hooks;
    int queue_fd; /* borrowed; -1: none */
    const char *queue_path;
    struct local_queue *queue; /* owned; NULL until begin */
    struct strlist made;       /* attempts that the agent does not know yet */
    struct loop_timer *tell;   /* owned: due at once when there are any */
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

/* A hook is not called from inside the report that led to it. */
static void tell_made(void *context)
{
    struct local_source *s = context;
    AUTO(strlist) struct strlist made = s->made;

    s->made = (struct strlist){0};
    for (size_t i = 0; i < made.count; i++)
        s->hooks.assigned(&s->source, made.item[i], s->hooks.context);
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
    struct local_source *s = (struct local_source *)source;
    char next[RUN_ID_BYTES];
    struct err e = ERR_INIT;
    int more = r->record != NULL ? local_attempt_after(s->wiring.agent_fd, run, r, next, &e) : 0;

    if (more < 0) {
        r->answered(run, r->sequence, REPORT_AGAIN, e.text, -1);
        return;
    }
    /* Without a queue we are somebody's who waits for a run of the daemon, which will find it. */
    if (more > 0 && s->queue_fd >= 0 && strlist_add(&s->made, next) == 0)
        loop_timer_start(s->tell, 0, 0);
    local_ledger_deliver(run, r, more > 0 ? next : NULL);
}

static void release(struct source *source)
{
    struct local_source *s = (struct local_source *)source;

    local_queue_close(s->queue);
    loop_timer_free(s->tell);
    strlist_free(&s->made);
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
    s->tell = loop_timer_new(wiring->loop, tell_made, s);
    if (s->tell == NULL) {
        free(s);
        (void)err_oom(e);
        return NULL;
    }
    return &s->source;
}
