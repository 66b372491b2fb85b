/*
 * run_retry.h - after which ends a run is executed again, how often and when: what `x-runlet: {retry: ...}` says.
 *
 * Whether an end leads to another attempt is decided in run/retry_policy.h, the same for every source.
 */
#ifndef RECORD_RUN_RETRY_H
#define RECORD_RUN_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "record/lifecycle.h"

#define RETRY_ATTEMPTS_MAX     100
#define RETRY_ATTEMPTS_DEFAULT 3 /* of a block that does not say */
#define RETRY_DELAY_MS_MAX     (24LL * 3600 * 1000)
#define RETRY_DELAY_MS_DEFAULT (10LL * 1000)
#define RETRY_EXIT_CODE_MAX    255

struct run_retry {
    int64_t attempts; /* executions in all; -1: it does not say */
    int64_t delay_ms; /* between the end of one and the earliest start of the next; -1: it does not say */
    bool has_causes;  /* else those that are not the job's own fault */
    bool cause[CAUSE_COUNT];
    bool has_exit_codes; /* else `exited` stands for every failure */
    bool exit_code[RETRY_EXIT_CODE_MAX + 1];
};

/* Says nothing. */
void run_retry_init(struct run_retry *r);

/* What a run says replaces what its job says, value by value; what nobody says is filled in. A run of which neither says
 * anything is executed once. */
struct run_retry run_retry_resolve(const struct run_retry *job, const struct run_retry *run);

/* Whether a document may name the cause: a cancelled run, an end that cannot change, and one that has not come are none. */
bool run_retry_selectable(enum cause cause);

/* Whether the end is one that another attempt may help with, and not of the job's making. */
bool run_retry_by_default(enum cause cause);

#endif
