/*
 * status_report.h - one lifecycle status as it is told to a control plane: what the outbox (report/) hands to
 * a source (assignment/).
 */
#ifndef ENGINE_STATUS_REPORT_H
#define ENGINE_STATUS_REPORT_H

#include "engine/engine.h"

struct status_report {
    const char *run_id;
    int64_t epoch;
    int64_t sequence; /* grows by one with each status of the run */
    enum lifecycle_state state;
    const char *details;
    const char *cause;
    wall_ms_t time;
    const struct exit_record *record; /* with a terminal state; NULL otherwise */
    const struct verdict *verdict;
};

/* How a source takes a report. Returns 0 when it is acknowledged, negative to be asked again. Sources
 * deduplicate by (run, epoch, sequence). */
typedef int (*report_deliver)(struct run *run, const struct status_report *report, void *context);

struct reporter {
    report_deliver deliver;
    void *context;
};

#endif
