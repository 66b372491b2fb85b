/*
 * child.h - a program that is run beside the loop: started with a list of arguments, watched, ended, never waited for.
 */
#ifndef IO_CHILD_H
#define IO_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"

struct child;

/* How it ended. The texts are valid during the call. */
struct child_end {
    int wait_status; /* as of waitpid(2) */
    bool late;       /* it was killed because its time was over */
    bool too_much;   /* it was killed because it wrote more than out_max */
    const char *out; /* all of its standard output */
    size_t out_size;
    const char *words; /* the end of what it said on standard error: text */
};

typedef void (*child_done)(void *context, const struct child_end *end);

struct child_order {
    char *const *argv; /* argv[0] is the path of the program */
    char *const *environment;
    int64_t budget_ms;
    size_t out_max; /* bytes of standard output that are kept */
};

/* Starts it, in a session of its own, with an empty standard input. It ends when this process does. `done` is called once,
 * unless it is freed before. Nothing of the order is needed afterwards. NULL with *e on failure. */
struct child *child_start(struct loop *l, const struct child_order *order, child_done done, void *context,
                          struct err *e);

/* Frees it at any time, also in `done`; a program that still runs is killed with all it started. NULL is fine. */
void child_free(struct child *c);

#endif
