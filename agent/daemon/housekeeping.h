/*
 * housekeeping.h - finished runs are forgotten by the node's retention policy (run/retention.h), one at a
 * time.
 */
#ifndef DAEMON_HOUSEKEEPING_H
#define DAEMON_HOUSEKEEPING_H

#include "daemon/agent.h"

/* A file in a run's folder that exempts it from retention (`runlet run --keep`). */
#define AGENT_KEEP_NAME "keep"

struct housekeeping;

/* Looks now and then every hour. NULL with *e on failure. */
struct housekeeping *housekeeping_start(struct agent *agent, struct err *e);
void housekeeping_stop(struct housekeeping *h);

#endif
