/* loop.c - see loop.h. */
#include "io/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#include "io/loop_uv.h"

struct loop {
    uv_loop_t uv;
};

struct loop_timer {
    uv_timer_t uv; /* first member: the handle is the object */
    loop_callback callback;
    void *context;
};

struct loop_watch {
    uv_poll_t uv;
    loop_callback callback;
    void *context;
};

struct loop_signal {
    uv_signal_t uv;
    loop_signal_callback callback;
    void *context;
};

/* Every handle is the first member of a malloc'd object, so closing frees the object. */
static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

void loop_close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, free_handle);
}

struct loop *loop_new(struct err *e)
{
    struct loop *l = calloc(1, sizeof(*l));
    int r;

    if (l == NULL) {
        (void)err_oom(e);
        return NULL;
    }
    r = uv_loop_init(&l->uv);
    if (r < 0) {
        (void)err_set(e, r, BLAME_NODE, "make the event loop: %s", uv_strerror(r));
        free(l);
        return NULL;
    }
    return l;
}

static void close_walked(uv_handle_t *handle, void *context)
{
    (void)context;
    loop_close_handle(handle);
}

void loop_free(struct loop *l)
{
    if (l == NULL)
        return;
    uv_walk(&l->uv, close_walked, NULL);
    /* A stop that was asked for while the loop was not running ends the first turn before anything is closed. */
    do {
        (void)uv_run(&l->uv, UV_RUN_DEFAULT);
    } while (uv_loop_close(&l->uv) == UV_EBUSY);
    free(l);
}

uv_loop_t *loop_uv(struct loop *l)
{
    return &l->uv;
}

void loop_run(struct loop *l)
{
    (void)uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
    uv_stop(&l->uv);
}

struct loop_timer *loop_timer_new(struct loop *l, loop_callback callback, void *context)
{
    struct loop_timer *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return NULL;
    (void)uv_timer_init(&l->uv, &t->uv); /* cannot fail */
    t->callback = callback;
    t->context = context;
    return t;
}

static void timer_fired(uv_timer_t *handle)
{
    struct loop_timer *t = (struct loop_timer *)handle;
    t->callback(t->context);
}

void loop_timer_start(struct loop_timer *t, uint64_t ms, uint64_t repeat_ms)
{
    /* Timers count from the loop's cached time, which is old after a long callback. */
    uv_update_time(t->uv.loop);
    (void)uv_timer_start(&t->uv, timer_fired, ms, repeat_ms);
}

void loop_timer_stop(struct loop_timer *t)
{
    (void)uv_timer_stop(&t->uv);
}

void loop_timer_free(struct loop_timer *t)
{
    if (t != NULL)
        loop_close_handle((uv_handle_t *)&t->uv);
}

static void watch_ready(uv_poll_t *handle, int status, int events)
{
    struct loop_watch *w = (struct loop_watch *)handle;

    (void)status;
    (void)events;
    w->callback(w->context);
}

struct loop_watch *loop_watch_new(struct loop *l, int fd, loop_callback callback, void *context)
{
    struct loop_watch *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return NULL;
    if (uv_poll_init(&l->uv, &w->uv, fd) < 0) {
        free(w);
        return NULL;
    }
    w->callback = callback;
    w->context = context;
    if (uv_poll_start(&w->uv, UV_READABLE | UV_DISCONNECT, watch_ready) < 0) {
        loop_close_handle((uv_handle_t *)&w->uv);
        return NULL;
    }
    return w;
}

void loop_watch_free(struct loop_watch *w)
{
    if (w == NULL)
        return;
    (void)uv_poll_stop(&w->uv);
    loop_close_handle((uv_handle_t *)&w->uv);
}

static void signal_came(uv_signal_t *handle, int signum)
{
    struct loop_signal *s = (struct loop_signal *)handle;
    s->callback(s->context, signum);
}

struct loop_signal *loop_signal_new(struct loop *l, int signum, loop_signal_callback callback, void *context)
{
    struct loop_signal *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    if (uv_signal_init(&l->uv, &s->uv) < 0) {
        free(s);
        return NULL;
    }
    s->callback = callback;
    s->context = context;
    if (uv_signal_start(&s->uv, signal_came, signum) < 0) {
        loop_close_handle((uv_handle_t *)&s->uv);
        return NULL;
    }
    return s;
}

void loop_signal_free(struct loop_signal *s)
{
    if (s != NULL)
        loop_close_handle((uv_handle_t *)&s->uv);
}
