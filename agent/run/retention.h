/*
 * retention.h - which finished runs a node forgets. Pure.
 *
 * Runs older than the age limit go; then, while the rest takes more space than the size limit, the oldest.
 * Runs that are to be kept are never chosen and count towards the space. Only finished runs are offered: what
 * was not reported yet is never deleted.
 */
#ifndef RUN_RETENTION_H
#define RUN_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

struct retained {
    wall_ms_t ended_at;
    uint64_t bytes;
    bool keep;   /* --keep */
    bool remove; /* the answer */
};

struct retention_policy {
    int64_t age_ms;
    uint64_t bytes;
};

/* Marks what is to be removed. `runs` must be sorted, the oldest end first. Returns how many. */
size_t retention_choose(const struct retention_policy *policy, struct retained *runs, size_t count,
                        wall_ms_t now);

#endif
