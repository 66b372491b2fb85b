/*
 * cluster.h - the nodes of a run: who they are and where they are reached.
 *
 * Where the addresses come from is nothing to whoever uses them: on one machine they are its own, and a control plane that hands a run
 * to several machines says theirs.
 */
#ifndef BASE_CLUSTER_H
#define BASE_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/parse.h"
#include "base/strbuf.h"

#define CLUSTER_NODES_MAX (RUN_RANK_MAX + 1)

/* Where a job finds it (CLUSTER_NODES_METADATA_FILE), in the folder of its notices. */
#define JOB_CLUSTER_NAME "cluster-nodes.json"
#define JOB_CLUSTER_FILE "/run/job/" JOB_CLUSTER_NAME

/* The node of rank i is node[i]. All strings are owned. */
struct cluster {
    struct cluster_node {
        char *group;   /* name of its node group */
        char *address; /* IPv4 or IPv6 */
        char *fqdn;    /* a name that the other nodes can resolve; may be "" */
    } * node;          /* owned */
    size_t count, cap;
    char interface[16]; /* of the network over which nodes reach each other; "": not known */
};

void cluster_free(struct cluster *c);
#define cluster_auto cluster_free

/* Appends a node, whose rank is the count before. 0, -EINVAL when a name or the address is none, -E2BIG, or -ENOMEM. */
int cluster_add(struct cluster *c, const char *group, const char *address, const char *fqdn);

int cluster_addall(struct cluster *c, const struct cluster *from);

/* What may be called so: printable UTF-8 of at most 255 bytes for a group; an IP address; a host's name, or ""; a network interface. */
bool node_group_name_valid(const char *name);
bool node_address_valid(const char *address);
bool node_fqdn_valid(const char *fqdn);
bool node_interface_valid(const char *interface);

/* The document that CLUSTER_NODES_METADATA_FILE names: a JSON array by rank, {"Rank":0,"IPAddress":"...","FQDN":"...",
 * "NodeGroupName":"..."}. 0, -E2BIG or -ENOMEM. */
int cluster_metadata(const struct cluster *c, struct strbuf *out);

#endif
