/*
 * run_metrics.h - the runs that the agent attends, in numbers: how many, and what each uses.
 */
#ifndef DAEMON_RUN_METRICS_H
#define DAEMON_RUN_METRICS_H

#include "daemon/agent.h"

/* Appends them. What a run uses is its supervisor's latest look, at most ten seconds old. */
void run_metrics_put(const struct agent *a, struct strbuf *out);

#endif
