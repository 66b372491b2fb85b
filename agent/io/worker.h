/*
 * worker.h - a call that may wait for a disk, made on another thread, so that the loop goes on.
 */
#ifndef IO_WORKER_H
#define IO_WORKER_H

#include "io/loop.h"

/* Called on a thread of its own: it touches nothing but its context. Returns what `done` gets. Keep it short, some
 * megabytes: a call that has begun cannot be called back. */
typedef int (*worker_call)(void *context);
/* Called on the loop, once, when the call has returned. */
typedef void (*worker_done)(void *context, int result);

/* Starts the call. `context` must stay valid until `done`. 0 or -ENOMEM (then `done` is never called). */
int worker_start(struct loop *l, worker_call call, worker_done done, void *context);

#endif
