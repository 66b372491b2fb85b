/*
 * recover.h - the true end of a run whose supervisor was lost, from what lies in its directory.
 */
#ifndef SUPERVISOR_RECOVER_H
#define SUPERVISOR_RECOVER_H

#include "supervisor/channel.h"
#include "supervisor/policy.h"

/*
 * Waits until nothing of the run is alive (its lock is free), then writes the exit record unless there is
 * one: the main process's end if init witnessed it; otherwise unknown, with the cause supervisor-lost or,
 * after a reboot, node-rebooted; not started when the launch had not begun. Never a guessed success. Says
 * `ended` on the channel, or refuses. Returns the process's exit status.
 */
int recover(const struct policy *policy, const struct message *request, struct channel *channel);

#endif
