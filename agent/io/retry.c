/* retry.c - see retry.h. */
#include "io/retry.h"

#include <string.h>

#include "base/backoff.h"

bool retry_status(long status, const char *code)
{
    if (status == 409)
        return strcmp(code, "IncorrectState") == 0;
    return status == 408 || status == 429 || (status >= 500 && status <= 599 && status != 501);
}

int64_t retry_delay(const struct retry_policy *policy, int64_t failures, int64_t elapsed_ms, int64_t after_ms,
                    uint64_t random)
{
    int64_t delay;

    if (failures >= policy->attempts)
        return -1;
    delay = backoff_full_jitter(policy->base_ms, RETRY_CAP_MS, failures, random);
    if (after_ms > delay)
        delay = after_ms;
    return elapsed_ms + delay > policy->total_ms ? -1 : delay;
}
