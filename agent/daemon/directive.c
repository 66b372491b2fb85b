/* directive.c - see directive.h. */
#include "daemon/directive.h"

#include "daemon/agent.h"
#include "daemon/group_run.h"
#include "daemon/group_state.h"

/* A run of several nodes passes on what is for its jobs. */
static void to_member(struct run *member, void *context)
{
    (void)directive_to_run(member, context);
}

/* As long before its end as the job wants to hear of its deadline. */
static int64_t time_to_save(const struct run *run)
{
    return run->spec != NULL && run->spec->notice_before_ms > 0 ? run->spec->notice_before_ms : 0;
}

int directive_to_run(struct run *run, const struct directive *d)
{
    int r = 0;

    if (run->group != NULL && d->kind != DIRECTIVE_CANCEL && run->phase >= PHASE_LAUNCHING) {
        struct directive told = *d;
        if (d->kind == DIRECTIVE_DEADLINE)
            r = group_set_runtime(run, d->maximum_runtime_ms);
        if (d->kind == DIRECTIVE_STOP && d->grace_ms < 0)
            told.grace_ms = time_to_save(run);
        group_each(run, to_member, &told);
        group_tell_elsewhere(run->group, &told);
        return r;
    }
    switch (d->kind) {
    case DIRECTIVE_CANCEL: r = run_cancel(run, d->kill); break;
    case DIRECTIVE_STOP:
        log_notice("run=%s is to stop: its job hears of it", run->id);
        r = run_stop(run, NOTICE_DRAIN, d->grace_ms >= 0 ? d->grace_ms : time_to_save(run));
        launch_tell(run);
        break;
    case DIRECTIVE_DEADLINE:
        log_notice("run=%s may run for %lld s from its start", run->id,
                   (long long)(d->maximum_runtime_ms / 1000));
        r = run_set_runtime(run, d->maximum_runtime_ms);
        launch_tell(run);
        break;
    default: break;
    }
    return r;
}

/* A request that is not on disk holds for as long as this agent lives: that much was logged. */
void directive_from_source(struct run *run, const struct directive *d, void *context)
{
    (void)context;
    (void)directive_to_run(run, d);
}

void directive_to_node(const struct node_directive *d, void *context)
{
    struct agent *a = context;

    switch (d->kind) {
    case NODE_DIRECTIVE_DRAIN: agent_drain(a, d->reason); break;
    case NODE_DIRECTIVE_UNDRAIN: agent_undrain(a); break;
    case NODE_DIRECTIVE_LOG_LEVEL: log_set_level(d->log_level); break;
    default: break;
    }
}

/* The lease of the whole is that of each of its members. */
static void lease_to_member(struct run *member, void *context)
{
    const boot_ms_t *until = context;

    member->lease_until = *until;
    launch_lease(member);
}

void directive_lease_held(struct run *run, boot_ms_t until, void *context)
{
    (void)context;
    run->lease_until = until;
    if (run->group != NULL)
        group_each(run, lease_to_member, &until);
    else
        launch_lease(run);
}

static bool to_stop(const struct run *run)
{
    return run->spec != NULL && run->spec->on_lease_lost == LEASE_LOST_STOP;
}

static bool begun(const struct run *run)
{
    if (run->group != NULL)
        return group_began(run);
    return run->phase >= PHASE_LAUNCHING && !launch_awaits_lease(run);
}

/* Before the launch nothing is lost by leaving the run to whoever has it now. */
void directive_lease_lost(struct run *run, const char *why, void *context)
{
    bool stop = !begun(run) || to_stop(run);
    struct fact_writer *w;

    (void)context;
    if (run->phase >= PHASE_SHIPPING)
        return;
    w = run_note(run, FACT_LEASE_LOST);
    fact_put_string(w, "policy", stop ? "stop" : "finish-and-hold");
    fact_put_string(w, "reason", why);
    (void)run_noted(run, true);
    log_error("run=%s its lease is lost: %s; the run %s", run->id, why,
              stop ? "is stopped" : "goes on, and its end is kept until it can be told");
    if (stop)
        run_post(run, RUN_EVENT_LEASE_LOST);
}
