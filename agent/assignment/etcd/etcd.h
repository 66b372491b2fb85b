/*
 * etcd.h - the source of an etcd cluster: runs that wait in its keys are claimed by transaction. docs/contract/etcd.md.
 */
#ifndef ASSIGNMENT_ETCD_ETCD_H
#define ASSIGNMENT_ETCD_ETCD_H

#include "assignment/etcd/client.h"
#include "assignment/source.h"

struct etcd_source_settings {
    struct etcd_settings client; /* borrowed strings; times are set by the source */
    const char *prefix;
    int64_t lease_ms;
};

/* The caller frees it by its vtable, before the loop. NULL with *e. */
struct source *etcd_source_new(const struct source_wiring *wiring,
                               const struct etcd_source_settings *settings, struct err *e);

#endif
