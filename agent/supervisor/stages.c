/*
 * stages.c - what happens at each turn of a supervised run. The only writer of supervision.stage and of the
 * facts in supervision.record.
 */
#include "supervisor/supervision.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "supervisor/device_fence.h"
#include "supervisor/metadata.h"
#include "supervisor/privilege.h"
#include "sys/fd.h"
#include "sys/notify.h"
#include "sys/packet.h"
#include "sys/process.h"
#include "wire/entry.h"

/* How often a running job's disk is looked at. */
#define LOOK_MS 1000

static const char *const STAGE_NAMES[STAGE_COUNT] = {
    [STAGE_IMAGE] = "image",         [STAGE_STORAGE] = "storage", [STAGE_PLACING] = "placing",
    [STAGE_LAUNCHING] = "launching", [STAGE_RUNNING] = "running", [STAGE_LEFTOVERS] = "leftovers",
    [STAGE_SAVING] = "saving",       [STAGE_GONE] = "gone",
};

const char *stage_name(enum stage stage)
{
    return (unsigned)stage < STAGE_COUNT ? STAGE_NAMES[stage] : "unknown";
}

/* In `systemctl status` the unit has the name of its run. */
static void stage_tell_manager(const struct supervision *s)
{
    char state[RUN_ID_BYTES + 64];

    (void)snprintf(state, sizeof(state), "STATUS=run %s: %s", s->plan.run_id, stage_name(s->stage));
    (void)notify_manager(state);
}

void stage_set(struct supervision *s, enum stage stage)
{
    log_debug("run=%s %s -> %s", s->plan.run_id, stage_name(s->stage), stage_name(stage));
    s->stage = stage;
    stage_tell_manager(s);
}

void stage_note(struct supervision *s, bool durable)
{
    struct err e = ERR_INIT;

    if (journal_commit(&s->journal, durable, &e) < 0)
        log_warning("run=%s journal: %s", s->plan.run_id, e.text);
}

struct fact_writer *stage_fact(struct supervision *s, const char *event)
{
    return journal_begin(&s->journal, clock_wall(), event);
}

/* The run ends before the job ran: the first reason wins. */
void stage_not_started(struct supervision *s, enum cause cause, const struct err *e)
{
    if (s->record.stop_cause == CAUSE_NONE)
        s->record.stop_cause = cause;
    if (s->record.reason[0] == '\0') {
        s->record.blame = e->blame;
        (void)snprintf(s->record.reason, sizeof(s->record.reason), "%s", e->text);
    }
}

void stage_tree_gone(struct supervision *s)
{
    s->record.tree_gone = true;
    (void)stage_fact(s, "tree-gone");
    stage_note(s, false);
    if (s->main_pid == 0 || s->storage.control_fd < 0 || !storage_saves(&s->plan)) {
        stage_set(s, STAGE_GONE);
        return;
    }
    stage_set(s, STAGE_SAVING);
    storage_save(&s->storage, stage_succeeded(s));
}

void stage_saved(struct supervision *s, const struct err *e)
{
    if (s->stage != STAGE_SAVING)
        return;
    stage_judge_saving(s, e);
    stage_set(s, STAGE_GONE);
}

/* ---- the job ---- */

static void note_containment(struct supervision *s)
{
    /* What every run should have and this machine has for none is no news with each run; what somebody settled for is. */
    enum log_level loud =
        s->policy->limits_best_effort || s->policy->rootless ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO;
    struct err e = ERR_INIT;

    for (size_t i = 0; i < s->contained.count; i++)
        if (s->contained.item[i].state == CONTAINMENT_MISSING)
            log_at(loud, "run=%s runs without %s (%s)", s->plan.run_id, s->contained.item[i].name,
                   s->contained.item[i].value);
    if (containment_note(&s->contained, &s->journal, clock_wall(), &e) < 0)
        log_warning("run=%s journal: %s", s->plan.run_id, e.text);
    containment_free(&s->contained);
}

void stage_say_running(struct supervision *s)
{
    const struct message m = {.type = MESSAGE_RUNNING,
                              .pid = s->main_pid,
                              .started_at = s->record.started_at,
                              .deadline = s->deadline};

    channel_say(&s->channel, &m);
}

static void job_started(struct supervision *s, pid_t pid)
{
    struct process_identity identity = {.pid = pid};
    struct fact_writer *w;

    (void)process_identity_of(pid, &identity);
    note_containment(s);
    s->record.started_at = clock_wall();
    s->record.main_end = MAIN_UNKNOWN;
    s->deadline = (boot_ms_t){clock_boot().ms + s->plan.maximum_runtime_ms};
    s->main_pid = pid;
    measure_begin(&s->measure, clock_boot());
    s->disk_free_at_start = disk_free(s->run.fd);
    s->look_at = (boot_ms_t){clock_boot().ms + LOOK_MS};
    if (s->plan.notice_before_ms > 0)
        s->notice_at = (boot_ms_t){s->deadline.ms - s->plan.notice_before_ms};
    stage_set(s, STAGE_RUNNING);
    w = stage_fact(s, "running");
    fact_put_int(w, "pid", pid);
    fact_put_int(w, "start-time", (int64_t)identity.start_time);
    fact_put_string(w, "boot", identity.boot_id);
    fact_put_int(w, "started-at-ms", s->record.started_at.ms);
    fact_put_int(w, "deadline-boot-ms", s->deadline.ms);
    stage_note(s, false);
    stage_say_running(s);
    stage_preempt_started(s, clock_boot());
}

static void main_ended(struct supervision *s, const struct init_report *report)
{
    struct fact_writer *w;

    s->record.main_end = report->main_end;
    s->record.status = report->status;
    s->record.core_dumped = report->core_dumped;
    (void)snprintf(s->record.witness, sizeof(s->record.witness), "init");
    s->stop.main_ended = true;
    w = stage_fact(s, "main-ended");
    fact_put_string(w, "end", main_end_name(report->main_end));
    fact_put_int(w, "status", report->status);
    stage_note(s, false);
    channel_say(&s->channel, &(struct message){.type = MESSAGE_CLEANING});
    s->look_at.ms = INT64_MAX;
    stage_set(s, STAGE_LEFTOVERS);
}

void stage_init_report(struct supervision *s, const struct init_report *report)
{
    switch (report->word) {
    case INIT_FAILED:
        s->record.launch_errno = report->launch_errno;
        stage_not_started(s, report->cause, &report->error);
        break;
    case INIT_CONTAINED:
        (void)containment_add(&s->contained, report->fact.name, report->fact.state, report->fact.value,
                              report->fact.by);
        break;
    case INIT_STARTED: job_started(s, report->pid); break;
    case INIT_MAIN_ENDED: main_ended(s, report); break;
    default: break;
    }
}

void stage_init_exited(struct supervision *s)
{
    struct init_report report = {.word = INIT_MAIN_ENDED};

    s->init.pid = 0;
    fd_close(&s->init.control_fd);
    /* Init writes the end down before it tells it: killed in between, it is still a witness. */
    if (s->stage == STAGE_RUNNING &&
        witness_read(s->run.fd, &report.main_end, &report.status, &report.core_dumped) == 1)
        main_ended(s, &report);
    if (s->stage == STAGE_LAUNCHING && s->record.stop_cause == CAUSE_NONE)
        stage_not_started(s, CAUSE_LAUNCH_FAILED,
                          &(struct err){.blame = BLAME_BUG, .text = "init ended without starting the job"});
    stage_tree_gone(s);
}

/* ---- while it runs ---- */

static void look_at_disk(struct supervision *s, boot_ms_t now)
{
    int64_t free_bytes = disk_free(s->run.fd);
    int64_t reserve = s->policy->disk_reserve_bytes;

    if (s->stopping || !disk_exhausted(free_bytes, s->disk_free_at_start, reserve))
        return;
    if (!disk_must_go(free_bytes, s->disk_free_at_start, reserve,
                      (int64_t)(run_bytes(&s->run, HOME_ENTRIES_MAX) + s->capture.spool.offset)))
        return;
    (void)snprintf(s->record.reason, sizeof(s->record.reason),
                   "the disk that holds it has almost nothing left (reserve.disk)");
    stage_stop(s, CAUSE_DISK_FULL, -1, now);
}

void stage_look(struct supervision *s, boot_ms_t now)
{
    if (now.ms < s->look_at.ms)
        return;
    s->look_at.ms = now.ms + LOOK_MS;
    if (measure_look(&s->measure, &s->group, now) && measure_write(&s->measure, s->run.fd) < 0)
        log_debug("run=%s its usage could not be written", s->plan.run_id);
    look_at_disk(s, now);
}

/* ---- the end ---- */

void stage_stop(struct supervision *s, enum cause cause, int64_t grace_ms, boot_ms_t now)
{
    struct fact_writer *w;

    if (s->stopping || s->stage == STAGE_GONE || s->stop.main_ended)
        return;
    s->stopping = true;
    s->record.stop_cause = cause;
    if (grace_ms >= 0 && grace_ms <= STOP_GRACE_MS_MAX)
        s->stop_policy.grace_ms = grace_ms;
    w = stage_fact(s, "stopping");
    fact_put_string(w, "cause", cause_name(cause));
    fact_put_int(w, "grace-ms", s->stop_policy.grace_ms);
    stage_note(s, true);
    channel_say(&s->channel, &(struct message){.type = MESSAGE_STOPPING, .cause = cause});
    if (s->stage == STAGE_STORAGE)
        storage_cancel(&s->storage, now);
    helper_kill(&s->helper.process, now);
    helper_kill(&s->image.helper, now);
}

/* What could not be ended: named for the operator. */
static void describe_left_behind(struct supervision *s)
{
    run_group_describe(&s->group, s->record.left_behind, sizeof(s->record.left_behind));
    if (s->record.left_behind[0] == '\0')
        (void)snprintf(s->record.left_behind, sizeof(s->record.left_behind),
                       "processes below init (pid %d) did not end after SIGKILL", (int)s->init.pid);
}

static void take_step(struct supervision *s, enum stop_action action, boot_ms_t now)
{
    struct fact_writer *w = stage_fact(s, "stop-step");

    fact_put_int(w, "step", (int64_t)action);
    stage_note(s, false);
    switch (action) {
    case STOP_SIGNAL_MAIN:
    case STOP_SIGNAL_TREE:
        (void)init_signal(&s->init, s->plan.stop_signal, action == STOP_SIGNAL_TREE);
        s->stop.signalled = true;
        s->stop.signalled_at = now;
        break;
    case STOP_SIGNAL_NEXT:
        (void)init_signal(&s->init, s->stop_policy.then.item[s->stop.then_sent++].signal,
                          s->stop.main_ended || s->stop_policy.whole_tree);
        break;
    case STOP_KILL_TREE:
        (void)init_signal(&s->init, SIGKILL, true);
        s->stop.killed_tree = true;
        s->stop.killed_at = now;
        break;
    case STOP_KILL_INIT:
        (void)run_group_kill(&s->group);
        (void)kill(s->init.pid, SIGKILL);
        storage_force(&s->storage);
        s->stop.killed_init = true;
        break;
    case STOP_GIVE_UP:
        describe_left_behind(s);
        stage_set(s, STAGE_GONE);
        break;
    case STOP_WAIT:
    default: break;
    }
}

int64_t stage_climb(struct supervision *s, boot_ms_t now)
{
    if (s->init.pid == 0 || (!s->stopping && s->stage != STAGE_LEFTOVERS))
        return INT64_MAX;
    /* While the job is being launched there is nobody to signal politely; the kernel ends a half-built
     * namespace. */
    if (s->stage == STAGE_LAUNCHING && !s->stop.killed_init) {
        s->stop.killed_tree = true;
        s->stop.killed_at = now;
        take_step(s, STOP_KILL_INIT, now);
    }
    while (s->stage != STAGE_GONE) {
        struct stop_step step = stop_next(&s->stop_policy, &s->stop, now);
        if (step.action == STOP_WAIT)
            return step.next_at.ms;
        take_step(s, step.action, now);
    }
    return INT64_MAX;
}
