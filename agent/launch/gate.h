/*
 * gate.h - the door to the privileged side: how the agent gets a connection to a new supervisor.
 *
 * Under systemd the door is a socket at which the service manager starts an instance for each connection.
 * Elsewhere it is a starter process (agent/supervisor/starter.h) that was forked before the agent gave up its
 * privilege.
 */
#ifndef LAUNCH_GATE_H
#define LAUNCH_GATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strlist.h"

struct gate {
    int starter_fd;          /* owned; -1: use the socket */
    pid_t starter_pid;       /* 0 without a starter */
    const char *socket_path; /* borrowed */
};

/* Forks and executes `supervisor` (its path) with --starter-fd and the policy options. What they log goes to
 * this process's stderr, or nowhere when `silent`. Must be called while privileged and before threads exist.
 * 0 or negative with *e. */
int gate_open_starter(const char *supervisor, const struct strlist *policy_options, bool silent,
                      struct gate *ret, struct err *e);

/* A connection to a fresh supervisor: fd, or negative with *e. */
int gate_connect(const struct gate *g, struct err *e);

void gate_close(struct gate *g);

#endif
