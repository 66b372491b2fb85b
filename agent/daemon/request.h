/*
 * request.h - a run's assignment document, read into its job request and resolved run.
 */
#ifndef DAEMON_REQUEST_H
#define DAEMON_REQUEST_H

#include "config/config.h"
#include "daemon/layout.h"
#include "engine/engine.h"

/* Reads assignment.json of the run's directory into run->request and run->spec. 0, or negative with *e (blame
 * assignment) naming the first error's place. */
int request_load(struct run *run, const struct config *config, const struct layout *layout,
                 int64_t *ret_epoch, struct err *e);

void request_release(struct run *run);

#endif
