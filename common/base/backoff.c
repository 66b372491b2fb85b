/* backoff.c - see backoff.h. */
#include "base/backoff.h"

int64_t backoff_full_jitter(int64_t base_ms, int64_t cap_ms, int64_t failures, uint64_t random)
{
    int64_t bound = base_ms;

    for (int64_t i = 1; i < failures && bound < cap_ms; i++)
        bound = bound > cap_ms / 2 ? cap_ms : bound * 2;
    if (bound > cap_ms)
        bound = cap_ms;
    return (int64_t)(random % ((uint64_t)bound + 1));
}
