/*
 * moves.h - every transaction that changes where a run is, as docs/contract/etcd.md writes them down. Pure: they make bodies.
 *
 * A run that is not at its end has either one key in the queue or one claim; whoever changes its state compares that key. So
 * each of them happens once, however often it is asked for and whoever dies in between.
 */
#ifndef ASSIGNMENT_ETCD_MOVES_H
#define ASSIGNMENT_ETCD_MOVES_H

#include "assignment/etcd/record.h"
#include "assignment/etcd/request.h"

/* The key in the queue that a waiting run has. */
void etcd_move_waiting_key(const struct etcd_keys *k, const struct etcd_state *s, char ret[ETCD_KEY_MAX]);

/*
 * Submits a run: states and assignments must not have it. Succeeds once; when the conditions fail, response 0 is the state of the
 * run that is there. `s` has everything but what nodes add: state ACCEPTED, attempt, epoch and sequence 0.
 */
void etcd_move_submit(const struct etcd_keys *k, const struct etcd_state *s, const char *assignment, size_t n,
                      struct strbuf *out);

/*
 * Claims the waiting run of the queue's key `waiting`, last written at `modified`. `next` is its state as it will be: attempt
 * counted, node set. `place` is the claimer's key in the line, which goes; `new_place` (NULL: none) is put in its stead under
 * `lease`. When it succeeds, response 0 is the assignment; when not, response 0 is the claim of that node, which may be its own
 * from a first try.
 */
struct etcd_claim_move {
    const char *waiting;
    int64_t modified;
    const struct etcd_state *next;
    const struct etcd_claim *claim;
    const char *place, *new_place;
    int64_t lease;
};
void etcd_move_claim(const struct etcd_keys *k, const struct etcd_claim_move *m, struct strbuf *out);

/*
 * Writes a state under the claim of s->node with that epoch; when it is the end, the claim and what was wanted of the run go as
 * well. When the conditions fail, response 0 is the state that is there.
 */
void etcd_move_report(const struct etcd_keys *k, const struct etcd_state *s, int64_t epoch,
                      struct strbuf *out);

/*
 * Gives a run back that this node has not executed to its end: `next` waits again (etcd_state_lose). Holds when the claim has that
 * epoch and nothing is wanted of the run.
 */
void etcd_move_return(const struct etcd_keys *k, const char *node, int64_t epoch,
                      const struct etcd_state *next, struct strbuf *out);

/* Ends a run that waits, and was last written in the queue at `modified`, as `ended` says (cancelled, or because it
 * cannot be taken up); NULL: only out of the queue. */
void etcd_move_end_waiting(const struct etcd_keys *k, const char *waiting, int64_t modified,
                           const struct etcd_state *ended, struct strbuf *out);

/* Removes what there is of an ended run, whose state was last written at `modified`, and of its members. */
void etcd_move_remove(const struct etcd_keys *k, const char *run, int64_t modified, struct strbuf *out);

/* Tells the node that has the run what is wanted of it; fails when it has it no longer. */
void etcd_move_direct(const struct etcd_keys *k, const char *node, const char *run, const struct directive *d,
                      struct strbuf *out);

/*
 * Takes a run from a node: `next` is the state that etcd_state_lose made. Holds when the claim has that epoch, the state was last
 * written at state_modified, and what is wanted of the run at directive_modified (0: nothing is). With `absent` also only
 * when the node has no key: it is gone.
 */
struct etcd_lose_move {
    const char *node;
    int64_t epoch, state_modified, directive_modified;
    bool absent;
    const struct etcd_state *next;
};
void etcd_move_lose(const struct etcd_keys *k, const struct etcd_lose_move *m, struct strbuf *out);

/*
 * A run of several nodes, by the node that has it (whole->node) under its claim with that epoch.
 *
 * call: its members come into the queue, and c as its cluster; only while it has none.
 * cluster: c takes the place of what was last written at `modified`.
 * give_back: it waits again, as `whole` says, and no member of it does; not when something is wanted of it. modified 0: whatever its
 *            cluster is.
 */
void etcd_move_call(const struct etcd_keys *k, const struct etcd_state *whole, int64_t epoch,
                    const struct etcd_cluster *c, struct strbuf *out);
void etcd_move_cluster(const struct etcd_keys *k, const struct etcd_state *whole, int64_t epoch,
                       int64_t modified, const struct etcd_cluster *c, struct strbuf *out);
void etcd_move_give_back(const struct etcd_keys *k, const struct etcd_state *whole, int64_t epoch,
                         int64_t modified, struct strbuf *out);
/* The state with which a member waits. Pure. */
void etcd_state_member(const struct etcd_state *whole, size_t rank, struct etcd_state *ret);

/* It waits again, as another attempt, with the reason. */
void etcd_state_again(struct etcd_state *s, const char *why, wall_ms_t now);

/* What becomes of a run whose node is gone: queued again, or at its end. `cancelled`: somebody wanted it cancelled. Pure. */
void etcd_state_lose(struct etcd_state *s, bool cancelled, const char *why, wall_ms_t now);

/* Ends a state without a node's report. */
void etcd_state_end(struct etcd_state *s, enum lifecycle_state state, const char *cause, const char *details,
                    wall_ms_t now);

#endif
