/*
 * state.h - the parts of the etcd source, and what they share. Private to this folder.
 *
 *   hold.c     the node's lease and its key              claims.c   which runs are this node's
 *   reports.c  states of runs, under their claims        line.c     the next run
 *   inbox.c    what is wanted of runs and of the node    sweep.c    runs of nodes that are gone
 *   gang.c     a run of several nodes that is led here   member.c   its members that are here
 */
#ifndef ASSIGNMENT_ETCD_STATE_H
#define ASSIGNMENT_ETCD_STATE_H

#include "assignment/etcd/client.h"
#include "assignment/etcd/etcd.h"
#include "assignment/etcd/moves.h"
#include "assignment/etcd/reach.h"
#include "assignment/etcd/watch.h"
#include "base/parse.h"
#include "run/lease.h"

struct etcd_source;
struct etcd_gang;
struct etcd_member;

/* A run of this source in the engine's table. */
struct etcd_run {
    struct etcd_source *source;
    struct run *run;
    struct run_name name;
    char key[RUN_ID_BYTES]; /* what it is called in keys: without the attempt */
    int64_t epoch;
    struct etcd_state state; /* as it was last written, or read */
    bool state_known;
    bool lost;              /* its lease is lost, and that was said */
    bool ended;             /* its end was taken */
    int64_t directive_seen; /* revision of the last one that was passed on */
    /* The report under way; sequence 0: none. */
    struct {
        int64_t sequence;
        bool final;
        bool retry;               /* the document asks for another attempt after this end */
        wall_ms_t not_before;     /* with `retry`: when it is queued */
        bool waits;               /* for that time */
        struct loop_timer *timer; /* owned; NULL until it is needed */
        struct etcd_state next;
        void (*answered)(struct run *run, int64_t sequence, enum report_answer answer, const char *why,
                         int64_t after_ms);
        struct etcd_call *call;
    } report;
    struct etcd_gang *gang; /* owned: of a run of several nodes that this node leads */
    struct etcd_run *next;
};

/* What hold.c keeps. */
struct etcd_hold {
    int64_t lease_id; /* 0: none */
    struct lease lease;
    bool registered;  /* nodes/NODE is there, under lease_id */
    bool expired;     /* by this node's own clock, and that was said to the runs */
    bool name_taken;  /* another node has the key; that was said */
    int64_t failures; /* of anything but a renewal, in a row */
    bool facts_due;
    struct loop_timer *timer, *facts_timer;
    struct etcd_call *call, *facts_call;
};

struct etcd_claims {
    bool checked; /* under the present lease */
    int64_t failures;
    struct loop_timer *timer;
    struct etcd_call *call;
    struct etcd_kvs list; /* claims without a folder, to be taken one after the other */
    size_t at;
};

struct etcd_line {
    char place[ETCD_KEY_MAX]; /* "": not in the line */
    bool placed;              /* the key was put; false: it may be there */
    bool cleared;             /* nothing of a former agent stands in the line any more */
    bool look_again;
    int64_t failures;
    struct etcd_watch *watch; /* of the queue, or of the node ahead */
    bool watches_queue;
    char passed[ETCD_KEY_MAX]; /* the first run in the queue that was not ours to take, and since when */
    int64_t passed_modified;
    boot_ms_t passed_since;
    struct loop_timer *timer;
    struct etcd_call *call;
    /* The claim under way. */
    struct etcd_state next;
    struct etcd_claim claim;
    char waiting[ETCD_KEY_MAX];
    int64_t waiting_modified;
    char new_place[ETCD_KEY_MAX];
    bool claiming;
};

struct etcd_inbox {
    bool stale; /* something came for a run that was not there yet */
    int64_t node_seen;
    int64_t failures;
    struct loop_timer *timer;
    struct etcd_call *call;
    struct etcd_watch *watch;
};

#define ETCD_SEATS 3

struct etcd_sweep {
    int seat; /* -1: none */
    int64_t failures;
    char after
        [ETCD_KEY_MAX]; /* of the sweep of everything: the last claim that was looked at; "": none under way */
    bool everything;
    struct strlist gone;    /* nodes that have no key */
    struct etcd_kvs claims; /* of gone.item[0] */
    size_t at;
    struct loop_timer *timer, *seat_timer;
    struct etcd_call *call, *seat_call;
    struct etcd_watch *watch;
};

struct etcd_source {
    struct source source; /* first member */
    struct source_wiring wiring;
    struct source_hooks hooks;
    struct etcd_keys keys;
    struct strlist endpoints; /* owned */
    int64_t lease_ms;
    char node[ETCD_NAME_MAX], pool[ETCD_NAME_MAX];
    struct transfers *transfers; /* owned */
    struct etcd_client *client;  /* owned */
    bool begun;
    size_t room_told; /* without what members hold that wait for the others */
    size_t room;
    struct etcd_reach reach;
    char not_ready[512];
    struct etcd_run *runs;       /* owned */
    struct etcd_member *members; /* owned */
    struct source_state link;
    struct etcd_hold hold;
    struct etcd_claims claims;
    struct etcd_line line;
    struct etcd_inbox inbox;
    struct etcd_sweep sweep;
};

/* ---- etcd.c ---- */

/* Notes what became of a question, for status displays and the log. */
void etcd_heard(struct etcd_source *s, const struct etcd_answer *answer);
/* How long to wait after that many failures in a row. */
uint64_t etcd_wait_ms(int64_t failures);
struct etcd_run *etcd_run_find(struct etcd_source *s, const char *key, int64_t epoch); /* epoch 0: any */
void etcd_settle_room(struct etcd_source *s);
void etcd_say_lost(struct etcd_source *s, struct etcd_run *r, const char *why);

/* ---- hold.c ---- */

int hold_open(struct etcd_source *s, struct err *e);
void hold_begin(struct etcd_source *s);
void hold_facts(struct etcd_source *s); /* room or readiness changed */
void hold_close(struct etcd_source *s);

/* ---- claims.c ---- */

int claims_open(struct etcd_source *s, struct err *e);
/* Compares the claims of this node with its runs: takes up what it does not know of, and tells runs that have none any more. */
void claims_check(struct etcd_source *s);
/* Makes the folder of a claimed run and hands it over. False: the disk cannot take it now. */
bool claims_take(struct etcd_source *s, const struct etcd_state *state, int64_t epoch,
                 const struct etcd_kv *document);
/* The same, with a document of this node's own. */
bool claims_accept(struct etcd_source *s, const struct etcd_state *state, int64_t epoch, const char *text,
                   size_t size);
void claims_close(struct etcd_source *s);

/* ---- reports.c ---- */

void reports_take(struct etcd_source *s, struct etcd_run *r, const struct status_report *report);
/* The run is cancelled: when it has ended and waits to be queued again, its end is told instead. */
void reports_cancel(struct etcd_run *r);
void reports_leave(struct etcd_run *r);

/* ---- line.c ---- */

int line_open(struct etcd_source *s, struct err *e);
/* Stands in the line or leaves it, as lease, claims and room want it. */
void line_settle(struct etcd_source *s);
/* The lease is gone, and the place in the line with it. */
void line_forget(struct etcd_source *s);
void line_close(struct etcd_source *s);

/* ---- inbox.c ---- */

int inbox_open(struct etcd_source *s, struct err *e);
void inbox_read(struct etcd_source *s);
void inbox_close(struct etcd_source *s);

/* ---- sweep.c ---- */

int sweep_open(struct etcd_source *s, struct err *e);
void sweep_begin(struct etcd_source *s);
void sweep_forget(struct etcd_source *s); /* the lease is gone, and the seat with it */
void sweep_close(struct etcd_source *s);

/* ---- gang.c ---- */

/* Finds nodes for the run's ranks from 1 on, or takes up again that they were found: hooks nodes_placed and node_changed, or
 * nodes_failed. */
void gang_place(struct etcd_source *s, struct etcd_run *r);
void gang_begin(struct etcd_run *r, size_t below);
void gang_stop(struct etcd_run *r, const char *cause);
/* What is wanted of the jobs: its members hear of it. */
void gang_tell(struct etcd_run *r, const struct directive *d);
/* Whether the end that is to be reported is none, because the whole is to be queued again: then the body is that move. */
bool gang_again(struct etcd_run *r, struct strbuf *body);
/* That move was not made: from now on the end is an end. False when it was none. */
bool gang_not_again(struct etcd_run *r);
void gang_follow(const struct etcd_gang *g); /* as watches do; NULL is fine */
void gang_free(struct etcd_gang *g);

/* ---- member.c ---- */

/* A claimed member: waits until it may begin. False: out of memory. */
bool member_hold(struct etcd_source *s, const struct etcd_state *state, int64_t epoch,
                 const struct etcd_kv *document);
/* A run is in the table: when it is a member, it ends with the others. */
void member_attend(struct etcd_source *s, struct etcd_run *r);
void member_leave(struct etcd_source *s, struct etcd_run *r);
bool member_waits(const struct etcd_source *s, const char *run, int64_t epoch);
size_t members_waiting(const struct etcd_source *s);
/* Forgets those whose claim is not in the list. */
void members_check(struct etcd_source *s, const struct etcd_kvs *claims);
/* What kept them from beginning may be over. */
void members_settle(struct etcd_source *s);
void members_follow(struct etcd_source *s);
void members_close(struct etcd_source *s);

#endif
