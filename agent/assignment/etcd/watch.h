/*
 * watch.h - what happens to one range of keys, over any number of broken connections: no change is left out, none comes twice.
 */
#ifndef ASSIGNMENT_ETCD_WATCH_H
#define ASSIGNMENT_ETCD_WATCH_H

#include "assignment/etcd/client.h"

struct etcd_watch_target {
    const char *key; /* copied */
    bool below;      /* all keys that begin with it */
    enum etcd_watched which;
    int64_t revision; /* changes from this one on */
};

/* Called from the loop; the watch may be stopped from inside. */
struct etcd_watch_events {
    void (*news)(void *context, const struct etcd_kvs *changed);
    /* Changes are gone that were not seen: what the watch is about must be read anew. It has stopped itself, and is to be
     * stopped. */
    void (*compacted)(void *context);
    void *context;
};

struct etcd_watch;

/* NULL with *e. */
struct etcd_watch *etcd_watch_start(struct loop *loop, struct transfers *transfers,
                                    struct etcd_client *client, const struct etcd_watch_target *target,
                                    const struct etcd_watch_events *events, struct err *e);
/* NULL is fine. */
void etcd_watch_stop(struct etcd_watch *w);

/* Goes to the member that the client asks now: the other one may hang, or be cut off from the cluster. NULL is fine. */
void etcd_watch_follow(struct etcd_watch *w);

#endif
