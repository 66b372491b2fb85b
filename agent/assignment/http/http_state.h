/*
 * http_state.h - what the parts of the source `http` share. Private to this folder.
 */
#ifndef ASSIGNMENT_HTTP_HTTP_STATE_H
#define ASSIGNMENT_HTTP_HTTP_STATE_H

#include "assignment/http/client.h"
#include "run/lease.h"

#define PATH_BYTES_MAX   4096
#define PROBLEM_TEXT_MAX 512

/* Something that is asked over and over: one request at a time, and a time to wait between two. */
struct chore {
    struct http_source *source;
    struct control_request *request; /* owned; NULL: none under way */
    struct loop_timer *timer;        /* owned */
    int64_t failures;                /* in a row */
};

/* A run of this source that is in the engine's table. */
struct held {
    struct http_source *source;
    struct run *run;
    struct run_name name;
    struct lease lease;
    struct loop_timer *timer;        /* owned: the lease's */
    struct control_request *renewal; /* owned; NULL: none under way */
    struct control_request *report;  /* owned; likewise */
    int64_t sequence;                /* of the report under way */
    void (*answered)(struct run *run, int64_t sequence, enum report_answer answer, const char *why,
                     int64_t after_ms);
    bool arrived; /* with a lease, of which the wiring does not know yet */
    bool late;    /* the lease has run out, and nobody has said yet what becomes of the run */
    bool lost;    /* the wiring knows */
    bool refused; /* for good: nothing is asked for any more */
    struct held *next;
};

struct http_source {
    struct source source; /* first member */
    struct source_wiring wiring;
    struct source_hooks hooks;
    int64_t wait_ms;
    struct control_client *client;  /* owned */
    char node_path[PATH_BYTES_MAX]; /* "/v1/nodes/ID" */
    bool registered;
    int64_t heartbeat_ms;
    int64_t lease_ms; /* of leases whose length is not known */
    struct chore registration, assignments, directives;
    size_t room;
    bool news; /* since the last registration */
    char why_not[512];
    char problem[PROBLEM_TEXT_MAX];  /* what could not be read, until the other end was told */
    struct control_request *release; /* owned; NULL: none under way */
    struct wanted_list wanted;       /* owned */
    char wanted_etag[EXCHANGE_ETAG_MAX];
    struct loop_timer *carry_out; /* owned: directives for runs that have come */
    int64_t arriving_lease_ms;    /* of the run that is being taken; 0: not said */
    struct held *first;
};

/* ---- http.c ---- */

/* The request of the chore failed: it is asked again later, with full jitter, and not before after_ms (-1: no matter). */
void chore_again(struct chore *c, int64_t after_ms);
/* It is asked after ms, or now when 0; what is under way goes on. */
void chore_after(struct chore *c, int64_t ms);
/* What is under way, or waited for, is dropped. */
void chore_stop(struct chore *c);

/* The other end does not know this node: it registers, and nothing else is asked until then. */
void http_forgotten(struct http_source *s);

/* Something that came cannot be read: it is logged, and told with the next registration. */
void http_problem(struct http_source *s, const char *what);

/* Appends "/v1/jobRuns/ID" and `rest`. */
void http_run_path(const char *run_id, const char *rest, struct strbuf *out);

/* ---- assignments.c ---- */

void assignments_poll(void *context);
/* The room has changed; `opened`: there was none, or nothing was asked for. */
void assignments_room(struct http_source *s, bool opened);

/* ---- directives.c ---- */

void directives_poll(void *context);
void directives_carry_out(void *context);

/* ---- leases.c ---- */

void leases_attend(struct source *source, struct run *run);
void leases_leave(struct source *source, struct run *run);
void leases_report(struct source *source, struct run *run, const struct status_report *report);

/* Asks for it now: the other end seems not to know that this node has the run. */
void lease_renew(struct held *h);

/* The run is somebody else's. */
void lease_gone(struct held *h, const char *why);

struct held *held_find(const struct http_source *s, const char *name);
void held_free(struct held *h);

#endif
