/* eviction.c - see eviction.h. */
#include "fetch/eviction.h"

#include <stdlib.h>

static int by_use(const void *a, const void *b)
{
    const struct cache_entry *x = a, *y = b;

    if (x->used_at != y->used_at)
        return x->used_at < y->used_at ? -1 : 1;
    return x->tag < y->tag ? -1 : x->tag > y->tag;
}

uint64_t eviction_plan(struct cache_entry *entry, size_t count, uint64_t max_bytes)
{
    uint64_t total = 0;

    for (size_t i = 0; i < count; i++)
        total += entry[i].bytes;
    if (count > 1)
        qsort(entry, count, sizeof(*entry), by_use);
    for (size_t i = 0; i < count; i++) {
        entry[i].goes = total > max_bytes && !entry[i].in_use;
        if (entry[i].goes)
            total -= entry[i].bytes;
    }
    return total;
}
