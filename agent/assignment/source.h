/*
 * source.h - where assignments come from and reports go to: the interface that every source implements.
 *
 *   local/  a folder on this machine           http/  a REST control plane           etcd/  keys of an etcd cluster
 *
 * A source brings runs by making their folders in the agent's directory (assignment/local/submission.h) and saying so; it holds
 * their leases, passes on what somebody wants of a run or of the node, and takes the reports of the outbox. It is driven from
 * the loop, never waits, and calls its hooks from the loop only, never from inside a function of its own that was called.
 * To add one: a folder here that exports one function, which makes it, and a call of that in agent/daemon/sources.c.
 */
#ifndef ASSIGNMENT_SOURCE_H
#define ASSIGNMENT_SOURCE_H

#include "assignment/node.h"
#include "base/cluster.h"
#include "base/err.h"
#include "base/log.h"
#include "engine/engine.h"
#include "engine/status_report.h"

/* What somebody wants of a run. */
enum directive_kind {
    DIRECTIVE_CANCEL = 0, /* end it; with `kill` without further grace */
    DIRECTIVE_STOP, /* tell the job that it ends in grace_ms, so that it can write its checkpoint, then end it: preempted */
    DIRECTIVE_DEADLINE, /* it may run for maximum_runtime_ms, counted from its start, instead */
};

struct directive {
    enum directive_kind kind;
    bool kill;
    int64_t grace_ms; /* -1: the job's own */
    int64_t maximum_runtime_ms;
};

/* What somebody wants of the node. */
enum node_directive_kind {
    NODE_DIRECTIVE_DRAIN = 0, /* take up no further run, over restarts of the agent too */
    NODE_DIRECTIVE_UNDRAIN,
    NODE_DIRECTIVE_LOG_LEVEL,
};

struct node_directive {
    enum node_directive_kind kind;
    enum log_level log_level;
    char reason[256]; /* for people; "": none was given */
};

/* What is known of a node of a run of several that another agent executes. */
struct node_report {
    enum lifecycle_state state;
    bool ready; /* its job runs */
    const char *cause, *details, *node;
    bool has_exit_code;
    int64_t exit_code;
    wall_ms_t started_at, finished_at; /* 0: not yet */
};

struct source;

/* What the wiring does for a source. */
struct source_hooks {
    /* A run's folder `name` is complete in the agent's directory. */
    void (*assigned)(struct source *s, const char *name, void *context);
    /* The run may have ended meanwhile: then it means nothing. */
    void (*directive)(struct run *run, const struct directive *d, void *context);
    void (*node_directive)(const struct node_directive *d, void *context);
    /* The lease was confirmed and holds until then. */
    void (*lease_held)(struct run *run, boot_ms_t until, void *context);
    /* The lease is lost: it ran out unconfirmed, or somebody else has the run. Said once for each run. */
    void (*lease_lost)(struct run *run, const char *why, void *context);
    /* Of a run of several nodes, after place_nodes. All are known, by rank. */
    void (*nodes_placed)(struct run *run, const struct cluster *nodes, void *context);
    /* They cannot be found. */
    void (*nodes_failed)(struct run *run, const char *why, void *context);
    /* Of one that is elsewhere; the same may be said again. */
    void (*node_changed)(struct run *run, size_t rank, const struct node_report *report, void *context);
    /* The run is one node of several, and all are to end for that cause. */
    void (*node_stop)(struct run *run, const char *cause, void *context);
    void *context;
};

/* For status displays. */
enum source_link {
    SOURCE_LINK_NONE = 0, /* has no other end */
    SOURCE_LINK_UP,       /* the last request was answered */
    SOURCE_LINK_DOWN,     /* it was not: see `why` */
};

#define SOURCE_WHY_MAX 512

struct source_state {
    enum source_link link;
    wall_ms_t since;          /* of `link`; 0: it was never tried */
    char endpoint[256];       /* without credentials */
    char why[SOURCE_WHY_MAX]; /* for people */
};

/* All members may be NULL but name, report and free. */
struct source_ops {
    const char *name; /* "local", "http", "etcd": also the origin of its runs */
    enum run_origin origin;
    /* Unfinished runs were taken up again (`attend` was called for each): it may ask for work from now on. */
    void (*begin)(struct source *s);
    /* How many further runs the node would start now; why not, for people, when 0. Called when that or the reason has changed. */
    void (*room)(struct source *s, size_t room, const char *why_not);
    /* A run of this source is in the engine's table: its lease is to be held. */
    void (*attend)(struct source *s, struct run *run);
    void (*report)(struct source *s, struct run *run, const struct status_report *report);
    /* The run leaves the table: nothing may be said of it any more, its reports under way included. */
    void (*leave)(struct source *s, struct run *run);
    /* For a source whose runs may have nodes on several machines; others leave these out, and one machine executes all nodes.
     * Rank 0 is executed here. place_nodes may be called again. */
    void (*place_nodes)(struct source *s, struct run *run);
    void (*begin_nodes)(struct source *s, struct run *run, size_t below); /* the ranks below may begin */
    void (*stop_nodes)(struct source *s, struct run *run, const char *cause);
    /* What is wanted of the whole is told to the nodes that are elsewhere. The same may be told again. */
    void (*tell_nodes)(struct source *s, struct run *run, const struct directive *d);
    void (*describe)(const struct source *s, struct source_state *ret);
    void (*free)(struct source *s);
};

/* The first member of every implementation. */
struct source {
    const struct source_ops *ops;
};

/* What every source is made with. All borrowed; they live longer than the source. */
struct source_wiring {
    struct loop *loop;
    int agent_fd; /* the agent's directory */
    const struct node_facts *node;
    const struct source_hooks *hooks; /* copied */
};

#endif
