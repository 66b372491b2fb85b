/*
 * terminal.h - the sinks of `runlet run`: the job's standard output to ours, its standard error to ours, live.
 */
#ifndef LOGS_TERMINAL_H
#define LOGS_TERMINAL_H

#include "logs/follower.h"
#include "logs/tags.h"

struct log_sink terminal_sink(void);

/* One node of several on the same terminal: its lines are tagged. */
struct terminal_node {
    struct line_tags *tags; /* borrowed: all nodes have the same */
    int rank;
};

/* `node` is borrowed for as long as the run is followed. */
struct log_sink terminal_node_sink(struct terminal_node *node);

#endif
