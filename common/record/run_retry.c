/* run_retry.c - see run_retry.h. */
#include "record/run_retry.h"

#include <string.h>

/* What may be asked for, and what nobody needs to ask for. */
static const struct {
    bool selectable, by_default;
} CHOICES[CAUSE_COUNT] = {
    [CAUSE_EXITED] = {true, false},
    [CAUSE_SIGNALED] = {true, false},
    [CAUSE_OOM_KILLED] = {true, false},
    [CAUSE_DEADLINE_EXCEEDED] = {true, false},
    [CAUSE_PREEMPTED] = {true, true},
    [CAUSE_LEASE_LOST] = {true, true},
    [CAUSE_ARTIFACT_FETCH_FAILED] = {true, true},
    [CAUSE_STORAGE_FAILED] = {true, true},
    [CAUSE_IMAGE_FAILED] = {true, true},
    [CAUSE_LAUNCH_FAILED] = {true, true},
    [CAUSE_LIMIT_NOT_APPLIED] = {true, false},
    [CAUSE_DISK_FULL] = {true, true},
    [CAUSE_NODE_REBOOTED] = {true, true},
    [CAUSE_SUPERVISOR_LOST] = {true, true},
    [CAUSE_GPU_LOST] = {true, true},
    [CAUSE_INTERNAL] = {true, true},
    [CAUSE_UNKNOWN] = {true, true},
    [CAUSE_PIDS_EXHAUSTED] = {true, false},
    [CAUSE_DEVICE_BUSY] = {true, true},
};

void run_retry_init(struct run_retry *r)
{
    *r = (struct run_retry){.attempts = -1, .delay_ms = -1};
}

static bool says(const struct run_retry *r)
{
    return r->attempts > 0 || r->delay_ms >= 0 || r->has_causes || r->has_exit_codes;
}

struct run_retry run_retry_resolve(const struct run_retry *job, const struct run_retry *run)
{
    struct run_retry r = *job;

    if (run->attempts > 0)
        r.attempts = run->attempts;
    if (run->delay_ms >= 0)
        r.delay_ms = run->delay_ms;
    if (run->has_causes) {
        r.has_causes = true;
        memcpy(r.cause, run->cause, sizeof(r.cause));
    }
    if (run->has_exit_codes) {
        r.has_exit_codes = true;
        memcpy(r.exit_code, run->exit_code, sizeof(r.exit_code));
    }
    if (r.attempts <= 0)
        r.attempts = says(&r) ? RETRY_ATTEMPTS_DEFAULT : 1;
    if (r.delay_ms < 0)
        r.delay_ms = RETRY_DELAY_MS_DEFAULT;
    return r;
}

bool run_retry_selectable(enum cause cause)
{
    return (unsigned)cause < CAUSE_COUNT && CHOICES[cause].selectable;
}

bool run_retry_by_default(enum cause cause)
{
    return (unsigned)cause < CAUSE_COUNT && CHOICES[cause].by_default;
}
