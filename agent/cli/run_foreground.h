/*
 * run_foreground.h - one run in this process: the engine with the terminal as its log sink, and Ctrl-C.
 */
#ifndef CLI_RUN_FOREGROUND_H
#define CLI_RUN_FOREGROUND_H

#include <stdbool.h>

#include "base/limits.h"
#include "daemon/agent.h"

struct foreground {
    bool quiet;  /* runlet says nothing itself */
    bool silent; /* the job's output is not shown (a run in the background) */
    bool waits;  /* a signal ends the attendance, not the run */
    bool ended;  /* set when the run is finished; the three below are then valid */
    struct exit_record record;
    struct verdict verdict;
    char id[RUN_ID_BYTES];
};

/* Opens an agent with the given gate, takes runs up that earlier calls left behind and that have ended, then
 * drives run `id` to its end (or joins it when it lives). lock_fd as for run_open. 0 with f filled, or
 * negative with *e. */
int run_foreground(const struct config *config, const struct layout *layout, struct gate gate, const char *id,
                   int lock_fd, struct foreground *f, struct err *e);

#endif
