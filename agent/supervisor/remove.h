/*
 * remove.h - forgets a finished run: its directory is removed when the agent asks for it.
 */
#ifndef SUPERVISOR_REMOVE_H
#define SUPERVISOR_REMOVE_H

#include "supervisor/channel.h"
#include "supervisor/policy.h"

/* Removes the run's directory if nothing of it lives and its end is on record; says `removed`, or refuses.
 * Returns the process's exit status. */
int remove_run(const struct policy *policy, const struct message *request, struct channel *channel);

#endif
