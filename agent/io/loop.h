/*
 * loop.h - the one event loop of an agent process, as plain objects: timers, watched descriptors, signals,
 * deferred calls.
 *
 * Only this folder knows libuv. Callbacks are never called from inside the function that was called. Objects
 * are freed by their
 * *_free functions at any time, also from their own callback; the memory goes when libuv has let go of it.
 */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct loop;
struct loop_timer;
struct loop_watch;
struct loop_signal;

typedef void (*loop_callback)(void *context);
typedef void (*loop_signal_callback)(void *context, int signal);

/* The caller owns the loop. NULL with *e on failure. */
struct loop *loop_new(struct err *e);

/* Frees the loop and closes what is still open on it. NULL is fine. */
void loop_free(struct loop *l);

/* Runs until loop_stop, or until nothing is left to wait for. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

/* A timer that is not running. NULL without memory. */
struct loop_timer *loop_timer_new(struct loop *l, loop_callback callback, void *context);
/* Calls back once after ms; again every repeat_ms when that is not 0. Restarts a running timer. */
void loop_timer_start(struct loop_timer *t, uint64_t ms, uint64_t repeat_ms);
void loop_timer_stop(struct loop_timer *t);
void loop_timer_free(struct loop_timer *t);

/* Calls back whenever fd (borrowed; must stay open until the watch is freed) can be read. Level-triggered:
 * read until EAGAIN. NULL when it cannot be watched. */
struct loop_watch *loop_watch_new(struct loop *l, int fd, loop_callback callback, void *context);
void loop_watch_free(struct loop_watch *w);

/* Calls back for a signal, which loses its default effect. NULL on failure. */
struct loop_signal *loop_signal_new(struct loop *l, int signal, loop_signal_callback callback, void *context);
void loop_signal_free(struct loop_signal *s);

#endif
