/*
 * group_state.h - what the files of a run of several nodes share. Private to them.
 *
 *   group_run.c         its members here, and the whole
 *   group_elsewhere.c   its members on other machines
 */
#ifndef DAEMON_GROUP_STATE_H
#define DAEMON_GROUP_STATE_H

#include "daemon/group_run.h"
#include "run/group.h"

/* How a node on another machine ended, as its agent said. */
struct elsewhere_node {
    struct exit_record record;
    bool ended, began;
};

struct group_run {
    struct agent *agent; /* borrowed */
    struct run *run;
    struct group_plan plan;
    size_t size;
    enum member_state *state; /* owned; by rank */
    bool *was_ready;          /* owned; by rank: it stays so until it ends */
    struct loop_timer *look;  /* at the members */
    struct loop_timer *deadline;
    wall_ms_t since; /* when the first node ran; 0: none has */
    bool failed, running_said, ended_said;
    /* Of a run with nodes on several machines. */
    bool elsewhere;             /* ranks from 1 on */
    bool placed;                /* they are known */
    struct cluster nodes;       /* owned */
    struct elsewhere_node *far; /* owned; by rank */
};

/* Makes the members that are here, now that all nodes are known, and ends PREPARING. */
void group_make_members(struct run *run, const struct cluster *cluster);

/* Those that are elsewhere hear of it. Nothing when there are none. */
void group_tell_elsewhere(struct group_run *g, const struct directive *d);
/* Those that are elsewhere end for the run's cause. Nothing when there are none. */
void group_stop_elsewhere(struct group_run *g);

#endif
