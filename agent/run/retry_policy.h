/*
 * retry_policy.h - whether a run that has ended is executed again: by how it ended, which attempt it was, and what its document
 * says. Pure; every source decides by this.
 */
#ifndef RUN_RETRY_POLICY_H
#define RUN_RETRY_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "record/exit_record.h"
#include "record/run_retry.h"
#include "record/verdict.h"

struct retry_decision {
    bool again;
    int64_t delay_ms; /* with `again`: from the end to the earliest start */
    const char *why;  /* for people */
};

/* `retry` is resolved (run_retry_resolve); attempt is 1 for the first execution. `wanted` is false when somebody asked for the run's
 * end: that stands, whatever the end came from. */
struct retry_decision retry_decide(const struct run_retry *retry, const struct exit_record *record,
                                   const struct verdict *verdict, int64_t attempt, bool wanted);

#endif
