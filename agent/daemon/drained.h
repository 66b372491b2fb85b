/*
 * drained.h - a file in the agent's folder: somebody wants the node to be emptied, over restarts of agent and machine too. The agent
 * looks at the file, so that it may be made and removed while the agent is down.
 */
#ifndef DAEMON_DRAINED_H
#define DAEMON_DRAINED_H

#include <stdbool.h>

#include "base/clock.h"

#define DRAINED_REASON_MAX 256

struct drained {
    wall_ms_t since;
    char reason[DRAINED_REASON_MAX]; /* for people; "": none was given */
};

/* Makes the file; the same reason again changes nothing. Control characters of the reason become blanks, and what is too long is
 * cut. 0 or -errno. */
int drained_set(int agent_fd, const char *reason);

/* Removes the file; without one nothing is to be done. 0 or -errno. */
int drained_clear(int agent_fd);

/* Whether there is such a file. */
bool drained_read(int agent_fd, struct drained *ret);

#endif
