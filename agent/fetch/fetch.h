/*
 * fetch.h - the phase PREPARING: everything the run needs, open and ready to hand over.
 *
 * A part that was handed in with the run lies in its folder parts/ already. One with a source is fetched into the cache and
 * gets its name there by a hard link; one that stands in the assignment is written there. So a later agent finds what is
 * complete by its name, and what a run holds is not evicted.
 */
#ifndef FETCH_FETCH_H
#define FETCH_FETCH_H

#include "engine/engine.h"
#include "fetch/download.h"
#include "job/job.h"

/* A note in the run's folder while it fetches (progress_put): how far it is. */
#define FETCH_NOTE_NAME "fetch"

/* Opens what lies in the run's folder into run->placement_fd, for a run that a former agent had prepared. Idempotent. 0 or
 * negative with *e. */
int fetch_open(struct run *run, struct err *e);

/* PHASE_PREPARING: gets what is missing, then DONE, or the failure. */
void fetch_enter(struct run *run, struct fetcher *fetcher);

/* The phase is over, whatever ended it: what is under way ends at once. Safe to call at any time. */
void fetch_leave(struct run *run);

#endif
