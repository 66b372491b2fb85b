/*
 * startup.h - when the startup probe of a run is tried, and what follows from how it went. Pure.
 */
#ifndef SUPERVISOR_STARTUP_H
#define SUPERVISOR_STARTUP_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/startup_probe.h"

struct startup {
    boot_ms_t due;    /* when something is to be done next; INT64_MAX: nothing any more */
    bool trying;      /* one try is under way */
    int64_t failures; /* in a row */
};

#define STARTUP_NONE                                                                                         \
    (struct startup)                                                                                         \
    {                                                                                                        \
        .due = { INT64_MAX }                                                                                 \
    }

/* The job has begun to execute. */
struct startup startup_begin(const struct startup_probe *probe, boot_ms_t now);

enum startup_action {
    STARTUP_WAIT = 0,
    STARTUP_TRY,  /* execute the command */
    STARTUP_KILL, /* the try has taken a whole period: end it, which counts as a failure */
};

/* What is due; says when to come again. */
enum startup_action startup_due(struct startup *s, const struct startup_probe *probe, boot_ms_t now);

enum startup_result {
    STARTUP_AGAIN = 0, /* it is tried again when the period is over */
    STARTUP_READY,
    STARTUP_FAILED, /* as often in a row as it may */
};

/* A try has ended. */
enum startup_result startup_tried(struct startup *s, const struct startup_probe *probe, bool good,
                                  boot_ms_t now);

#endif
