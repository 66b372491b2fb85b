/* group_run.c - see group_run.h. */
#include "daemon/group_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "assignment/local/submission.h"
#include "base/auto.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "base/parse.h"
#include "daemon/run_view.h"
#include "daemon/sources.h"
#include "job/assignment.h"
#include "sys/fd.h"

_Static_assert(JOB_GROUPS_MAX == RUN_GROUPS_MAX, "every job that can be read can be decided about");

/* In the folder of a whole whose members but rank 0 are on other machines. */
#define ELSEWHERE_NAME "elsewhere"

/* A member that another process has is asked for again this soon. */
#define RETRY_MS 250

static void look(void *context);
static void deadline_passed(void *context);

/* ---- names ---- */

static void member_name(const struct run *run, size_t rank, char ret[RUN_ID_BYTES])
{
    struct run_name name = {.attempt = 1};

    (void)run_name_parse(run->id, &name);
    name.rank = (int)rank;
    run_name_format(&name, ret);
}

/* The run that the member belongs to; false when `member` is the name of none. */
static bool whole_name(const char *member, char ret[RUN_ID_BYTES])
{
    struct run_name name;

    if (!run_name_parse(member, &name) || name.rank < 0)
        return false;
    name.rank = -1;
    run_name_format(&name, ret);
    return true;
}

bool group_keeps(int agent_fd, const char *name)
{
    char whole[RUN_ID_BYTES], mark[RUN_ID_BYTES + sizeof(ELSEWHERE_NAME)];
    struct run_name parsed;

    if (!whole_name(name, whole) || faccessat(agent_fd, whole, F_OK, AT_SYMLINK_NOFOLLOW) < 0 ||
        agent_run_finished(agent_fd, whole))
        return false;
    /* A further node of such a run that happens to be here is nobody's but its own. */
    (void)snprintf(mark, sizeof(mark), "%s/" ELSEWHERE_NAME, whole);
    (void)run_name_parse(name, &parsed);
    return parsed.rank == 0 || faccessat(agent_fd, mark, F_OK, 0) < 0;
}

static struct run *member_of(const struct group_run *g, size_t rank)
{
    char name[RUN_ID_BYTES];

    if (g->elsewhere && rank > 0)
        return NULL;
    member_name(g->run, rank, name);
    return engine_find(g->agent->engine, name);
}

void group_each(struct run *run, void (*tell)(struct run *member, void *context), void *context)
{
    for (size_t i = 0; i < run->group->size; i++) {
        struct run *member = member_of(run->group, i);
        if (member != NULL && member->phase < PHASE_SHIPPING)
            tell(member, context);
    }
}

/* ---- attaching ---- */

static int mark_elsewhere(const struct run *run)
{
    AUTO_CLOSE int fd =
        openat(run->dir_fd, ELSEWHERE_NAME, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);

    return fd < 0 ? -errno : 0;
}

int group_attach(struct agent *a, struct run *run)
{
    const struct job *job = &run->request->job;
    struct group_run *g;

    if (!job->multi_node)
        return 0;
    g = calloc(1, sizeof(*g));
    if (g == NULL)
        return -ENOMEM;
    run->group = g;
    *g = (struct group_run){.agent = a, .run = run, .plan = {.in_order = job->in_order}};
    for (size_t i = 0; i < job->group_count; i++)
        g->plan.group[g->plan.count++] =
            (struct group_shape){(size_t)job->group[i].replicas, (size_t)job->group[i].least};
    g->size = group_size(&g->plan);
    g->state = calloc(g->size, sizeof(*g->state));
    g->was_ready = calloc(g->size, sizeof(*g->was_ready));
    g->look = loop_timer_new(a->loop, look, g);
    g->deadline = loop_timer_new(a->loop, deadline_passed, g);
    g->elsewhere = sources_place(a, run);
    g->far = calloc(g->size, sizeof(*g->far));
    if (g->elsewhere && mark_elsewhere(run) < 0)
        return -ENOMEM;
    run->places = g->elsewhere ? 1 : g->size;
    return g->far != NULL && g->state != NULL && g->was_ready != NULL && g->look != NULL &&
                   g->deadline != NULL
               ? 0
               : -ENOMEM;
}

void group_release(struct run *run)
{
    struct group_run *g = run->group;

    run->group = NULL;
    if (g == NULL)
        return;
    loop_timer_free(g->look);
    loop_timer_free(g->deadline);
    free(g->state);
    free(g->was_ready);
    free(g->far);
    cluster_free(&g->nodes);
    free(g);
}

void group_member_changed(struct agent *a, const struct run *member)
{
    char whole[RUN_ID_BYTES];
    struct run *run;

    if (member->history.origin != ORIGIN_MEMBER || !whole_name(member->id, whole))
        return;
    run = engine_find(a->engine, whole);
    if (run != NULL && run->group != NULL)
        loop_timer_start(run->group->look, 0, 0);
}

/* ---- PREPARING: the members' folders ---- */

/* 0 also when it is there already. */
static int make_member(struct group_run *g, const struct cluster *cluster, size_t rank, struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(DOCUMENT_BYTES_MAX);
    char name[RUN_ID_BYTES];
    int64_t epoch = g->run->history.epoch > 0 ? g->run->history.epoch : 1;
    int r = assignment_write_member(g->run->request, cluster, rank, epoch, &text);

    member_name(g->run, rank, name);
    if (r < 0)
        return err_set(e, r, BLAME_ASSIGNMENT, "the assignment of rank %zu is longer than %u bytes", rank,
                       DOCUMENT_BYTES_MAX);
    r = submission_put_received(
        g->agent->agent_fd,
        &(struct received){
            .name = name, .text = text.data, .size = text.len, .origin = ORIGIN_MEMBER, .epoch = epoch},
        e);
    CRASH_POINT("member-made");
    return r == -EEXIST ? 0 : r;
}

void group_make_members(struct run *run, const struct cluster *cluster)
{
    struct group_run *g = run->group;
    size_t here = g->elsewhere ? 1 : g->size;
    struct err e = ERR_INIT;
    int r = 0;

    for (size_t i = 0; r == 0 && i < here; i++)
        r = make_member(g, cluster, i, &e);
    if (r < 0)
        run_fail(run, e.blame == BLAME_ASSIGNMENT ? CAUSE_ASSIGNMENT_INVALID : CAUSE_INTERNAL, &e);
    else
        run_post(run, RUN_EVENT_DONE);
}

void group_prepare(struct run *run)
{
    struct group_run *g = run->group;
    AUTO(cluster) struct cluster cluster = {0};
    struct err e = ERR_INIT;

    if (g->elsewhere) {
        /* How long nodes are waited for is not this one's to say. */
        loop_timer_stop(run->budget);
        sources_place_nodes(g->agent, run);
        return;
    }
    if (cluster_on_one_machine(&run->request->job, g->agent->node.fqdn, &cluster) < 0) {
        (void)err_oom(&e);
        run_fail(run, CAUSE_INTERNAL, &e);
        return;
    }
    group_make_members(run, &cluster);
}

/* ---- LAUNCHING and RUNNING: looking at the members ---- */

/* Where a member is that is in the table. */
static enum member_state state_of(struct group_run *g, size_t rank, const struct run *member)
{
    bool running = member->phase == PHASE_RUNNING;

    if (member->phase >= PHASE_REPORTING)
        return member->verdict.state == STATE_SUCCEEDED ? MEMBER_SUCCEEDED : MEMBER_FAILED;
    if (member->phase == PHASE_ACCEPTED && member->pending_count == 0)
        return MEMBER_WAITING;
    if (running && (member->ready || member->spec == NULL || member->spec->probe.command.count == 0))
        g->was_ready[rank] = true;
    return g->was_ready[rank] ? MEMBER_READY : MEMBER_STARTED;
}

/* A member that is not in the table has ended, or is taken up. False when another process has it. */
static bool take_up(struct group_run *g, size_t rank)
{
    char name[RUN_ID_BYTES];
    struct run_view view;
    struct err e = ERR_INIT;
    struct run *member;

    member_name(g->run, rank, name);
    if (agent_run_finished(g->agent->agent_fd, name)) {
        bool good = run_view_read(g->agent->layout, name, &view, &e) == 0 && view.ended &&
                    view.verdict.state == STATE_SUCCEEDED;
        g->state[rank] = good ? MEMBER_SUCCEEDED : MEMBER_FAILED;
        return true;
    }
    member = agent_take(g->agent, name, -1, &e);
    if (member != NULL)
        return true;
    if (e.code != -EBUSY)
        log_error("run=%s %s", name, e.text);
    return false;
}

static bool over(enum member_state state)
{
    return state == MEMBER_SUCCEEDED || state == MEMBER_FAILED;
}

/* Fills the states. False while not every member is in our hands. */
static bool look_at_members(struct group_run *g)
{
    bool all = !g->elsewhere || g->placed;

    for (size_t i = 0; i < g->size; i++) {
        const struct run *member;
        if (over(g->state[i]) || (g->elsewhere && i > 0))
            continue;
        member = member_of(g, i);
        if (member == NULL)
            all = take_up(g, i) && all;
        member = member_of(g, i);
        if (member != NULL)
            g->state[i] = state_of(g, i, member);
    }
    return all;
}

static bool any_runs(const struct group_run *g)
{
    for (size_t i = 0; i < g->size; i++) {
        const struct run *member = member_of(g, i);
        if (g->far[i].began)
            return true;
        if (member != NULL && member->phase >= PHASE_RUNNING &&
            (member->phase < PHASE_SHIPPING || member->record.started_at.ms > 0))
            return true;
    }
    return g->run->history.ran;
}

bool group_began(const struct run *run)
{
    return any_runs(run->group);
}

/* ---- the end ---- */

static bool read_end(const struct group_run *g, size_t rank, struct run_view *ret)
{
    char name[RUN_ID_BYTES];
    struct err e = ERR_INIT;

    if (g->elsewhere && rank > 0) {
        *ret = (struct run_view){.ended = g->far[rank].ended, .record = g->far[rank].record};
        ret->verdict = verdict_of(&ret->record);
        return ret->ended;
    }
    member_name(g->run, rank, name);
    return run_view_read(g->agent->layout, name, ret, &e) == 0 && ret->ended;
}

/* What holds of the whole whoever decides it. */
static void add_up(const struct group_run *g, struct exit_record *record, struct member_end *ends)
{
    record->log_complete = record->tree_gone = true;
    for (size_t i = 0; i < g->size; i++) {
        struct run_view v;
        bool known = read_end(g, i, &v);
        ends[i] = (struct member_end){.failed = g->state[i] != MEMBER_SUCCEEDED, .at = clock_wall()};
        if (!known)
            continue;
        ends[i].left_something = v.verdict.state == STATE_NEEDS_ATTENTION;
        ends[i].consequence = v.verdict.cause == CAUSE_GROUP_FAILED;
        ends[i].at = v.record.ended_at;
        record->tree_gone = record->tree_gone && v.record.tree_gone;
        record->log_complete = record->log_complete && v.record.log_complete;
        record->log_bytes += v.record.log_bytes;
        record->log_lines += v.record.log_lines;
        record->disk_bytes += v.record.disk_bytes;
        if (v.record.started_at.ms > 0 &&
            (record->started_at.ms == 0 || v.record.started_at.ms < record->started_at.ms))
            record->started_at = v.record.started_at;
        if (v.record.ended_at.ms > record->ended_at.ms)
            record->ended_at = v.record.ended_at;
    }
}

/* The member's end as that of the whole, with what was added up. */
static void decide_by(const struct group_run *g, size_t rank, struct exit_record *record)
{
    const struct exit_record sums = *record;
    struct run_view v;

    if (!read_end(g, rank, &v)) {
        record->main_end = MAIN_UNKNOWN;
        record->stop_cause = CAUSE_UNKNOWN;
    } else {
        *record = v.record;
        record->tree_gone = sums.tree_gone;
        record->log_complete = sums.log_complete;
        record->log_bytes = sums.log_bytes;
        record->log_lines = sums.log_lines;
        record->disk_bytes = sums.disk_bytes;
        record->started_at = sums.started_at;
        record->ended_at = sums.ended_at;
    }
    (void)snprintf(record->node, sizeof(record->node), "rank %zu of the node group '%s'", rank,
                   g->run->request->job.group[group_of_rank(&g->plan, rank)].name);
}

/* All have ended: so has the run. */
static void finish(struct group_run *g, bool succeeded)
{
    struct run *run = g->run;
    AUTO_FREE struct member_end *ends = calloc(g->size, sizeof(*ends));
    struct exit_record record = {.main_end = MAIN_EXITED, .accepted_at = run->history.accepted_at};
    struct err e = ERR_INIT;

    if (ends == NULL) {
        loop_timer_start(g->look, RETRY_MS, 0);
        return;
    }
    add_up(g, &record, ends);
    if (!succeeded) {
        size_t rank = group_deciding(&g->plan, ends);
        decide_by(g, rank < g->size ? rank : 0, &record);
    }
    record.accepted_at = run->history.accepted_at;
    (void)snprintf(record.run_id, sizeof(record.run_id), "%s", run->id);
    (void)snprintf(record.witness, sizeof(record.witness), "agent");
    CRASH_POINT("group-ended");
    if (exit_record_write(run->dir_fd, &record, &e) < 0 && e.code != -EEXIST) {
        log_error("run=%s exit record: %s", run->id, e.text);
        loop_timer_start(g->look, RETRY_MS, 0);
        return;
    }
    CRASH_POINT("group-recorded");
    if (!group_load_record(run))
        return;
    g->ended_said = true;
    run_post(run, RUN_EVENT_ENDED);
}

bool group_load_record(struct run *run)
{
    struct err e = ERR_INIT;

    run->has_record = exit_record_read(run->dir_fd, &run->record, &e) == 0;
    if (!run->has_record && e.code != -ENOENT)
        log_error("run=%s exit record: %s", run->id, e.text);
    return run->has_record;
}

/* ---- stopping ---- */

static void stop_member(struct run *member, void *context)
{
    const struct run *run = context;
    struct err why = {.code = -ECANCELED, .blame = BLAME_NONE};

    if (run->cancel_requested) {
        (void)run_cancel(member, run->kill_requested);
        return;
    }
    if (run->group->failed && run->cause == CAUSE_NONE)
        run_give_up(member, CAUSE_GROUP_FAILED, &why);
    else
        run_give_up(member, run->cause, &why);
}

void group_stop(struct run *run)
{
    group_each(run, stop_member, run);
    group_stop_elsewhere(run->group);
    loop_timer_start(run->group->look, 0, 0);
}

static void deadline_passed(void *context)
{
    struct group_run *g = context;

    if (g->run->cause == CAUSE_NONE)
        g->run->cause = CAUSE_DEADLINE_EXCEEDED;
    run_post(g->run, RUN_EVENT_STOPPING);
}

/* The time of the whole counts from when the first node ran. After a restart only the wall clock knows when that was. */
static void start_deadline(struct group_run *g)
{
    struct run *run = g->run;
    int64_t since = g->since.ms > 0                     ? g->since.ms
                    : run->history.running_since.ms > 0 ? run->history.running_since.ms
                                                        : clock_wall().ms;
    int64_t limit = run->runtime_ms > 0 ? run->runtime_ms : run->spec->maximum_runtime_ms;
    int64_t left = limit - (clock_wall().ms - since);

    if (left > limit)
        left = limit;
    g->since = (wall_ms_t){since};
    run->deadline = (boot_ms_t){clock_boot().ms + left};
    loop_timer_start(g->deadline, left > 0 ? (uint64_t)left : 0, 0);
}

int group_set_runtime(struct run *run, int64_t runtime_ms)
{
    int r = run_set_runtime(run, runtime_ms);

    if (run->group->running_said)
        start_deadline(run->group);
    return r;
}

/* ---- the look ---- */

static void say_failed(struct group_run *g, size_t group)
{
    struct fact_writer *w = run_note(g->run, FACT_GROUP_FAILED);

    g->failed = true;
    fact_put_string(w, "group", g->run->request->job.group[group].name);
    (void)run_noted(g->run, false);
    log_notice("run=%s its node group '%s' has failed: the rest is stopped", g->run->id,
               g->run->request->job.group[group].name);
    run_post(g->run, RUN_EVENT_STOPPING);
}

static bool all_over(const struct group_run *g)
{
    for (size_t i = 0; i < g->size; i++)
        if (!over(g->state[i]))
            return false;
    return true;
}

static void look(void *context)
{
    struct group_run *g = context;
    struct run *run = g->run;
    struct group_decision d;

    if (run->phase < PHASE_LAUNCHING || run->phase >= PHASE_SHIPPING || g->ended_said)
        return;
    /* A run that is taken up again looks before its source has it. */
    if (g->elsewhere && !g->placed)
        sources_place_nodes(g->agent, run);
    if (!look_at_members(g)) {
        loop_timer_start(g->look, RETRY_MS, 0);
        return;
    }
    d = group_decide(&g->plan, g->state, run->phase >= PHASE_STOPPING || run->cancel_requested);
    for (size_t i = 0; i < d.start_to; i++)
        if (g->state[i] == MEMBER_WAITING && !(g->elsewhere && i > 0))
            run_post(member_of(g, i), RUN_EVENT_START);
    if (g->elsewhere && d.start_to > 0)
        sources_begin_nodes(g->agent, run, d.start_to);
    if (!g->running_said && run->phase == PHASE_LAUNCHING && any_runs(g)) {
        g->running_said = true;
        start_deadline(g);
        run_post(run, RUN_EVENT_RUNNING);
    }
    if (d.failed && !g->failed && run->phase < PHASE_STOPPING && !run->cancel_requested)
        say_failed(g, d.failed_group);
    else if (run->phase >= PHASE_STOPPING) {
        group_each(run, stop_member, run); /* also those taken up only now */
        group_stop_elsewhere(g);
    }
    if (all_over(g))
        finish(g, d.succeeded);
}

void group_launch(struct run *run)
{
    struct group_run *g = run->group;

    /* Its members have budgets of their own. */
    loop_timer_stop(run->budget);
    if (!run->history.launch_requested) {
        (void)run_note(run, FACT_LAUNCH_REQUESTED);
        (void)run_noted(run, true);
    }
    CRASH_POINT("group-launched");
    if (group_load_record(run)) {
        g->ended_said = true;
        run_post(run, RUN_EVENT_ENDED);
        return;
    }
    loop_timer_start(g->look, 0, 0);
}

/* Without a launch nobody has taken a member up: its folder says nothing that happened. */
void group_ship(struct run *run)
{
    loop_timer_stop(run->group->look);
    loop_timer_stop(run->group->deadline);
    if (!run->has_record)
        for (size_t i = 0; i < (run->group->elsewhere ? 1 : run->group->size); i++) {
            char name[RUN_ID_BYTES];
            member_name(run, i, name);
            (void)tree_remove(run->group->agent->agent_fd, name);
        }
    run_post(run, RUN_EVENT_DONE);
}
