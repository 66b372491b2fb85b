/*
 * etcd.h - the source of an etcd cluster: runs that wait in its keys are claimed by transaction. docs/contract/etcd.md.
 */
#ifndef ASSIGNMENT_ETCD_ETCD_H
#define ASSIGNMENT_ETCD_ETCD_H

#include "assignment/etcd/client.h"
#include "assignment/source.h"

/* Borrowed; they live longer than the source. */
struct etcd_source_settings {
    const char *endpoints; /* endpoints.h */
    const char *prefix;
    const char *user, *password_file, *ca_file, *cert_file, *key_file; /* client.h */
    int64_t lease_ms;
};

/* The caller frees it by its vtable, before the loop. NULL with *e. */
struct source *etcd_source_new(const struct source_wiring *wiring,
                               const struct etcd_source_settings *settings, struct err *e);

#endif
