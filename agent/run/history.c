/* history.c - see history.h. */
#include "run/history.h"

#include <stdio.h>
#include <string.h>

static const char *const ORIGINS[ORIGIN_COUNT] = {
    [ORIGIN_QUEUE] = "queue", [ORIGIN_FOREGROUND] = "foreground", [ORIGIN_HTTP] = "http",
    [ORIGIN_ETCD] = "etcd",   [ORIGIN_MEMBER] = "member",
};

const char *run_origin_name(enum run_origin origin)
{
    return (unsigned)origin < ORIGIN_COUNT ? ORIGINS[origin] : "unknown";
}

enum run_origin run_origin_from_name(const char *name)
{
    for (unsigned i = 0; i < ORIGIN_COUNT; i++)
        if (strcmp(ORIGINS[i], name) == 0)
            return (enum run_origin)i;
    return ORIGIN_QUEUE;
}

static void apply_accepted(struct run_history *h, const struct fact *f)
{
    (void)fact_int(f, "epoch", &h->epoch);
    h->origin = run_origin_from_name(fact_str(f, "origin"));
    (void)wall_parse(fact_str(f, "t"), &h->accepted_at);
}

static void apply_cause(struct run_history *h, const char *name)
{
    enum cause cause = cause_from_name(name);

    if (h->cause == CAUSE_NONE && cause != CAUSE_COUNT)
        h->cause = cause;
}

static void apply_phase(struct run_history *h, const struct fact *f)
{
    enum phase to = phase_from_name(fact_str(f, "to"));

    if (to != PHASE_COUNT)
        h->phase = to;
    if (to == PHASE_RUNNING || to == PHASE_CLEANING)
        h->ran = true;
    if (to == PHASE_RUNNING && h->running_since.ms == 0)
        (void)wall_parse(fact_str(f, "t"), &h->running_since);
    if (to == PHASE_SHIPPING)
        (void)wall_parse(fact_str(f, "t"), &h->ended_at);
    apply_cause(h, fact_str(f, "cause"));
}

/* Of several the soonest: a later word cannot give a job more time. */
static void apply_stop(struct run_history *h, const struct fact *f)
{
    enum notice_reason reason = notice_reason_from_name(fact_str(f, "reason"));
    int64_t at = 0;

    (void)fact_int(f, "until-boot-ms", &at);
    if (h->stop_requested && at >= h->stop_at.ms)
        return;
    h->stop_requested = true;
    h->stop_at.ms = at;
    h->stop_reason = reason != NOTICE_COUNT && reason != NOTICE_NONE ? reason : NOTICE_DRAIN;
}

void run_history_apply(struct run_history *h, const struct fact *f)
{
    const char *event = fact_str(f, "event");

    if (strcmp(event, FACT_ACCEPTED) == 0) {
        apply_accepted(h, f);
    } else if (strcmp(event, FACT_PHASE) == 0) {
        apply_phase(h, f);
    } else if (strcmp(event, FACT_LAUNCH_REQUESTED) == 0) {
        h->launch_requested = true;
    } else if (strcmp(event, FACT_CANCEL_REQUESTED) == 0) {
        h->cancel_requested = true;
    } else if (strcmp(event, FACT_STOP_REQUESTED) == 0) {
        apply_stop(h, f);
    } else if (strcmp(event, FACT_DEADLINE_REQUESTED) == 0) {
        (void)fact_int(f, "runtime-ms", &h->runtime_ms);
    } else if (strcmp(event, FACT_DEADLINE_SET) == 0) {
        h->runtime_ms = 0;
    } else if (strcmp(event, FACT_LEASE_LOST) == 0) {
        h->lease_lost = true;
    } else if (strcmp(event, FACT_REPORT_REFUSED) == 0) {
        h->report_refused = true;
    } else if (strcmp(event, FACT_FAILURE) == 0) {
        apply_cause(h, fact_str(f, "cause"));
        h->blame = blame_from_name(fact_str(f, "blame"));
        (void)snprintf(h->reason, sizeof(h->reason), "%s", fact_str(f, "reason"));
    }
}

enum main_end run_history_main_end(enum cause cause)
{
    return cause == CAUSE_NONE || cause == CAUSE_UNKNOWN ? MAIN_UNKNOWN : MAIN_NOT_STARTED;
}

enum adoption adoption_of(const struct run_history *h)
{
    if (h->phase >= PHASE_SHIPPING)
        return ADOPT_DELIVER;
    if (h->launch_requested)
        return ADOPT_JOIN;
    if (h->cancel_requested || h->stop_requested || h->origin == ORIGIN_FOREGROUND)
        return ADOPT_ABANDON;
    return ADOPT_START;
}
