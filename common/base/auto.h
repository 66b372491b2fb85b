/*
 * auto.h - scope-bound cleanup.
 *
 * A variable declared with AUTO_FREE, AUTO_CLOSE or AUTO(type) is released when it goes out of scope.
 * Declare one per line and initialise it where it is declared (NULL, or -1 for a descriptor). To hand the
 * object to a new owner, return take_ptr(&p) or take_fd(&fd): the local variable is emptied.
 *
 * A type joins in by defining, beside the type, `static inline void foo_auto(struct foo **p)` or, for objects
 * kept by value, `void foo_auto(struct foo *p)`, and is then declared as AUTO(foo).
 */
#ifndef BASE_AUTO_H
#define BASE_AUTO_H

#include <stddef.h>

#define AUTO(name)    __attribute__((cleanup(name##_auto)))
#define AUTO_FREE     __attribute__((cleanup(free_auto)))
#define AUTO_CLOSE    __attribute__((cleanup(close_auto)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Frees the pointer that p points at. */
void free_auto(void *p);

/* Closes *fd unless it is negative. errno is kept. */
void close_auto(const int *fd);

/* Closes *fd unless it is negative and sets it to -1. errno is kept. */
void fd_close(int *fd);

static inline int take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

static inline void *take_ptr_impl(void *pp)
{
    void **slot = pp;
    void *taken = *slot;
    *slot = NULL;
    return taken;
}
#define take_ptr(pp) ((__typeof__(*(pp)))take_ptr_impl(pp))

#endif
