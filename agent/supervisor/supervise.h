/*
 * supervise.h - one run from the accepted plan to its exit record.
 */
#ifndef SUPERVISOR_SUPERVISE_H
#define SUPERVISOR_SUPERVISE_H

#include "supervisor/policy.h"

/* Serves one connection: receives the first message and does what it asks (start a run and stay with it, or
 * recover a lost one). Takes over connection_fd. Returns the process's exit status: 0 when a run was brought
 * to its end or properly refused, 1 on a failure that was logged. */
int supervise(const struct policy *policy, int connection_fd);

#endif
