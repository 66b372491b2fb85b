/*
 * node.h - what a node says of itself when it registers with a control plane.
 */
#ifndef ASSIGNMENT_NODE_H
#define ASSIGNMENT_NODE_H

#include <stdint.h>

#include "base/err.h"
#include "base/strlist.h"
#include "sys/process.h"

#define NODE_NAME_MAX 256

struct node_facts {
    char id[NODE_NAME_MAX];   /* by the configuration (node.id), else the machine's host name */
    char fqdn[NODE_NAME_MAX]; /* what other nodes may call it */
    char version[64];         /* of runlet */
    char kernel[128];
    char architecture[72];
    char boot_id[BOOT_ID_MAX];
    char shape[128];          /* by the configuration, else instance metadata; "": none */
    char pool[NODE_NAME_MAX]; /* by the configuration (node.pool) */
    int64_t cpus;             /* hardware threads that this process may use */
    int64_t memory_bytes;     /* of the machine */
    int64_t disk_bytes;       /* of the file system that holds runs */
    int64_t gpus;             /* of NVIDIA's */
    int64_t concurrency;      /* runs at a time */
    struct strlist labels;    /* "key=value" */
};

void node_facts_free(struct node_facts *n);
#define node_facts_auto node_facts_free

/* Fills everything but the configuration's own (id, shape, pool, labels, concurrency stay as they are; an empty id becomes the host
 * name). proc_fd: /proc; dev_fd: /dev; runs_fd: the folder of runs. 0 or negative with *e. */
int node_facts_read(int proc_fd, int dev_fd, int runs_fd, struct node_facts *ret, struct err *e);

/* How many GPUs of NVIDIA's there are: by their device nodes, or by what the driver says of itself, which an agent that sees no
 * devices sees too. */
int64_t node_gpu_count(int proc_fd, int dev_fd);

#endif
