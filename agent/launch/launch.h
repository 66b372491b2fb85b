/*
 * launch.h - the phases LAUNCHING to CLEANING: the agent's side of its conversation with a run's supervisor.
 *
 * It finds out by itself where the run is - not started, alive, ended, lost - and does what is missing; so
 * the same entry serves a new run and one that a former agent left. What the supervisor says becomes events
 * for the engine.
 */
#ifndef LAUNCH_LAUNCH_H
#define LAUNCH_LAUNCH_H

#include "engine/engine.h"
#include "launch/gate.h"
#include "launch/plan_build.h"

struct launcher {
    struct gate *gate;       /* borrowed */
    int runs_fd;             /* owned: .../runs, readable by the agent's group */
    const char *sockets_dir; /* borrowed */
    const char *drain;       /* borrowed; while this file is there no start is given up */
    struct launch_settings settings;
};

/* PHASE_LAUNCHING: starts the run, or joins the one there is. */
void launch_enter(struct run *run, const struct launcher *launcher);

/* PHASE_STOPPING, on entry and on every further request: passes a cancel or kill on to the supervisor. */
void launch_stop(struct run *run);

/* What was asked of the run (run_stop, run_set_runtime) is told to its supervisor: now, or as soon as there is one to tell. */
void launch_tell(struct run *run);

/* run->lease_until has changed: a supervisor that stops its run at the end of the lease hears of it. */
void launch_lease(struct run *run);

/* Whether it is not begun because its lease is not confirmed, and was not begun by a former agent either. */
bool launch_awaits_lease(const struct run *run);

/* Reads the exit record of a run, if there is one, into run->record. */
bool launch_load_record(struct run *run, const struct launcher *launcher);

/* Drops the conversation. */
void launch_release(struct run *run);

#endif
