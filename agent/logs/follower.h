/*
 * follower.h - reads a run's spool while it grows and hands it to sinks; the phase SHIPPING is its end.
 */
#ifndef LOGS_FOLLOWER_H
#define LOGS_FOLLOWER_H

#include "engine/engine.h"
#include "record/spool.h"

/*
 * Where output goes. `deliver` takes up to piece->n bytes and returns how many it took (0: not now, ask again
 * later), or negative when the sink is broken for good, after which the run is shipped without it. It must
 * not block.
 */
struct log_sink {
    ssize_t (*deliver)(const struct spool_piece *piece, void *context);
    void *context;
};

/* Starts to follow the run's output from its beginning, if there is a sink. Idempotent. runs_fd is borrowed
 * and must outlive the run. */
void follower_start(struct run *run, int runs_fd, const struct log_sink *sink);

/* PHASE_SHIPPING: delivers what is left, then posts DONE. */
void follower_ship(struct run *run);

void follower_release(struct run *run);

#endif
