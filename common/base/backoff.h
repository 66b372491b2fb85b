/*
 * backoff.h - how long to wait before asking again. Pure.
 */
#ifndef BASE_BACKOFF_H
#define BASE_BACKOFF_H

#include <stdint.h>

/*
 * Full jitter: a wait drawn evenly from 0 to a bound that doubles with each failure in a row (1 for the first), from base_ms to
 * cap_ms, so that many nodes that failed together do not come back together. `random` is any number. Milliseconds.
 * Source: the AWS architecture blog, "Exponential Backoff And Jitter" (2015).
 */
int64_t backoff_full_jitter(int64_t base_ms, int64_t cap_ms, int64_t failures, uint64_t random);

#endif
