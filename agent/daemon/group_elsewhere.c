/* group_elsewhere.c - a run of several nodes whose members but rank 0 are on other machines: what its source says of them. */
#include <errno.h>

#include "daemon/group_state.h"
#include "daemon/sources.h"

void group_nodes_placed(struct run *run, const struct cluster *nodes, void *context)
{
    struct group_run *g = run->group;
    struct err e = ERR_INIT;

    (void)context;
    if (g == NULL || g->placed)
        return;
    if (nodes->count != g->size || cluster_addall(&g->nodes, nodes) < 0) {
        (void)err_set(&e, -EPROTO, BLAME_SERVICE, "the run has %zu nodes, and %zu were found", g->size,
                      nodes->count);
        run_fail(run, CAUSE_INTERNAL, &e);
        return;
    }
    g->placed = true;
    if (run->phase == PHASE_PREPARING)
        group_make_members(run, &g->nodes);
    else
        loop_timer_start(g->look, 0, 0);
}

void group_nodes_failed(struct run *run, const char *why, void *context)
{
    struct err e = ERR_INIT;

    (void)context;
    (void)err_set(&e, -ECANCELED, BLAME_SERVICE, "%s", why);
    if (run->phase == PHASE_PREPARING)
        run_fail(run, CAUSE_GROUP_FAILED, &e);
}

/* Its end as a record: what is judged of it is what its own agent said. */
static void note_end(struct exit_record *record, const struct node_report *report)
{
    enum cause cause = cause_from_name(report->cause);

    *record = (struct exit_record){.main_end = MAIN_UNKNOWN,
                                   .tree_gone = report->state != STATE_NEEDS_ATTENTION,
                                   .log_complete = true,
                                   .started_at = report->started_at,
                                   .ended_at = report->finished_at,
                                   .stop_cause = cause};
    if (report->has_exit_code) {
        record->main_end = MAIN_EXITED;
        record->status = (int)report->exit_code;
    }
    if (cause == CAUSE_EXITED)
        record->stop_cause = CAUSE_NONE;
    if (cause == CAUSE_SIGNALED || cause == CAUSE_COUNT)
        record->stop_cause = CAUSE_UNKNOWN;
}

void group_node_changed(struct run *run, size_t rank, const struct node_report *report, void *context)
{
    struct group_run *g = run->group;
    struct elsewhere_node *n;

    (void)context;
    if (g == NULL || rank == 0 || rank >= g->size)
        return;
    n = &g->far[rank];
    n->began = n->began || report->started_at.ms > 0 || report->state == STATE_IN_PROGRESS;
    n->ended = report->finished_at.ms > 0;
    if (n->ended) {
        g->state[rank] = report->state == STATE_SUCCEEDED ? MEMBER_SUCCEEDED : MEMBER_FAILED;
        note_end(&n->record, report);
    } else if (report->ready) {
        g->was_ready[rank] = true;
    }
    if (!n->ended)
        g->state[rank] = g->was_ready[rank] ? MEMBER_READY : MEMBER_STARTED;
    loop_timer_start(g->look, 0, 0);
}

void group_node_stop(struct run *run, const char *cause, void *context)
{
    struct err why = {.code = -ECANCELED, .blame = BLAME_NONE};
    enum cause known = cause_from_name(cause);

    (void)context;
    if (run->phase >= PHASE_SHIPPING)
        return;
    if (known == CAUSE_CANCELLED)
        (void)run_cancel(run, false);
    else
        run_give_up(run, known != CAUSE_COUNT ? known : CAUSE_GROUP_FAILED, &why);
}

void group_tell_elsewhere(struct group_run *g, const struct directive *d)
{
    if (g->elsewhere)
        sources_tell_nodes(g->agent, g->run, d);
}

void group_stop_elsewhere(struct group_run *g)
{
    const struct run *run = g->run;
    const struct directive kill = {.kind = DIRECTIVE_CANCEL, .kill = true};
    enum cause cause = run->cancel_requested ? CAUSE_CANCELLED : run->cause;

    if (run->kill_requested)
        group_tell_elsewhere(g, &kill);
    if (g->elsewhere)
        sources_stop_nodes(g->agent, g->run, cause_name(cause == CAUSE_NONE ? CAUSE_GROUP_FAILED : cause));
}
