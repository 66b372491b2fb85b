/* retention.c - see retention.h. */
#include "run/retention.h"

size_t retention_choose(const struct retention_policy *policy, struct retained *runs, size_t count,
                        wall_ms_t now)
{
    uint64_t total = 0;
    size_t chosen = 0;

    for (size_t i = 0; i < count; i++) {
        runs[i].remove = !runs[i].keep && now.ms - runs[i].ended_at.ms > policy->age_ms;
        if (!runs[i].remove)
            total += runs[i].bytes;
    }
    for (size_t i = 0; i < count && total > policy->bytes; i++) {
        if (runs[i].remove || runs[i].keep)
            continue;
        runs[i].remove = true;
        total -= runs[i].bytes;
    }
    for (size_t i = 0; i < count; i++)
        chosen += runs[i].remove;
    return chosen;
}
