/*
 * group_run.h - a run of several nodes that this agent has as a whole: its members are runs of their own here, ID+RANK, with the
 * ordinary life; the run itself starts them, stops them, and ends when they have.
 *
 * Nothing is kept in memory that is not on disk: who has ended, and how, is read from the members' folders. So after a crash the
 * whole takes its members up again and decides anew.
 */
#ifndef DAEMON_GROUP_RUN_H
#define DAEMON_GROUP_RUN_H

#include "daemon/agent.h"

/* A run whose assignment has just been read: of several nodes, it gets its members. 0 or -ENOMEM. */
int group_attach(struct agent *a, struct run *run);
void group_release(struct run *run);

/* What the phases do for such a run. */
void group_prepare(struct run *run); /* PREPARING: makes the members' folders */
void group_launch(struct run *run);  /* LAUNCHING: takes the members up, and starts whom it may */
void group_stop(struct run *run);    /* STOPPING: ends the members for the run's cause */
void group_ship(struct run *run);    /* SHIPPING: removes members that never began */

/* Whether some node of it has begun, here or elsewhere. */
bool group_began(const struct run *run);

/* A member has changed its phase, or has become ready: the whole looks at it soon. */
void group_member_changed(struct agent *a, const struct run *member);

/* The time of the whole, from its start; its members are told by whoever calls. 0, or negative when it could not be written down. */
int group_set_runtime(struct run *run, int64_t runtime_ms);
/* What the source of a run says that has nodes on several machines: struct source_hooks. Rank 0 is here. */
void group_nodes_placed(struct run *run, const struct cluster *nodes, void *context);
void group_nodes_failed(struct run *run, const char *why, void *context);
void group_node_changed(struct run *run, size_t rank, const struct node_report *report, void *context);
void group_node_stop(struct run *run, const char *cause, void *context);

/* The run's end from its own folder. */
bool group_load_record(struct run *run);

/* Calls `tell` for every member that is under way here. */
void group_each(struct run *run, void (*tell)(struct run *member, void *context), void *context);

/* Whether the folder `name` is a member of a run that is still to be ended here: that run takes it up, and keeps it. */
bool group_keeps(int agent_fd, const char *name);

#endif
