/*
 * keys.h - the names of keys in etcd, below one prefix. Pure. docs/contract/etcd.md says what each holds.
 *
 *   nodes/NODE                                    under the node's lease
 *   sweepers/N                                    under the lease of the node that holds the seat
 *   line/POOL/TIME.NODE                           under the node's lease: nodes with room, first come first served
 *   queue/POOL/URGENCY.TIME.RUN                   waiting runs, in the order in which they are taken
 *   assignments/RUN   states/RUN
 *   claims/NODE/RUN                               its create revision is the epoch
 *   clusters/RUN                                  the nodes of a run of several, which are runs RUN+RANK
 *   inbox/NODE/runs/RUN   inbox/NODE/node/TIME    what somebody wants of a run, of the node
 */
#ifndef ASSIGNMENT_ETCD_KEYS_H
#define ASSIGNMENT_ETCD_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/parse.h"

#define ETCD_PREFIX_MAX 200
#define ETCD_NAME_MAX   254 /* of a node or a pool, with its terminator */
#define ETCD_KEY_MAX    1024

#define ETCD_POOL_DEFAULT   "default"
#define ETCD_PRIORITY_LIMIT 1000 /* priorities are -1000 .. 1000; the higher, the sooner */

struct etcd_keys {
    char prefix[ETCD_PREFIX_MAX]; /* "/runlet": no '/' at its end */
};

/* Whether s can be a node or a pool in a key: [A-Za-z0-9][A-Za-z0-9._-]*. */
bool etcd_name_valid(const char *s);
/* Whether s can be a prefix: '/' and names, with '/' between. */
bool etcd_prefix_valid(const char *s);

/* Whole folders, with '/' at their end: what stands below is found by them as a prefix. */
void etcd_key_nodes(const struct etcd_keys *k, char ret[ETCD_KEY_MAX]);
void etcd_key_sweepers(const struct etcd_keys *k, char ret[ETCD_KEY_MAX]);
/* What the keys of all lines begin with. */
void etcd_key_lines(const struct etcd_keys *k, char ret[ETCD_KEY_MAX]);
void etcd_key_line(const struct etcd_keys *k, const char *pool, char ret[ETCD_KEY_MAX]);
void etcd_key_queue(const struct etcd_keys *k, const char *pool,
                    char ret[ETCD_KEY_MAX]); /* NULL: all pools */
void etcd_key_states(const struct etcd_keys *k, char ret[ETCD_KEY_MAX]);
void etcd_key_claims(const struct etcd_keys *k, const char *node,
                     char ret[ETCD_KEY_MAX]); /* NULL: all nodes */
void etcd_key_inbox(const struct etcd_keys *k, const char *node, char ret[ETCD_KEY_MAX]);

/* Single keys. */
void etcd_key_node(const struct etcd_keys *k, const char *node, char ret[ETCD_KEY_MAX]);
void etcd_key_seat(const struct etcd_keys *k, int seat, char ret[ETCD_KEY_MAX]);
void etcd_key_place(const struct etcd_keys *k, const char *pool, wall_ms_t since, const char *node,
                    char ret[ETCD_KEY_MAX]);
void etcd_key_waiting(const struct etcd_keys *k, const char *pool, int64_t priority, wall_ms_t since,
                      const char *run, char ret[ETCD_KEY_MAX]);
/* A member's is that of the whole. */
void etcd_key_assignment(const struct etcd_keys *k, const char *run, char ret[ETCD_KEY_MAX]);
/* Of the run that `run` is, or is a member of. */
void etcd_key_cluster(const struct etcd_keys *k, const char *run, char ret[ETCD_KEY_MAX]);
void etcd_key_state(const struct etcd_keys *k, const char *run, char ret[ETCD_KEY_MAX]);
void etcd_key_claim(const struct etcd_keys *k, const char *node, const char *run, char ret[ETCD_KEY_MAX]);
void etcd_key_run_directive(const struct etcd_keys *k, const char *node, const char *run,
                            char ret[ETCD_KEY_MAX]);
void etcd_key_node_directive(const struct etcd_keys *k, const char *node, wall_ms_t now,
                             char ret[ETCD_KEY_MAX]);

/* Beginnings of the keys of all members of the run, of any attempt. */
void etcd_key_waiting_members(const struct etcd_keys *k, const char *pool, int64_t priority, wall_ms_t since,
                              const char *run, char ret[ETCD_KEY_MAX]);
void etcd_key_member_states(const struct etcd_keys *k, const char *run, char ret[ETCD_KEY_MAX]);

/* What a run is called in keys: ID without an attempt, and a member ID+RANK or ID+RANK~ATTEMPT. */
bool etcd_run_parse(const char *run, struct run_name *ret);
bool etcd_run_is_member(const char *run);

/* What follows `folder` in the key; NULL when it is not below it. Points into key. */
const char *etcd_key_below(const char *key, const char *folder);

/* The run of a key of the queue (what follows its pool's folder); false when the key is none of ours. */
bool etcd_queue_run(const char *below, char ret[RUN_ID_BYTES]);

/* The end of the range of all keys that begin with `folder`. */
void etcd_key_end(const char *folder, char ret[ETCD_KEY_MAX]);

#endif
