/*
 * leave.h - ends the agent when its work on this machine is done (run/leave.h), by the configuration's afterRun and idle.shutdown.
 */
#ifndef DAEMON_LEAVE_H
#define DAEMON_LEAVE_H

#include "daemon/agent.h"

struct leave;

/* Looks from now on; a->leave is set, unless the configuration wants the agent to stay in any case. 0 or negative with *e. */
int leave_start(struct agent *a, struct err *e);
void leave_stop(struct agent *a);

/* A run has finished here: noted, so that an agent that starts again knows it. Before the run is marked as finished. */
void leave_note_served(const struct agent *a);

/* Whether the node takes up nothing, because it is being left. */
bool leave_begun(const struct agent *a);

/* What the agent is to exit with: 0, LEAVE_STATUS_EXIT or LEAVE_STATUS_POWEROFF. */
int leave_status(const struct agent *a);

#endif
