/*
 * history.h - what the agent's journal says about a run, folded fact by fact. Pure: restart is a replay.
 */
#ifndef RUN_HISTORY_H
#define RUN_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fact.h"
#include "record/exit_record.h"
#include "record/lifecycle.h"

/* Names of the facts in agent.journal. */
#define FACT_ACCEPTED           "accepted"         /* run, epoch, origin, not-before-ms */
#define FACT_PHASE              "phase"            /* from, to, on, cause */
#define FACT_FETCH_BEGUN        "fetch-begun"      /* name, source */
#define FACT_FETCH_RESUMED      "fetch-resumed"    /* name, attempt, offset, reason */
#define FACT_IMAGE_FETCHED      "image-fetched"    /* image, digest, bytes */
#define FACT_FETCH_DONE         "fetch-done"       /* name, from, bytes, ms, sha256 */
#define FACT_LAUNCH_REQUESTED   "launch-requested" /* from here on a supervisor may exist */
#define FACT_CANCEL_REQUESTED   "cancel-requested"
#define FACT_STOP_REQUESTED     "stop-requested" /* reason, until-boot-ms: the job is told, and stopped then */
#define FACT_DEADLINE_REQUESTED "deadline-requested" /* runtime-ms: owed to the supervisor */
#define FACT_DEADLINE_SET       "deadline-set"       /* runtime-ms: it has it */
#define FACT_FAILURE            "failure"            /* cause, blame, reason: why it ended without a launch */
#define FACT_GROUP_FAILED       "group-failed" /* group: its least number of successes is out of reach */
#define FACT_VERDICT            "verdict"      /* state, cause, details: what is reported */
#define FACT_LEASE_LOST         "lease-lost"   /* policy, reason */
#define FACT_GIVEN_BACK         "given-back" /* this execution is not the end of the run: it is queued again */
#define FACT_REPORT_REFUSED     "report-refused" /* sequence, reason: the control plane will never take it */

/* Who brought the run: decides what happens to one that was never launched when its agent died. */
enum run_origin {
    ORIGIN_QUEUE = 0,  /* the folder of submissions: it is still wanted */
    ORIGIN_FOREGROUND, /* a person at a terminal, who is gone */
    ORIGIN_HTTP,       /* a control plane */
    ORIGIN_ETCD,       /* an etcd cluster */
    ORIGIN_MEMBER,     /* one node of a run that this agent has as a whole: the whole starts and ends it */
    ORIGIN_COUNT,
};

struct run_history {
    enum phase phase;
    enum cause cause; /* first cause known to the agent; CAUSE_NONE otherwise */
    enum run_origin origin;
    int64_t epoch;
    bool launch_requested;
    bool ran; /* a supervisor said so */
    bool cancel_requested;
    bool stop_requested;
    enum notice_reason stop_reason;
    boot_ms_t stop_at;  /* when, with stop_requested: of the boot in which it was asked for */
    int64_t runtime_ms; /* what the supervisor is still to hear of the deadline; 0: nothing */
    bool lease_lost;
    bool report_refused;
    enum blame blame; /* of a failure before the launch */
    char reason[ERR_TEXT_MAX];
    wall_ms_t accepted_at;
    wall_ms_t not_before;    /* of a further attempt: when it may begin */
    wall_ms_t running_since; /* when the agent learnt that it runs; 0: it does not know */
    wall_ms_t ended_at;      /* when the agent learnt of the end */
};

/* Folds one fact. Unknown facts are ignored: a newer version may have written them. */
void run_history_apply(struct run_history *h, const struct fact *f);

/* What is known of the main process of a run that ended without an exit record. Pure. */
enum main_end run_history_main_end(enum cause cause);

const char *run_origin_name(enum run_origin origin);
/* ORIGIN_QUEUE when the name is unknown. */
enum run_origin run_origin_from_name(const char *name);

/* What a starting agent does with an unfinished run it finds. Pure. */
enum adoption {
    ADOPT_START = 0, /* nothing was launched: begin with PREPARING */
    ADOPT_ABANDON,   /* nothing was launched and nobody wants it any more: end as cancelled */
    ADOPT_JOIN,      /* a supervisor may exist or the record may be there: find out */
    ADOPT_DELIVER,   /* it ended: ship and report what is left */
};

enum adoption adoption_of(const struct run_history *h);

#endif
