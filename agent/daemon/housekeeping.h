/*
 * housekeeping.h - what a running agent does beside its runs: finished ones are forgotten by the node's retention policy
 * (run/retention.h), one at a time; what killed submitters left is swept; and runs whose own process left them are taken up.
 */
#ifndef DAEMON_HOUSEKEEPING_H
#define DAEMON_HOUSEKEEPING_H

#include "daemon/agent.h"

/* A file in a run's folder that exempts it from retention (`runlet run --keep`). */
#define AGENT_KEEP_NAME "keep"

struct housekeeping;

/* Retention and sweep now and then every hour; left runs every two seconds. NULL with *e on failure. */
struct housekeeping *housekeeping_start(struct agent *agent, struct err *e);
void housekeeping_stop(struct housekeeping *h);

#endif
