/*
 * table.c - see table.h.
 *
 * How to read it: a run goes down the phases; everything that ends it early jumps to SHIPPING, from where
 * what is known is delivered and reported. Once a supervisor may exist (LAUNCHING and later) only the exit
 * record ends the run, because only the supervisor knows: a cancel or a lost budget is then a request, not an
 * end.
 */
#include "run/table.h"

#include <string.h>

#include "base/auto.h"

#define GO(phase)                                                                                            \
    {                                                                                                        \
        EDGE_GO, (phase), CAUSE_NONE                                                                         \
    }
#define GO_BECAUSE(phase, why)                                                                               \
    {                                                                                                        \
        EDGE_GO, (phase), (why)                                                                              \
    }
#define STAY                                                                                                 \
    {                                                                                                        \
        EDGE_STAY, PHASE_COUNT, CAUSE_NONE                                                                   \
    }
#define IGNORE                                                                                               \
    {                                                                                                        \
        EDGE_IGNORE, PHASE_COUNT, CAUSE_NONE                                                                 \
    }

static const struct edge EDGES[PHASE_COUNT][RUN_EVENT_COUNT] =
    {
        [PHASE_ACCEPTED] =
            {
                [RUN_EVENT_START] = GO(PHASE_PREPARING),
                [RUN_EVENT_CANCEL] = GO_BECAUSE(PHASE_SHIPPING, CAUSE_CANCELLED),
                [RUN_EVENT_FAILED] = GO(PHASE_SHIPPING),
                [RUN_EVENT_LEASE_LOST] = GO_BECAUSE(PHASE_SHIPPING, CAUSE_LEASE_LOST),
                [RUN_EVENT_STOP] = GO_BECAUSE(PHASE_SHIPPING, CAUSE_PREEMPTED),
            },
        [PHASE_PREPARING] =
            {
                [RUN_EVENT_DONE] = GO(PHASE_LAUNCHING),
                [RUN_EVENT_FAILED] = GO(PHASE_SHIPPING),
                [RUN_EVENT_CANCEL] = GO_BECAUSE(PHASE_SHIPPING, CAUSE_CANCELLED),
                [RUN_EVENT_BUDGET] = GO_BECAUSE(PHASE_SHIPPING, CAUSE_ARTIFACT_FETCH_FAILED),
                [RUN_EVENT_LEASE_LOST] = GO_BECAUSE(PHASE_SHIPPING, CAUSE_LEASE_LOST),
                [RUN_EVENT_STOP] = GO_BECAUSE(PHASE_SHIPPING, CAUSE_PREEMPTED),
            },
        [PHASE_LAUNCHING] =
            {
                [RUN_EVENT_RUNNING] = GO(PHASE_RUNNING),
                [RUN_EVENT_STOPPING] = GO(PHASE_STOPPING),
                [RUN_EVENT_MAIN_ENDED] = GO(PHASE_CLEANING),
                [RUN_EVENT_ENDED] = GO(PHASE_SHIPPING),
                [RUN_EVENT_FAILED] = GO(PHASE_SHIPPING),
                [RUN_EVENT_CANCEL] = GO(PHASE_STOPPING),
                [RUN_EVENT_BUDGET] = GO_BECAUSE(PHASE_STOPPING, CAUSE_LAUNCH_FAILED),
                [RUN_EVENT_LEASE_LOST] = GO_BECAUSE(PHASE_STOPPING, CAUSE_LEASE_LOST),
                [RUN_EVENT_STOP] = IGNORE,
            },
        [PHASE_RUNNING] =
            {
                [RUN_EVENT_RUNNING] = IGNORE,
                [RUN_EVENT_STOPPING] = GO(PHASE_STOPPING),
                [RUN_EVENT_MAIN_ENDED] = GO(PHASE_CLEANING),
                [RUN_EVENT_ENDED] = GO(PHASE_SHIPPING),
                [RUN_EVENT_FAILED] = GO_BECAUSE(PHASE_SHIPPING, CAUSE_UNKNOWN),
                [RUN_EVENT_CANCEL] = GO(PHASE_STOPPING),
                [RUN_EVENT_LEASE_LOST] = GO_BECAUSE(PHASE_STOPPING, CAUSE_LEASE_LOST),
                [RUN_EVENT_STOP] = IGNORE,
            },
        [PHASE_STOPPING] =
            {
                [RUN_EVENT_RUNNING] = IGNORE,
                [RUN_EVENT_STOPPING] = IGNORE,
                [RUN_EVENT_MAIN_ENDED] = GO(PHASE_CLEANING),
                [RUN_EVENT_ENDED] = GO(PHASE_SHIPPING),
                [RUN_EVENT_FAILED] = GO_BECAUSE(PHASE_SHIPPING, CAUSE_UNKNOWN),
                [RUN_EVENT_CANCEL] = STAY,
                [RUN_EVENT_LEASE_LOST] = IGNORE,
                [RUN_EVENT_STOP] = IGNORE,
            },
        [PHASE_CLEANING] =
            {
                [RUN_EVENT_RUNNING] = IGNORE,
                [RUN_EVENT_STOPPING] = IGNORE,
                [RUN_EVENT_MAIN_ENDED] = IGNORE,
                [RUN_EVENT_ENDED] = GO(PHASE_SHIPPING),
                [RUN_EVENT_FAILED] = GO_BECAUSE(PHASE_SHIPPING, CAUSE_UNKNOWN),
                [RUN_EVENT_CANCEL] = STAY,
                [RUN_EVENT_LEASE_LOST] = IGNORE,
                [RUN_EVENT_STOP] = IGNORE,
            },
        [PHASE_SHIPPING] =
            {
                [RUN_EVENT_DONE] = GO(PHASE_REPORTING),
                [RUN_EVENT_FAILED] = IGNORE,
                [RUN_EVENT_RUNNING] = IGNORE,
                [RUN_EVENT_STOPPING] = IGNORE,
                [RUN_EVENT_MAIN_ENDED] = IGNORE,
                [RUN_EVENT_ENDED] = IGNORE,
                [RUN_EVENT_CANCEL] = IGNORE,
                [RUN_EVENT_LEASE_LOST] = IGNORE,
                [RUN_EVENT_STOP] = IGNORE,
            },
        [PHASE_REPORTING] =
            {
                [RUN_EVENT_DONE] = GO(PHASE_FINISHED),
                [RUN_EVENT_FAILED] = IGNORE,
                [RUN_EVENT_RUNNING] = IGNORE,
                [RUN_EVENT_STOPPING] = IGNORE,
                [RUN_EVENT_MAIN_ENDED] = IGNORE,
                [RUN_EVENT_ENDED] = IGNORE,
                [RUN_EVENT_CANCEL] = IGNORE,
                [RUN_EVENT_LEASE_LOST] = IGNORE,
                [RUN_EVENT_STOP] = IGNORE,
            },
        [PHASE_FINISHED] =
            {
                [RUN_EVENT_START] = IGNORE,
                [RUN_EVENT_DONE] = IGNORE,
                [RUN_EVENT_FAILED] = IGNORE,
                [RUN_EVENT_RUNNING] = IGNORE,
                [RUN_EVENT_STOPPING] = IGNORE,
                [RUN_EVENT_MAIN_ENDED] = IGNORE,
                [RUN_EVENT_ENDED] = IGNORE,
                [RUN_EVENT_CANCEL] = IGNORE,
                [RUN_EVENT_BUDGET] = IGNORE,
                [RUN_EVENT_LEASE_LOST] = IGNORE,
                [RUN_EVENT_STOP] = IGNORE,
            },
};

static const char *const EVENT_NAMES[RUN_EVENT_COUNT] = {
    [RUN_EVENT_START] = "start",         [RUN_EVENT_DONE] = "done",
    [RUN_EVENT_FAILED] = "failed",       [RUN_EVENT_RUNNING] = "running",
    [RUN_EVENT_STOPPING] = "stopping",   [RUN_EVENT_MAIN_ENDED] = "main-ended",
    [RUN_EVENT_ENDED] = "ended",         [RUN_EVENT_CANCEL] = "cancel",
    [RUN_EVENT_BUDGET] = "budget-spent", [RUN_EVENT_LEASE_LOST] = "lease-lost",
    [RUN_EVENT_STOP] = "stop",
};

#define MINUTES(n) ((n)*60LL * 1000)

static const long long BUDGETS_MS[PHASE_COUNT] = {
    [PHASE_PREPARING] = MINUTES(60),
    /* The artifact is unpacked in this phase; the supervisor's own budget for it is an hour. */
    [PHASE_LAUNCHING] = MINUTES(65),
};

struct edge run_edge(enum phase phase, enum run_event event)
{
    if ((unsigned)phase >= PHASE_COUNT || (unsigned)event >= RUN_EVENT_COUNT)
        return (struct edge){.kind = EDGE_BUG};
    return EDGES[phase][event];
}

const char *run_event_name(enum run_event event)
{
    return (unsigned)event < RUN_EVENT_COUNT ? EVENT_NAMES[event] : "unknown";
}

enum run_event run_event_from_name(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(EVENT_NAMES); i++)
        if (strcmp(EVENT_NAMES[i], name) == 0)
            return (enum run_event)i;
    return RUN_EVENT_COUNT;
}

long long phase_budget_ms(enum phase phase)
{
    return (unsigned)phase < PHASE_COUNT ? BUDGETS_MS[phase] : 0;
}

enum lifecycle_state phase_state(enum phase phase, enum cause cause)
{
    switch (phase) {
    case PHASE_ACCEPTED:
    case PHASE_PREPARING:
    case PHASE_LAUNCHING: return STATE_ACCEPTED;
    case PHASE_STOPPING: return cause == CAUSE_CANCELLED ? STATE_CANCELING : STATE_IN_PROGRESS;
    default: return STATE_IN_PROGRESS;
    }
}

const char *phase_details(enum phase phase)
{
    switch (phase) {
    case PHASE_ACCEPTED: return "";
    case PHASE_PREPARING: return "Job run bootstrap starting.";
    case PHASE_LAUNCHING: return "Job run bootstrap complete. Artifact execution starting.";
    default: return "Job run artifact execution in progress.";
    }
}
