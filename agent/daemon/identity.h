/*
 * identity.h - who this node is: by the configuration, else by the instance metadata service of its cloud, else by its host name.
 */
#ifndef DAEMON_IDENTITY_H
#define DAEMON_IDENTITY_H

#include "daemon/agent.h"

/*
 * Fills a->node; a->agent_fd and the folder of runs are open. What the metadata service said is remembered until the machine is
 * started anew, so that an agent that starts again needs no answer. Without one the node has no name of its own: -EHOSTUNREACH,
 * unless the configuration has node.id; then the rest stays unknown. Waits for the service, some seconds at most, on a loop of
 * its own. 0 or negative with *e.
 */
int identity_read(struct agent *a, struct err *e);

/* Fills only what the machine itself says, for an agent that no control plane knows. 0 or negative with *e. */
int identity_of_machine(struct agent *a, struct err *e);

#endif
