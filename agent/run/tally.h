/*
 * tally.h - what an agent process has counted since its start: ends by cause and state, and how long phases took. Pure.
 *
 * For metrics. It begins at nothing with each start of the agent, as a counter may: what is true over restarts is in the
 * records of runs.
 */
#ifndef RUN_TALLY_H
#define RUN_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "record/lifecycle.h"

/* Classes of time, from a launch to the longest run. The last has no upper bound. */
#define TALLY_CLASSES 15

struct tally {
    uint64_t ended[CAUSE_COUNT][STATE_COUNT];
    uint64_t spent[PHASE_COUNT][TALLY_CLASSES]; /* phases left, by the time they took: each in one class */
    int64_t spent_ms[PHASE_COUNT];              /* summed */
};

/* Their upper bounds, each belonging to its class. */
extern const int64_t TALLY_BOUND_MS[TALLY_CLASSES - 1];

/* A run has left `phase`, which took that long. */
void tally_phase(struct tally *t, enum phase phase, int64_t ms);

/* A run is finished. */
void tally_end(struct tally *t, enum cause cause, enum lifecycle_state state);

#endif
