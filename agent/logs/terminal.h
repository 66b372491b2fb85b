/*
 * terminal.h - the sinks of `runlet run`: the job's standard output to ours, its standard error to ours, live.
 */
#ifndef LOGS_TERMINAL_H
#define LOGS_TERMINAL_H

#include "logs/follower.h"
#include "logs/tags.h"

struct log_sink terminal_sink(void);

/* One node of several on the same terminal: its lines are tagged. Zero but for the rank to begin with. */
struct terminal_node {
    int rank;
    struct {
        struct tagged_line line;
        size_t sent;
    } stream[2]; /* stdout, stderr */
};

/* `node` is borrowed for as long as the run is followed. */
struct log_sink terminal_node_sink(struct terminal_node *node);

/* Writes what is held of it, waiting for the terminal: the node has ended. */
void terminal_node_end(struct terminal_node *node);

#endif
