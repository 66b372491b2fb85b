/*
 * fetch.h - the phase PREPARING: everything the run needs, open and ready to hand over.
 *
 * A local run's artifact lies beside its assignment, put there when it was submitted; fetching is opening.
 */
#ifndef FETCH_FETCH_H
#define FETCH_FETCH_H

#include "engine/engine.h"
#include "job/job.h"

/* Opens each part of run->request's artifact (paths relative to the run's directory) into run->placement_fd.
 * Idempotent. 0 or negative with *e. */
int fetch_open(struct run *run, struct err *e);

/* PHASE_PREPARING: fetch_open, then DONE, or the failure. */
void fetch_enter(struct run *run);

#endif
