/* retry.c - see retry.h. */
#include "fetch/retry.h"

#include <string.h>

bool retry_status(long status, const char *code)
{
    if (status == 409)
        return strcmp(code, "IncorrectState") == 0;
    return status == 408 || status == 429 || (status >= 500 && status <= 599 && status != 501);
}

int64_t retry_delay(const struct retry_policy *policy, int64_t failures, int64_t elapsed_ms, int64_t after_ms,
                    uint64_t random)
{
    int64_t bound = policy->base_ms;
    int64_t delay;

    if (failures >= policy->attempts)
        return -1;
    for (int64_t i = 1; i < failures && bound < RETRY_CAP_MS; i++)
        bound *= 2;
    if (bound > RETRY_CAP_MS)
        bound = RETRY_CAP_MS;
    delay = (int64_t)(random % (uint64_t)(bound + 1));
    if (after_ms > delay)
        delay = after_ms;
    return elapsed_ms + delay > policy->total_ms ? -1 : delay;
}
