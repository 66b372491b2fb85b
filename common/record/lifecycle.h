/*
 * lifecycle.h - the words of a run's life: phase, lifecycle state, cause.
 *
 * The enums and their names are API: they stand in journals, reports and scripts. Additive only; never
 * rename.
 */
#ifndef RECORD_LIFECYCLE_H
#define RECORD_LIFECYCLE_H

/* Where the agent is with a run. */
enum phase {
    PHASE_ACCEPTED = 0,
    PHASE_PREPARING,
    PHASE_LAUNCHING,
    PHASE_RUNNING,
    PHASE_STOPPING,
    PHASE_CLEANING,
    PHASE_SHIPPING,
    PHASE_REPORTING,
    PHASE_FINISHED,
    PHASE_COUNT,
};

/* What the control plane is told: OCI's states (JobRunLifecycleState). */
enum lifecycle_state {
    STATE_ACCEPTED = 0,
    STATE_IN_PROGRESS,
    STATE_CANCELING,
    STATE_SUCCEEDED,
    STATE_FAILED,
    STATE_CANCELED,
    STATE_NEEDS_ATTENTION,
    STATE_COUNT,
};

/* Why a run ended. The first cause wins. CAUSE_NONE means "has not ended". */
enum cause {
    CAUSE_NONE = 0,
    CAUSE_EXITED,
    CAUSE_SIGNALED,
    CAUSE_OOM_KILLED,
    CAUSE_DEADLINE_EXCEEDED,
    CAUSE_CANCELLED,
    CAUSE_PREEMPTED,
    CAUSE_LEASE_LOST,
    CAUSE_ASSIGNMENT_INVALID,
    CAUSE_ARTIFACT_FETCH_FAILED,
    CAUSE_ARTIFACT_REJECTED,
    CAUSE_STORAGE_FAILED,
    CAUSE_IMAGE_FAILED,
    CAUSE_LAUNCH_FAILED,
    CAUSE_LIMIT_NOT_APPLIED,
    CAUSE_DISK_FULL,
    CAUSE_NODE_REBOOTED,
    CAUSE_SUPERVISOR_LOST,
    CAUSE_UNKILLABLE,
    CAUSE_GPU_LOST,
    CAUSE_INTERNAL,
    CAUSE_UNKNOWN,
    CAUSE_PIDS_EXHAUSTED,
    CAUSE_DEVICE_BUSY,
    CAUSE_PROBE_FAILED,
    CAUSE_GROUP_FAILED,
    CAUSE_COUNT,
};

/* Why a job is told that its time is short. */
enum notice_reason {
    NOTICE_NONE = 0,
    NOTICE_DEADLINE, /* its maximum runtime is near */
    NOTICE_DRAIN,    /* an operator empties the node */
    NOTICE_SPOT,     /* the provider takes the machine back */
    NOTICE_SHUTDOWN, /* the machine goes down */
    NOTICE_COUNT,
};

/* "deadline", "drain", "spot", "shutdown"; "none". */
const char *notice_reason_name(enum notice_reason reason);
/* NOTICE_COUNT when the name is unknown. */
enum notice_reason notice_reason_from_name(const char *name);

/* "ACCEPTED", "PREPARING", ... */
const char *phase_name(enum phase phase);
/* PHASE_COUNT when the name is unknown. */
enum phase phase_from_name(const char *name);

/* "ACCEPTED", "IN_PROGRESS", ... */
const char *state_name(enum lifecycle_state state);
/* STATE_COUNT when the name is unknown. */
enum lifecycle_state state_from_name(const char *name);

/* "none", "exited", "oom-killed", ... */
const char *cause_name(enum cause cause);
/* CAUSE_COUNT when the name is unknown. */
enum cause cause_from_name(const char *name);

#endif
