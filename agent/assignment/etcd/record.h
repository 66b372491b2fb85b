/*
 * record.h - the values of keys in etcd: JSON, read with positions, unknown members ignored. docs/contract/etcd.md has them.
 */
#ifndef ASSIGNMENT_ETCD_RECORD_H
#define ASSIGNMENT_ETCD_RECORD_H

#include "assignment/etcd/keys.h"
#include "assignment/node.h"
#include "assignment/source.h"
#include "base/cluster.h"
#include "base/strbuf.h"
#include "record/lifecycle.h"

/* A state, a claim, a node, a directive, the nodes of a run. */
#define ETCD_RECORD_MAX (64U * 1024)
/* An assignment: its base64 in an answer is a document that can be read. */
#define ETCD_ASSIGNMENT_MAX (700U * 1024)

#define ETCD_DISPLAY_NAME_MAX 256
#define ETCD_ATTEMPTS_MAX     100
/* Nodes of one run: its members are called for in one transaction, and etcd allows 128 operations in one. */
#define ETCD_CLUSTER_MAX 100

/* What follows when the node that has a run is gone for longer than its lease. */
enum etcd_on_lost {
    ETCD_LOST_FAIL = 0, /* the run ends: FAILED, lease-lost */
    ETCD_LOST_REQUEUE,  /* it is executed again, as long as it has attempts left */
};

/* The state of a run, and what decides about it: the value of states/RUN, and of its key in the queue while it waits. */
struct etcd_state {
    char run[RUN_ID_BYTES];
    char pool[ETCD_NAME_MAX];
    char display_name[ETCD_DISPLAY_NAME_MAX]; /* "": none */
    int64_t priority;
    enum etcd_on_lost on_lost;
    int64_t attempts; /* executions that it may have at most */
    wall_ms_t submitted_at;

    enum lifecycle_state state;
    char details[640];
    char cause[32];
    bool has_exit_code;
    int64_t exit_code;
    int64_t signal;           /* that ended the job; 0: none did */
    int64_t attempt;          /* of the last execution; 0: there was none */
    int64_t epoch;            /* of the last report; 0: none has come of this execution */
    int64_t sequence;         /* of the last report of this execution */
    char node[ETCD_NAME_MAX]; /* that has it, or had it last; "": none */
    wall_ms_t changed_at, started_at, finished_at; /* 0: not yet */
    /* Of a member of a run of several nodes. */
    char address[64], fqdn[NODE_NAME_MAX]; /* of its node; "": none has it */
    bool ready;                            /* its job runs */
};

/* Whether the run is at its end. */
bool etcd_state_ended(const struct etcd_state *s);

int etcd_state_write(const struct etcd_state *s, struct strbuf *out);
/* `what` names the document in the error. 0 or negative with *e, which says where. */
int etcd_state_read(const char *text, size_t n, const char *what, struct etcd_state *ret, struct err *e);

/* The value of claims/NODE/RUN. The token is the claimer's own: it knows by it that an answer it never got was a yes. */
struct etcd_claim {
    int64_t attempt;
    char token[40];
};

int etcd_claim_write(const struct etcd_claim *c, struct strbuf *out);
int etcd_claim_read(const char *text, size_t n, const char *what, struct etcd_claim *ret, struct err *e);

/* The value of clusters/RUN. */
struct etcd_cluster {
    int64_t attempt;      /* of the whole */
    int64_t size;         /* nodes that it will have */
    struct cluster nodes; /* owned; all of them, or none yet */
    int64_t begin;        /* ranks below may begin their job */
    char stop[32];        /* the cause for which all are to end; "": none */
    bool kill;            /* without further grace */
    int64_t
        runtime_ms; /* how long each may run from its start, instead of what the document says; 0: as that says */
    wall_ms_t stop_at; /* the jobs hear that they end then; 0: they do not */
};

void etcd_cluster_free(struct etcd_cluster *c);
#define etcd_cluster_auto etcd_cluster_free
int etcd_cluster_write(const struct etcd_cluster *c, struct strbuf *out);
/* *ret must be empty. */
int etcd_cluster_read(const char *text, size_t n, const char *what, struct etcd_cluster *ret, struct err *e);

/* The value of nodes/NODE, as others read it. */
struct etcd_node {
    char version[64], kernel[128], architecture[72], shape[128], pool[ETCD_NAME_MAX], fqdn[NODE_NAME_MAX];
    int64_t cpus, memory_bytes, disk_bytes, gpus, concurrency, room;
    char not_ready[512]; /* why it takes up no run; "": it does */
    wall_ms_t changed_at;
};

/* room: further runs that it would take up. */
int etcd_node_write(const struct node_facts *n, const char *pool, size_t room, const char *not_ready,
                    wall_ms_t now, struct strbuf *out);
int etcd_node_read(const char *text, size_t n, const char *what, struct etcd_node *ret, struct err *e);

int etcd_directive_write(const struct directive *d, struct strbuf *out);
int etcd_directive_read(const char *text, size_t n, const char *what, struct directive *ret, struct err *e);
int etcd_node_directive_write(const struct node_directive *d, struct strbuf *out);
int etcd_node_directive_read(const char *text, size_t n, const char *what, struct node_directive *ret,
                             struct err *e);

#endif
