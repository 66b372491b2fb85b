/*
 * terminal.h - the sink of `runlet run`: the job's standard output to ours, its standard error to ours, live.
 */
#ifndef LOGS_TERMINAL_H
#define LOGS_TERMINAL_H

#include "logs/follower.h"

struct log_sink terminal_sink(void);

#endif
