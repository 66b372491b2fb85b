/*
 * group.h - a run of several nodes: which of them start now, whether the whole has failed, succeeded or ended. Pure.
 *
 * Ranks are given to the groups one after another: the first group has 0 .. replicas-1. Who the nodes are and where they run is
 * nothing to these decisions.
 */
#ifndef RUN_GROUP_H
#define RUN_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

/* Groups of one run. */
#define RUN_GROUPS_MAX 32

/* One node of the run. */
enum member_state {
    MEMBER_WAITING = 0, /* not started */
    MEMBER_STARTED,     /* on its way, or its startup probe has not succeeded yet */
    MEMBER_READY,       /* its job runs, and its startup probe, if it has one, has succeeded */
    MEMBER_SUCCEEDED,
    MEMBER_FAILED, /* ended in any other way */
    MEMBER_STATE_COUNT,
};

struct group_shape {
    size_t replicas; /* 1 or more */
    size_t least;    /* so many must succeed for the group to succeed: 1 .. replicas */
};

struct group_plan {
    bool
        in_order; /* a group starts when all nodes of those before it are ready; otherwise all start at once */
    struct group_shape group[RUN_GROUPS_MAX];
    size_t count;
};

/* What is to be done, by the states of all nodes. */
struct group_decision {
    size_t start_to; /* of the ranks below, those that wait start now */
    bool
        failed; /* a group cannot come to its least number of successes any more: the rest is to be stopped */
    size_t failed_group; /* with failed: the first one */
    bool ended;          /* no node is under way, and none will start */
    bool succeeded;      /* with ended: every group has its least number of successes */
};

/* The nodes of all groups together. */
size_t group_size(const struct group_plan *plan);

/* The group that a rank belongs to; plan->count when it is in none. */
size_t group_of_rank(const struct group_plan *plan, size_t rank);

/* `state` has group_size() members, by rank. With `stopping` the run is being ended from outside: nothing starts any more, and nodes
 * that wait are over. */
struct group_decision group_decide(const struct group_plan *plan, const enum member_state *state,
                                   bool stopping);

/*
 * Whose end stands for the whole when it did not succeed: one that could not be ended at all; else the first to end of those that
 * failed in a group that failed by itself, not because its nodes were stopped for others; else any that failed. `end` has group_size()
 * members. group_size() when none failed.
 */
struct member_end {
    bool failed;
    bool left_something; /* could not be ended */
    bool consequence;    /* was stopped because another had failed */
    wall_ms_t at;
};
size_t group_deciding(const struct group_plan *plan, const struct member_end *end);

#endif
