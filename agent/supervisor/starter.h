/*
 * starter.h - on a machine without systemd: the root process that turns connections into supervisors.
 *
 * The agent sends one end of a fresh packet socket over the starter's own socket; the starter forks a
 * supervisor on it. Who holds the starter's socket was given it by root, so its peers need no other proof. It
 * ends when the agent is gone; supervisors do not notice.
 */
#ifndef SUPERVISOR_STARTER_H
#define SUPERVISOR_STARTER_H

#include "supervisor/policy.h"

/* Serves until the other end of starter_fd is closed. Returns the process's exit status; in a forked
 * supervisor too. */
int starter_serve(const struct policy *policy, int starter_fd);

#endif
