/*
 * startup_probe.h - a command that says when a node of a run is ready (startupProbeDetails).
 *
 * The service documents neither defaults nor ranges: these are ours, those of the probes that people know from Kubernetes.
 */
#ifndef BASE_STARTUP_PROBE_H
#define BASE_STARTUP_PROBE_H

#include <stdint.h>

#include "base/strlist.h"

#define PROBE_DELAY_S_MAX       86400
#define PROBE_PERIOD_S_DEFAULT  10
#define PROBE_PERIOD_S_MAX      86400
#define PROBE_FAILURES_DEFAULT  3
#define PROBE_FAILURES_MAX      10000
#define PROBE_COMMAND_WORDS_MAX 64

struct startup_probe {
    struct strlist command;  /* owned; none: there is no probe */
    int64_t initial_delay_s; /* from the start of the job to the first try: 0 .. PROBE_DELAY_S_MAX */
    int64_t period_s;        /* from one try to the next, and as long may one take: 1 .. PROBE_PERIOD_S_MAX */
    int64_t
        failure_threshold; /* after so many failures in a row the node has failed: 1 .. PROBE_FAILURES_MAX */
};

#endif
