/*
 * terms.h - how long a run may go on, as arithmetic: its deadline when somebody changes it, and the end of its lease. Pure.
 *
 * A lease that ends without a later word ends the run, so that whoever gives the run to another node then finds nothing of it alive
 * here. So the stop begins before the lease ends: the job's grace, and time to kill, fit before it.
 */
#ifndef SUPERVISOR_TERMS_H
#define SUPERVISOR_TERMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/* Between SIGKILL and the end of the lease: init reaps, and the kernel takes what is left. */
#define LEASE_KILL_MS 5000

/* When to stop a run whose lease holds until `until`. */
struct lease_terms {
    boot_ms_t until;   /* INT64_MAX: the run has no lease */
    boot_ms_t stop_at; /* the job is asked to end */
    boot_ms_t kill_at; /* whatever is left is killed */
};

#define LEASE_TERMS_NONE                                                                                     \
    {                                                                                                        \
        {INT64_MAX}, {INT64_MAX},                                                                            \
        {                                                                                                    \
            INT64_MAX                                                                                        \
        }                                                                                                    \
    }

/* Of a lease that is heard of at `now`. A short one leaves less time for both, but at least half of it is left to hear of the next. */
struct lease_terms lease_terms_of(boot_ms_t until, int64_t grace_ms, boot_ms_t now);

/* The runtime that a run gets when runtime_ms are asked for on a node which allows node_max_ms. */
int64_t runtime_allowed(int64_t runtime_ms, int64_t node_max_ms);

#endif
