/* lifecycle.c - see lifecycle.h. */
#include "record/lifecycle.h"

#include <string.h>

static const char *const PHASE_NAMES[PHASE_COUNT] = {
    [PHASE_ACCEPTED] = "ACCEPTED", [PHASE_PREPARING] = "PREPARING", [PHASE_LAUNCHING] = "LAUNCHING",
    [PHASE_RUNNING] = "RUNNING",   [PHASE_STOPPING] = "STOPPING",   [PHASE_CLEANING] = "CLEANING",
    [PHASE_SHIPPING] = "SHIPPING", [PHASE_REPORTING] = "REPORTING", [PHASE_FINISHED] = "FINISHED",
};

static const char *const STATE_NAMES[STATE_COUNT] = {
    [STATE_ACCEPTED] = "ACCEPTED",
    [STATE_IN_PROGRESS] = "IN_PROGRESS",
    [STATE_CANCELING] = "CANCELING",
    [STATE_SUCCEEDED] = "SUCCEEDED",
    [STATE_FAILED] = "FAILED",
    [STATE_CANCELED] = "CANCELED",
    [STATE_NEEDS_ATTENTION] = "NEEDS_ATTENTION",
};

static const char *const CAUSE_NAMES[CAUSE_COUNT] = {
    [CAUSE_NONE] = "none",
    [CAUSE_EXITED] = "exited",
    [CAUSE_SIGNALED] = "signaled",
    [CAUSE_OOM_KILLED] = "oom-killed",
    [CAUSE_DEADLINE_EXCEEDED] = "deadline-exceeded",
    [CAUSE_CANCELLED] = "cancelled",
    [CAUSE_PREEMPTED] = "preempted",
    [CAUSE_LEASE_LOST] = "lease-lost",
    [CAUSE_ASSIGNMENT_INVALID] = "assignment-invalid",
    [CAUSE_ARTIFACT_FETCH_FAILED] = "artifact-fetch-failed",
    [CAUSE_ARTIFACT_REJECTED] = "artifact-rejected",
    [CAUSE_STORAGE_FAILED] = "storage-failed",
    [CAUSE_IMAGE_FAILED] = "image-failed",
    [CAUSE_LAUNCH_FAILED] = "launch-failed",
    [CAUSE_LIMIT_NOT_APPLIED] = "limit-not-applied",
    [CAUSE_DISK_FULL] = "disk-full",
    [CAUSE_NODE_REBOOTED] = "node-rebooted",
    [CAUSE_SUPERVISOR_LOST] = "supervisor-lost",
    [CAUSE_UNKILLABLE] = "unkillable",
    [CAUSE_GPU_LOST] = "gpu-lost",
    [CAUSE_INTERNAL] = "internal",
    [CAUSE_UNKNOWN] = "unknown",
    [CAUSE_PIDS_EXHAUSTED] = "pids-exhausted",
    [CAUSE_DEVICE_BUSY] = "device-busy",
    [CAUSE_PROBE_FAILED] = "probe-failed",
    [CAUSE_GROUP_FAILED] = "group-failed",
};

static const char *const NOTICE_NAMES[NOTICE_COUNT] = {
    [NOTICE_NONE] = "none", [NOTICE_DEADLINE] = "deadline", [NOTICE_DRAIN] = "drain",
    [NOTICE_SPOT] = "spot", [NOTICE_SHUTDOWN] = "shutdown",
};

/* The name at index, or "?" for a value that is not of the enum. */
static const char *name_at(const char *const *names, unsigned count, unsigned index)
{
    return index < count ? names[index] : "?";
}

/* The index of the name, or count. */
static unsigned index_of(const char *const *names, unsigned count, const char *name)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return count;
}

const char *phase_name(enum phase phase)
{
    return name_at(PHASE_NAMES, PHASE_COUNT, (unsigned)phase);
}

enum phase phase_from_name(const char *name)
{
    return (enum phase)index_of(PHASE_NAMES, PHASE_COUNT, name);
}

const char *state_name(enum lifecycle_state state)
{
    return name_at(STATE_NAMES, STATE_COUNT, (unsigned)state);
}

enum lifecycle_state state_from_name(const char *name)
{
    return (enum lifecycle_state)index_of(STATE_NAMES, STATE_COUNT, name);
}

const char *cause_name(enum cause cause)
{
    return name_at(CAUSE_NAMES, CAUSE_COUNT, (unsigned)cause);
}

enum cause cause_from_name(const char *name)
{
    return (enum cause)index_of(CAUSE_NAMES, CAUSE_COUNT, name);
}

const char *notice_reason_name(enum notice_reason reason)
{
    return name_at(NOTICE_NAMES, NOTICE_COUNT, (unsigned)reason);
}

enum notice_reason notice_reason_from_name(const char *name)
{
    return (enum notice_reason)index_of(NOTICE_NAMES, NOTICE_COUNT, name);
}
