/* lease.c - see lease.h. */
#include "run/lease.h"

#include "base/backoff.h"

#define RETRY_BASE_MS 200
/* However long the lease: a control plane that is back is heard again this soon. */
#define RETRY_CAP_MS 30000

boot_ms_t lease_until(const struct lease *l)
{
    return (boot_ms_t){l->asked_at.ms + l->duration_ms};
}

enum lease_step lease_step(const struct lease *l, boot_ms_t now, uint64_t random, int64_t *ret_wait_ms)
{
    int64_t third = l->duration_ms / 3;
    int64_t due = l->asked_at.ms + third;
    int64_t cap = third > RETRY_CAP_MS ? RETRY_CAP_MS : third;

    *ret_wait_ms = 0;
    if (now.ms >= lease_until(l).ms)
        return LEASE_EXPIRED;
    if (l->failures > 0)
        due = l->tried_at.ms + backoff_full_jitter(RETRY_BASE_MS, cap, l->failures, random);
    if (now.ms >= due)
        return LEASE_RENEW;
    *ret_wait_ms = due - now.ms;
    if (*ret_wait_ms > lease_until(l).ms - now.ms)
        *ret_wait_ms = lease_until(l).ms - now.ms;
    return LEASE_WAIT;
}

void lease_asked(struct lease *l, boot_ms_t now)
{
    l->tried_at = now;
}

void lease_confirmed(struct lease *l, int64_t duration_ms)
{
    l->asked_at = l->tried_at;
    l->duration_ms = duration_ms;
    l->failures = 0;
}

void lease_unanswered(struct lease *l)
{
    l->failures++;
}
