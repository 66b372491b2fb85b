/*
 * engine.h - drives runs through the phase table on the loop.
 *
 * One setter changes a run's phase: it journals the transition, then calls the new phase's operation. Work
 * that completes posts an event; events are applied one at a time from the loop, never from inside the call
 * that posted them. What a phase does lies behind struct phase_ops, filled in by the wiring (agent/daemon);
 * the engine knows no network, no supervisor and no control plane.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/limits.h"
#include "io/loop.h"
#include "record/exit_record.h"
#include "record/journal.h"
#include "record/verdict.h"
#include "run/history.h"
#include "run/table.h"

#define AGENT_JOURNAL_NAME "agent.journal"
#define AGENT_LOCK_NAME    "lock"
#define RUN_EVENTS_PENDING 16
#define RUN_PLACEMENTS_MAX PLAN_PLACEMENTS_MAX

struct engine;
struct job_request;
struct run_spec;
struct image_pull;
struct launch_client;
struct run_fetch;
struct log_follower;
struct outbox;
struct group_run;

/* An event that was posted, and in which phase. "Done" and "budget spent" are of that phase: when another event
 * ended the phase first, they say nothing about the next one. */
struct posted_event {
    enum run_event event;
    enum phase phase;
};

/* One run. Owned by the engine from engine_add until engine_free; everything it points at is freed by
 * hooks->release. */
struct run {
    struct engine *engine;
    char id[RUN_ID_BYTES];
    enum phase phase;           /* written by the engine's setter alone */
    boot_ms_t entered_at;       /* the phase; 0: by a former agent */
    enum cause cause;           /* first one known to the agent */
    struct run_history history; /* as the journal was when the agent took the run up */
    int dir_fd;                 /* owned: agent/<run>/ */
    int lock_fd;                /* owned: held while this process is responsible for the run */
    struct journal journal;     /* owned */
    bool wanted;                /* whoever asked for it in the foreground is still here */
    size_t
        places; /* nodes it executes here, which admission counts; 0 for one of those, for the whole holds its place */
    bool ready;    /* its startup probe has succeeded */
    bool given_up; /* it is to end for `cause` */
    bool cancel_requested;
    bool kill_requested;
    bool stop_requested; /* the job is told that it ends at stop_at, for stop_reason */
    enum notice_reason stop_reason;
    boot_ms_t stop_at;
    int64_t runtime_ms;        /* what its supervisor is still to hear of the deadline; 0: nothing */
    struct err failure;        /* why it ended before a launch; text empty otherwise */
    struct exit_record record; /* the end, once ended */
    bool has_record;
    struct verdict verdict; /* from SHIPPING on */
    boot_ms_t deadline;     /* from RUNNING on, as the supervisor said */
    bool leased;            /* it came with a lease, and begins only while that is known to hold */
    boot_ms_t lease_until;  /* 0: nothing is known of one */
    wall_ms_t started_at;
    int64_t main_pid;
    struct posted_event pending[RUN_EVENTS_PENDING];
    size_t pending_count;
    struct loop_timer *budget;
    struct run *next;
    /* Slots of the phases' folders; the engine does not look into them. */
    struct job_request *request;
    struct run_spec *spec;
    int placement_fd[RUN_PLACEMENTS_MAX]; /* owned; -1 unless PREPARING opened them */
    int image_fd;                         /* owned: layout of the container image; -1 likewise */
    struct image_pull *image_pull;
    struct run_fetch *fetch; /* while PREPARING */
    struct launch_client *launch;
    struct log_follower *logs;
    struct outbox *outbox;
    struct group_run *group; /* of a run of several nodes */
};

/* What a phase does. All members may be NULL. `enter` must lead to a posted event; so must `told`, called for
 * an event that stays in the phase (EDGE_STAY). */
struct phase_ops {
    void (*enter)(struct run *run, void *context);
    void (*told)(struct run *run, enum run_event event, void *context);
};

struct engine_hooks {
    struct phase_ops ops[PHASE_COUNT];
    /* After each transition was journaled and before the new phase's operation runs; spent_ms is how long the run was in the phase
     * that it leaves, -1 when a former agent saw it begin. */
    void (*changed)(struct run *run, enum phase from, int64_t spent_ms, void *context);
    /* Fills run->record and sets has_record when the run's end is on disk. */
    bool (*load_record)(struct run *run, void *context);
    /* The run's startup probe has succeeded. */
    void (*ready)(struct run *run, void *context);
    /* Frees the slots of a run that leaves the engine. */
    void (*release)(struct run *run, void *context);
    void *context;
};

/* The caller owns the engine; hooks are copied. NULL with *e on failure. */
struct engine *engine_new(struct loop *loop, const struct engine_hooks *hooks, struct err *e);
void engine_free(struct engine *e);

struct loop *engine_loop(const struct engine *e);

/* Opens the directory agent/<id>, takes its lock and folds its journal. lock_fd is the lock when the caller
 * holds it already (taken over in every case), else -1. The run is returned without being driven yet; owned
 * by the caller until engine_add. -EBUSY when another process is responsible for it. */
int run_open(int agent_dir_fd, const char *id, int lock_fd, struct run **ret, struct err *e);
void run_close(struct run *run);

/* Takes the run over and drives it: from where its journal says it was (run/history.h), or from the start. */
void engine_add(struct engine *e, struct run *run);

/* Removes a finished run from the table. */
void engine_remove(struct engine *e, struct run *run);

struct run *engine_find(const struct engine *e, const char *id);
struct run *engine_first(const struct engine *e);
/* Places of runs that were started and have not ended: those that only wait for their report to be taken hold none. */
size_t engine_active(const struct engine *e);

/* Posts an event: applied on a later turn of the loop. */
void run_post(struct run *run, enum run_event event);

/* The phase cannot do its work: notes cause and reason (the first ones stay) and posts FAILED. */
void run_fail(struct run *run, enum cause cause, const struct err *why);

/* Asks for the end of the run, durably. With `kill`, without further grace. 0, or negative when the request could not be
 * written down: it holds all the same, but not over a restart of the agent. */
int run_cancel(struct run *run, bool kill);

/* Asks for the end of the run in left_ms (0 or more), of which its job hears, durably. It can only make the end sooner. One that was
 * not launched ends at once. 0 or negative as above. */
int run_stop(struct run *run, enum notice_reason reason, int64_t left_ms);

/* The run may execute for that long from its start, durably: until its supervisor says that it has it (run_runtime_set). 0 or negative
 * as above. */
int run_set_runtime(struct run *run, int64_t runtime_ms);
void run_runtime_set(struct run *run, int64_t runtime_ms);
/* As run_cancel, for another cause. It is not asked again after a restart of the agent: whoever wants it says so again. */
void run_give_up(struct run *run, enum cause cause, const struct err *why);

/* The supervisor says that the run's startup probe has succeeded; it may say so again. */
void run_became_ready(struct run *run);

/* Starts a fact in the run's journal; run_noted ends it. A failing disk is logged, not fatal: the run goes
 * on. run_noted returns 0, or negative then. */
struct fact_writer *run_note(struct run *run, const char *event);
int run_noted(struct run *run, bool durable);

#endif
