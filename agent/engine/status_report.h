/*
 * status_report.h - one lifecycle status as it is told to a control plane: what the outbox (report/) hands to
 * a source (assignment/), and what the source answers.
 */
#ifndef ENGINE_STATUS_REPORT_H
#define ENGINE_STATUS_REPORT_H

#include "engine/engine.h"

enum report_answer {
    REPORT_ACKNOWLEDGED = 0, /* whoever asks for the run knows it now, also after a crash of theirs */
    REPORT_AGAIN,            /* not now: it is told again */
    REPORT_REFUSED, /* for good: the run is somebody else's by now (a stale epoch), or unknown there */
};

struct status_report {
    const char *run_id; /* as the control plane calls it: without the attempt */
    int64_t attempt;    /* 1 for the first execution of the run */
    int64_t epoch;
    int64_t sequence; /* grows by one with each status of the run */
    enum lifecycle_state state;
    const char *details;
    const char *cause;
    wall_ms_t time;
    const struct exit_record *record; /* with a terminal state; NULL otherwise */
    const struct verdict *verdict;
    /*
     * How the source answers: once for each report, from inside deliver or later from the loop, and never after the run has
     * left (source_ops.leave). `why` is for people, NULL when acknowledged; after_ms says how long to wait at least
     * (REPORT_AGAIN), -1: the outbox decides.
     */
    void (*answered)(struct run *run, int64_t sequence, enum report_answer answer, const char *why,
                     int64_t after_ms);
};

/* Takes a report; it and what it points at are valid during the call only. One at a time for each run. Sources
 * deduplicate by (run, epoch, sequence): the same one may come twice after a crash. */
struct reporter {
    void (*deliver)(struct run *run, const struct status_report *report, void *context);
    void *context;
};

#endif
