/*
 * table.h - the life of a run as one table: phase x event -> next phase, cause. Pure.
 *
 * Phases are in record/lifecycle.h. Events are posted by whoever completes work; the engine alone applies
 * them.
 */
#ifndef RUN_TABLE_H
#define RUN_TABLE_H

#include <stdbool.h>

#include "record/lifecycle.h"

enum run_event {
    RUN_EVENT_START = 0,  /* admission lets the run begin */
    RUN_EVENT_DONE,       /* the phase's own work is complete */
    RUN_EVENT_FAILED,     /* the phase's own work cannot be done; the poster says the cause */
    RUN_EVENT_RUNNING,    /* the supervisor: the job executes */
    RUN_EVENT_STOPPING,   /* the supervisor: the stop ladder has begun */
    RUN_EVENT_MAIN_ENDED, /* the supervisor: the main process has ended */
    RUN_EVENT_ENDED,      /* the exit record is on disk */
    RUN_EVENT_CANCEL,     /* somebody asks for the end */
    RUN_EVENT_BUDGET,     /* the phase took longer than it may */
    RUN_EVENT_LEASE_LOST, /* the run may be somebody else's by now, and is not to go on */
    RUN_EVENT_STOP, /* the run is to end in a while; what may exist of its supervisor is told by the launch */
    RUN_EVENT_COUNT,
};

enum edge_kind {
    EDGE_BUG = 0, /* cannot happen: logged as a bug, nothing changes */
    EDGE_IGNORE,  /* may happen (late, or twice) and means nothing here */
    EDGE_STAY,    /* means something, in the same phase: the phase's operation is told */
    EDGE_GO,      /* on to `next` */
};

struct edge {
    enum edge_kind kind;
    enum phase next;  /* EDGE_GO */
    enum cause cause; /* EDGE_GO: why the run will have ended; CAUSE_NONE when this edge does not say */
};

/* The edge for an event in a phase. */
struct edge run_edge(enum phase phase, enum run_event event);

const char *run_event_name(enum run_event event);
/* RUN_EVENT_COUNT when the name is unknown. */
enum run_event run_event_from_name(const char *name);

/* How long a phase may take, in milliseconds; 0: as long as the job takes. */
long long phase_budget_ms(enum phase phase);

/* What the control plane is told in this phase. */
enum lifecycle_state phase_state(enum phase phase, enum cause cause);
const char *phase_details(enum phase phase);

#endif
