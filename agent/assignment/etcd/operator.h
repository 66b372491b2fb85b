/*
 * operator.h - a fleet from any machine: runs are handed in, looked at and ended through the same keys that agents use.
 *
 * Each function hosts a loop until it is answered. A cluster that is away is asked again, until the time limit of the operator is
 * over: -ETIMEDOUT then, with the last reason. What changes something may have been done all the same; doing it again is safe.
 */
#ifndef ASSIGNMENT_ETCD_OPERATOR_H
#define ASSIGNMENT_ETCD_OPERATOR_H

#include "assignment/etcd/client.h"
#include "assignment/etcd/keys.h"
#include "assignment/etcd/record.h"

struct etcd_operator;

/* The caller frees it. settings and what they point at live longer. limit_ms: for each function below. NULL with *e. */
struct etcd_operator *etcd_operator_new(const struct etcd_settings *settings, const char *prefix,
                                        int64_t limit_ms, struct err *e);
void etcd_operator_free(struct etcd_operator *o);
static inline void etcd_operator_auto(struct etcd_operator **o)
{
    etcd_operator_free(*o);
}

/* Puts the run into the queue of its pool, as etcd_move_submit says. 1, 0 when a first try of the same call had done it, -EEXIST when there is a
 * run of that id. */
int etcd_operator_submit(struct etcd_operator *o, const struct etcd_state *state,
                         const struct strbuf *document, struct err *e);

/* The state of one run. -ENOENT when there is none. */
int etcd_operator_run(struct etcd_operator *o, const char *run, struct etcd_state *ret, struct err *e);

/* Calls `take` for every run, in the order of their ids. A negative value of it ends that and is returned. */
typedef int etcd_take_run(const struct etcd_state *state, void *context, struct err *e);
int etcd_operator_runs(struct etcd_operator *o, etcd_take_run *take, void *context, struct err *e);

/* 1 when it ended before it began, 0 when its node is told, -EALREADY without *e when it is at its end. *ret is what it was
 * before. */
int etcd_operator_cancel(struct etcd_operator *o, const char *run, bool kill, struct etcd_state *ret,
                         struct err *e);

/* Removes an ended run, and its members with it. -EBUSY with *e when it, or a member, is not at its end. */
int etcd_operator_remove(struct etcd_operator *o, const char *run, struct err *e);

/* Calls `take` for every node that is there, in the order of their names, with the number of runs that it has. */
typedef int etcd_take_node(const char *name, const struct etcd_node *node, int64_t runs, void *context,
                           struct err *e);
int etcd_operator_nodes(struct etcd_operator *o, etcd_take_node *take, void *context, struct err *e);

#endif
