/*
 * retry.h - when a failed request is worth another one, and how long to wait. Pure.
 *
 * As OCI's SDKs do by default: 8 attempts within 10 minutes, waits drawn evenly from 0 to a bound that doubles from one
 * second to 30 (full jitter, so that many nodes do not come back at once).
 */
#ifndef IO_RETRY_H
#define IO_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#define RETRY_CAP_MS 30000

struct retry_policy {
    int64_t attempts; /* in a row, without a byte that was not there before */
    int64_t total_ms; /* from the first attempt (or the last new byte) to the last */
    int64_t base_ms;
};

/* Whether the answer may be another one next time. `code` is the service's own word for it, "" when there is none: OCI
 * says 409 IncorrectState for what is on its way, and other 409 for what stays. */
bool retry_status(long status, const char *code);

/*
 * How long to wait after failure number `failures` (1 for the first), `elapsed_ms` after the first attempt. A server's
 * Retry-After (after_ms; -1: none) is kept to when it fits into what is left. Negative: give up. `random` is any number.
 */
int64_t retry_delay(const struct retry_policy *policy, int64_t failures, int64_t elapsed_ms, int64_t after_ms,
                    uint64_t random);

#endif
