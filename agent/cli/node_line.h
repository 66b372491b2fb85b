/*
 * node_line.h - what `runlet status` and `runlet drain` say of the node: runletd's own words.
 */
#ifndef CLI_NODE_LINE_H
#define CLI_NODE_LINE_H

#include "cli/cli.h"
#include "daemon/layout.h"
#include "format/node.h"

/* The agent's GET /v1/node, owned by the caller; NULL: it is not running, or did not answer. */
struct node *node_ask(const struct layout *layout);

/* The integer under the key; 0 when there is none. */
int64_t node_number(const struct node *n, const char *key);

/* Prints the agent, whether its node takes up runs and the state of its sources; or that the agent is down, and whether the node
 * is drained. */
void node_lines_show(const struct cli *cli, const struct layout *layout);

#endif
