/*
 * process_metrics.h - the agent's own process in numbers, under the names that every Prometheus client uses.
 * Source: https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics.
 */
#ifndef DAEMON_PROCESS_METRICS_H
#define DAEMON_PROCESS_METRICS_H

#include "base/strbuf.h"

void process_metrics_put(struct strbuf *out);

#endif
