/*
 * eviction.h - which entries of the cache go when there are too many bytes. Pure.
 */
#ifndef FETCH_EVICTION_H
#define FETCH_EVICTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cache_entry {
    uint64_t bytes;
    int64_t used_at; /* when it was last wanted; any clock */
    bool in_use;     /* never goes */
    bool goes;       /* the answer */
    size_t tag;      /* the caller's */
};

/* Sorts the entries by their last use and marks the oldest ones that are not in use, until the rest has at most
 * max_bytes or nothing is left to mark. Returns the bytes that stay. */
uint64_t eviction_plan(struct cache_entry *entry, size_t count, uint64_t max_bytes);

#endif
