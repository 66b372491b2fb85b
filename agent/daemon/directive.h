/*
 * directive.h - what a control plane wants of a run or of this node, done: the hooks of the sources (assignment/source.h), with the
 * agent as context.
 */
#ifndef DAEMON_DIRECTIVE_H
#define DAEMON_DIRECTIVE_H

#include "assignment/source.h"

/* 0, or negative when it could not be written down: it is done all the same, but is lost with a restart of the agent. */
int directive_to_run(struct run *run, const struct directive *d);

void directive_from_source(struct run *run, const struct directive *d, void *context);
void directive_to_node(const struct node_directive *d, void *context);
void directive_lease_held(struct run *run, boot_ms_t until, void *context);
void directive_lease_lost(struct run *run, const char *why, void *context);

#endif
