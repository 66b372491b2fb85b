/* worker.c - see worker.h. */
#include "io/worker.h"

#include <errno.h>
#include <stdlib.h>

#include "io/loop_uv.h"

struct work {
    uv_work_t uv; /* first member */
    worker_call call;
    worker_done done;
    void *context;
    int result;
};

static void on_thread(uv_work_t *request)
{
    struct work *w = (struct work *)request;

    w->result = w->call(w->context);
}

static void on_loop(uv_work_t *request, int status)
{
    struct work *w = (struct work *)request;

    w->done(w->context, status < 0 ? status : w->result);
    free(w);
}

int worker_start(struct loop *l, worker_call call, worker_done done, void *context)
{
    struct work *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return -ENOMEM;
    w->call = call;
    w->done = done;
    w->context = context;
    if (uv_queue_work(loop_uv(l), &w->uv, on_thread, on_loop) < 0) {
        free(w);
        return -ENOMEM;
    }
    return 0;
}
