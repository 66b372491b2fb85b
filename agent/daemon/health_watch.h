/*
 * health_watch.h - looks at the node's health again and again (run/health.h): before it takes up runs, and while it does.
 */
#ifndef DAEMON_HEALTH_WATCH_H
#define DAEMON_HEALTH_WATCH_H

#include "daemon/agent.h"
#include "run/health.h"

struct health_watch;

/* Looks for the first time, and every health.period from then on; a->health is set. Until health.command has ended for the first time it
 * has failed. 0 or negative with *e. */
int health_watch_start(struct agent *a, struct err *e);
void health_watch_stop(struct agent *a);

/* The last results; `since` of each is when its state became what it is. NULL: nobody looks (a run in the foreground). */
const struct health_result *health_results(const struct agent *a);
wall_ms_t health_since(const struct agent *a, enum health_check check);

#endif
