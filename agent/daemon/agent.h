/*
 * agent.h - the wiring: engine, phases' folders and the local source put together. Hosted by runletd, and by
 * `runlet run` for one run in the foreground.
 */
#ifndef DAEMON_AGENT_H
#define DAEMON_AGENT_H

#include "assignment/source.h"
#include "cloud/provider.h"
#include "config/config.h"
#include "daemon/layout.h"
#include "engine/engine.h"
#include "fetch/download.h"
#include "fetch/image.h"
#include "launch/launch.h"
#include "logs/follower.h"
#include "run/tally.h"

/* A file in a run's folder that says: whoever takes the run up, end it (`runlet cancel` while no agent
 * attends it). */
#define AGENT_CANCEL_NAME "cancel"

#define AGENT_SOURCES_MAX 4

#define AGENT_NOT_READY_MAX 8192

struct agent {
    const struct config *config; /* borrowed */
    const struct layout *layout; /* borrowed */
    struct loop *loop;           /* owned */
    struct engine *engine;       /* owned */
    struct gate gate;            /* owned */
    struct launcher launcher;
    struct fetcher fetcher;
    struct image_service images;
    struct cloud_identity instance;           /* "" throughout: not known, or asked of nobody */
    struct node_facts node;                   /* owned */
    struct source *source[AGENT_SOURCES_MAX]; /* owned */
    size_t source_count;
    size_t room; /* how many further runs the sources were told of */
    char room_why[SOURCE_WHY_MAX];
    bool room_told;
    struct notices *notices;     /* owned; NULL: nobody is asked */
    struct tally tally;          /* since this agent's start */
    struct leave *leave;         /* owned; NULL: the agent stays */
    struct health_watch *health; /* owned; NULL: nobody looks */
    struct loop_timer *sweep;    /* takes finished runs out of the table, and starts waiting ones */
    int agent_fd, queue_fd;      /* owned */
    /* Where else the run's output goes; false: the spool is enough. May be NULL. */
    bool (*sink_of)(const struct run *run, struct log_sink *ret, void *context);
    bool stopping;
    /* Called when a run is FINISHED, before it leaves the table. May be NULL. */
    void (*finished)(struct run *run, void *context);
    void *context;
};

#define AGENT_INIT                                                                                           \
    (struct agent)                                                                                           \
    {                                                                                                        \
        .gate = {.starter_fd = -1}, .agent_fd = -1, .queue_fd = -1, .launcher = {.runs_fd = -1},             \
        .fetcher = FETCHER_INIT, .images = {                                                                 \
            .cache = {.fd = -1}                                                                              \
        }                                                                                                    \
    }

/* Starts the process that starts supervisors, under the configuration's policy; as root. `silent` as for
 * gate_open_starter. 0 or negative with *e. */
int agent_open_starter(const struct config *config, const struct layout *layout, bool silent,
                       struct gate *ret, struct err *e);

/* Opens the folders and makes loop and engine; runs without privilege. a->gate must be set. 0 or negative
 * with *e. */
int agent_open(struct agent *a, const struct config *config, const struct layout *layout, struct err *e);
void agent_close(struct agent *a);

/* Takes up every unfinished run that nobody is responsible for. Returns how many; in ret_held (may be NULL), how many
 * are in the hands of another process. */
size_t agent_adopt_all(struct agent *a, size_t *ret_held);

/* Takes up only those that have come to their end, or were never launched and are not wanted any more: what
 * needs no waiting. Returns how many. */
size_t agent_adopt_ended(struct agent *a);

/* Takes up one run. lock_fd as for run_open. NULL with *e on failure. */
struct run *agent_take(struct agent *a, const char *id, int lock_fd, struct err *e);

/* Makes the node be emptied: no further run is begun, over restarts too, until it is undrained. `reason` is for people. 0, or
 * negative when that could not be written down. */
int agent_drain(struct agent *a, const char *reason);
int agent_undrain(struct agent *a);

/* For people: why no further run is started now, and what of which run is in its way; "" when one would be. */
void agent_not_ready(const struct agent *a, char *ret, size_t size);

/* Starts waiting runs as far as admission allows. */
void agent_admit(struct agent *a);

/* Whether run `id` is finished: marked so in its directory. */
bool agent_run_finished(int agent_fd, const char *id);

#endif
