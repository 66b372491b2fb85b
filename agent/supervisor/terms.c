/* terms.c - see terms.h. */
#include "supervisor/terms.h"

#include "base/limits.h"

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

struct lease_terms lease_terms_of(boot_ms_t until, int64_t grace_ms, boot_ms_t now)
{
    int64_t left = until.ms > now.ms ? until.ms - now.ms : 0;
    struct lease_terms t = {.until = until};

    t.kill_at.ms = until.ms - smaller(LEASE_KILL_MS, left / 6);
    t.stop_at.ms = t.kill_at.ms - smaller(grace_ms, left / 3);
    return t;
}

int64_t runtime_allowed(int64_t runtime_ms, int64_t node_max_ms)
{
    int64_t max = smaller(node_max_ms, JOB_RUNTIME_MS_MAX);

    return runtime_ms < max ? runtime_ms : max;
}
