/*
 * node_view.h - the node as `GET /v1/node` shows it: the agent, whether it takes up runs, its sources.
 */
#ifndef DAEMON_NODE_VIEW_H
#define DAEMON_NODE_VIEW_H

#include "daemon/agent.h"

#define NODE_VIEW_MAX (256U * 1024)

/* Appends it as one JSON object. `started` is when the agent did. */
void node_view_json(const struct agent *a, boot_ms_t started, struct strbuf *out);

#endif
