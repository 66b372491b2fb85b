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

static void set_stage(struct supervision *s, enum stage stage)
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

static struct fact_writer *fact(struct supervision *s, const char *event)
{
    return journal_begin(&s->journal, clock_wall(), event);
}

/* The run ends before the job ran: the first reason wins. */
static void not_started(struct supervision *s, enum cause cause, const struct err *e)
{
    if (s->record.stop_cause == CAUSE_NONE)
        s->record.stop_cause = cause;
    if (s->record.reason[0] == '\0') {
        s->record.blame = e->blame;
        (void)snprintf(s->record.reason, sizeof(s->record.reason), "%s", e->text);
    }
}

static void tree_gone(struct supervision *s)
{
    s->record.tree_gone = true;
    (void)fact(s, "tree-gone");
    stage_note(s, false);
    if (s->main_pid == 0 || s->storage.control_fd < 0 || !storage_saves(&s->plan)) {
        set_stage(s, STAGE_GONE);
        return;
    }
    set_stage(s, STAGE_SAVING);
    storage_save(&s->storage, stage_succeeded(s));
}

void stage_saved(struct supervision *s, const struct err *e)
{
    if (s->stage != STAGE_SAVING)
        return;
    stage_judge_saving(s, e);
    set_stage(s, STAGE_GONE);
}

/* ---- image, storage and placing ---- */

/* All at once: making the first one may move us, and then we would look for the place of others elsewhere. */
static int make_groups(struct supervision *s, struct err *e)
{
    struct cgroup_places places;

    cgroup_places_read(&places);
    if (run_group_create(&places, s->plan.run_id, &s->group, e) < 0 ||
        helper_group_make(&places, s->plan.run_id, s->policy, &s->helpers, &s->contained, e) < 0)
        return err_context(e, "control groups");
    return 0;
}

void stage_storage_failed(struct supervision *s, const struct err *e)
{
    if (s->stage != STAGE_STORAGE)
        return;
    not_started(s, CAUSE_STORAGE_FAILED, e);
    tree_gone(s);
}

void stage_place(struct supervision *s)
{
    struct err e = ERR_INIT;
    int r;

    set_stage(s, STAGE_PLACING);
    r = place_start(s->policy, &s->plan, s->run.home_fd, s->placement_fd, &s->helpers.group, clock_boot(),
                    &s->helper, &e);
    for (size_t i = 0; i < s->plan.placement_count; i++)
        fd_close(&s->placement_fd[i]);
    if (r == 0)
        return;
    not_started(s, CAUSE_LAUNCH_FAILED, &e);
    tree_gone(s);
}

static void begin_storage(struct supervision *s)
{
    struct err e = ERR_INIT;

    if (!storage_wanted(s->policy, &s->plan)) {
        stage_place(s);
        return;
    }
    set_stage(s, STAGE_STORAGE);
    if (storage_start(s->policy, &s->plan, &s->run, &s->helpers.group, &s->storage, &e) == 0)
        return;
    not_started(s, CAUSE_STORAGE_FAILED, &e);
    tree_gone(s);
}

void stage_begin(struct supervision *s, boot_ms_t now)
{
    struct err e = ERR_INIT;

    (void)now;
    log_info("run=%s begins", s->plan.run_id);
    if (make_groups(s, &e) < 0 ||
        scratch_disk_make(s->policy, &s->plan, &s->run, &s->scratch, &s->contained, &e) < 0) {
        not_started(s, CAUSE_LIMIT_NOT_APPLIED, &e);
        tree_gone(s);
        return;
    }
    if (!plan_has_image(&s->plan)) {
        begin_storage(s);
        return;
    }
    set_stage(s, STAGE_IMAGE);
    if (image_start(s->policy, &s->plan, s->placement_fd, &s->helpers.group, now, &s->image, &e) == 0)
        return;
    not_started(s, CAUSE_IMAGE_FAILED, &e);
    tree_gone(s);
}

/* The kernel holds it; it is named for the operator, as what is left of a job would be. */
static void helper_abandoned(struct supervision *s, const struct helper *helper, enum cause cause)
{
    struct err e = ERR_INIT;

    (void)helper_result(helper, &e);
    not_started(s, cause, &e);
    run_group_describe(&s->helpers.group, s->record.left_behind, sizeof(s->record.left_behind));
    if (s->record.left_behind[0] == '\0')
        (void)snprintf(s->record.left_behind, sizeof(s->record.left_behind), "pid %d (%s)", (int)helper->pid,
                       helper->name);
    set_stage(s, STAGE_GONE);
}

/* What was made for the job's user before the image said who that is. */
static int give_to_user(struct supervision *s, struct err *e)
{
    uid_t uid = policy_uid(s->policy, &s->plan);
    gid_t gid = policy_gid(s->policy, &s->plan);

    if (fchown(s->run.home_fd, uid, gid) < 0)
        return err_errno(e, errno, BLAME_NODE, "give the home to the image's user");
    if (fchown(s->notices.checkpoint_fd, uid, gid) < 0)
        return err_errno(e, errno, BLAME_NODE, "give the checkpoint's file to the image's user");
    return 0;
}

void stage_image_ended(struct supervision *s)
{
    struct err e = ERR_INIT;
    bool unpacked = false;
    struct fact_writer *w;

    if (s->stage != STAGE_IMAGE)
        return;
    if (s->image.helper.state == HELPER_ABANDONED) {
        helper_abandoned(s, &s->image.helper, CAUSE_IMAGE_FAILED);
        return;
    }
    if (s->stopping) {
        not_started(s, s->record.stop_cause,
                    &(struct err){.text = "the run was stopped before the job started"});
        tree_gone(s);
        return;
    }
    if (image_result(&s->image, s->policy, &s->plan, &unpacked, &e) < 0 || give_to_user(s, &e) < 0) {
        not_started(s, CAUSE_IMAGE_FAILED, &e);
        tree_gone(s);
        return;
    }
    w = fact(s, "image-ready");
    fact_put_string(w, "image", s->plan.image);
    fact_put_string(w, "digest", s->plan.image_digest);
    fact_put_bool(w, "unpacked", unpacked);
    fact_put_int(w, "uid", s->plan.image_uid);
    fact_put_int(w, "gid", s->plan.image_gid);
    stage_note(s, false);
    begin_storage(s);
}

/* The environment as execve wants it. jobruntime.yaml's layer goes below the job's and the run's. */
static int build_environment(struct supervision *s, const struct env *jobruntime, struct strlist *ret)
{
    for (size_t i = 0; i < jobruntime->count; i++)
        if (env_set(&s->plan.env, ENV_JOBRUNTIME, jobruntime->var[i].key, jobruntime->var[i].value) < 0)
            return -ENOMEM;
    for (size_t i = 0; i < s->plan.env.count; i++) {
        AUTO_FREE char *entry = NULL;
        if (asprintf(&entry, "%s=%s", s->plan.env.var[i].key, s->plan.env.var[i].value) < 0 ||
            strlist_add(ret, entry) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* Everything that holds the run from outside stands before there is anything to hold. */
static int limit(struct supervision *s, struct err *e)
{
    struct node_size node;

    node_size_read(&s->group, &node);
    limits_effective(&s->plan.limits, s->policy, &node, &s->limits);
    if (limits_apply(&s->limits, &s->group, limits_disk_of(s->run.fd), &s->contained, e) < 0)
        return e->code;
    if (device_fence(&s->devices, &s->group, &s->contained, e) < 0)
        return e->code;
    return metadata_block(s->policy, &s->plan, &s->group, &s->contained, e);
}

/* Init has all it needs; what it does not need we give up, and only then the job begins. */
static int let_go(struct supervision *s, struct err *e)
{
    int r = scratch_disk_detach(&s->scratch, &s->run);

    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "let go of the run's disk");
    if (privilege_shed(s->policy->limits_best_effort, &s->contained, e) < 0)
        return err_context(e, "the supervisor's own privileges");
    r = init_release(&s->init);
    /* An init that has ended by now said why, which is heard in its turn. */
    return r < 0 && r != -EPIPE ? err_errno(e, -r, BLAME_NODE, "let init start the job") : 0;
}

/* What was begun is ended in the order of a run that is stopped. */
static void launch_failed(struct supervision *s, const struct err *e)
{
    not_started(s,
                e->blame == BLAME_ASSIGNMENT ? CAUSE_ARTIFACT_REJECTED
                : e->code == -ENOTSUP        ? CAUSE_LIMIT_NOT_APPLIED
                                             : CAUSE_LAUNCH_FAILED,
                e);
    if (s->init.pid == 0) {
        tree_gone(s);
        return;
    }
    s->stopping = true;
    set_stage(s, STAGE_LAUNCHING);
}

/* What the run needs of its node before there is a job. The cause of its end when it cannot have it; else CAUSE_NONE. */
static enum cause make_ready(struct supervision *s, struct err *e)
{
    enum cause hindrance = stage_claim_devices(s, e);

    if (hindrance == CAUSE_NONE && limit(s, e) < 0)
        hindrance = CAUSE_LIMIT_NOT_APPLIED;
    return hindrance;
}

/* The archive is opened when everything was fetched, so what its jobruntime.yaml asks for beside variables comes too late. The job's
 * own word, also that it wants none, is heard in time. */
static bool conda_too_late(const struct plan *plan, const struct env *jobruntime, struct err *e)
{
    const char *type = env_value(jobruntime, "CONDA_ENV_TYPE");

    if (type == NULL || type[0] == '\0' || plan->conda_prefix != NULL ||
        env_find(&plan->env, "CONDA_ENV_TYPE") != NULL)
        return false;
    (void)err_set(
        e, -ENOTSUP, BLAME_ASSIGNMENT,
        "jobruntime.yaml names a conda environment: say it in the job's or the run's environment variables "
        "(CONDA_ENV_TYPE and those beside it), or --conda none for the system's Python");
    return true;
}

static int launch(struct supervision *s, const struct placed *placed, struct err *e)
{
    AUTO(strlist) struct strlist argv = {0};
    AUTO(strlist) struct strlist environment = {0};
    struct launch l = {.policy = s->policy,
                       .plan = &s->plan,
                       .run = &s->run,
                       .argv = &argv,
                       .environment = &environment,
                       .directory = entry_directory(&s->plan),
                       .output_fd = {s->output_fd[0], s->output_fd[1]},
                       .group = &s->group,
                       .limits = &s->limits,
                       .filter = &s->filter};
    AUTO_CLOSE int theirs = -1;
    int pair[2], r;
    struct fact_writer *w;

    stage_note_saves(s);
    if (conda_too_late(&s->plan, &placed->env, e))
        return e->code;
    if (entry_command(&s->plan, placed->entry, placed->main_class, &argv, e) < 0)
        return e->code;
    if (build_environment(s, &placed->env, &environment) < 0)
        return err_oom(e);
    w = fact(s, "launching");
    fact_put_string(w, "entry", placed->entry);
    fact_put_int(w, "files", placed->files);
    fact_put_int(w, "bytes", placed->bytes);
    if (journal_commit(&s->journal, true, e) < 0)
        return e->code;
    oom_watch_open(&s->oom);
    r = packet_pair(pair);
    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "make the listener's socket");
    s->listener_socket = pair[0];
    (void)fd_set_nonblocking(s->listener_socket, true);
    theirs = pair[1];
    l.listener_socket = theirs;
    if (init_start(&l, &s->init, e) < 0)
        return e->code;
    for (size_t i = 0; i < CAPTURE_STREAMS; i++)
        fd_close(&s->output_fd[i]);
    return let_go(s, e);
}

/* A disk of the size that the job asked for is the job's to size; what is full otherwise is the node's. */
static void not_placed(struct supervision *s, struct err *e)
{
    char size[LIMIT_TEXT_MAX];

    if (e->code == -ENOSPC && s->scratch.mounted) {
        run_limit_format(LIMIT_SCRATCH, s->plan.limits.value[LIMIT_SCRATCH], size);
        e->blame = BLAME_ASSIGNMENT;
        err_context(
            e, "the artifact needs more than the %s of scratch space that the job asks for (limits.scratch)",
            size);
    }
    not_started(s,
                e->code == -ENOSPC             ? CAUSE_DISK_FULL
                : e->blame == BLAME_ASSIGNMENT ? CAUSE_ARTIFACT_REJECTED
                                               : CAUSE_LAUNCH_FAILED,
                e);
}

void stage_helper_ended(struct supervision *s)
{
    struct placed placed = {0};
    struct err e = ERR_INIT;
    enum cause hindrance;

    place_read(&s->helper);
    if (s->stage != STAGE_PLACING)
        return;
    if (s->helper.process.state == HELPER_ABANDONED) {
        helper_abandoned(s, &s->helper.process, CAUSE_LAUNCH_FAILED);
        return;
    }
    if (s->stopping) {
        not_started(s, s->record.stop_cause,
                    &(struct err){.text = "the run was stopped before the job started"});
        tree_gone(s);
        return;
    }
    if (place_result(&s->helper, &placed, &e) < 0) {
        (void)helper_group_exhausted(&s->helpers, &e);
        not_placed(s, &e);
        tree_gone(s);
        return;
    }
    hindrance = make_ready(s, &e);
    if (hindrance != CAUSE_NONE) {
        placed_free(&placed);
        not_started(s, hindrance, &e);
        tree_gone(s);
        return;
    }
    if (launch(s, &placed, &e) < 0)
        launch_failed(s, &e);
    else
        set_stage(s, STAGE_LAUNCHING);
    placed_free(&placed);
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

static void job_started(struct supervision *s, pid_t pid)
{
    struct message m = {.type = MESSAGE_RUNNING, .pid = pid};
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
    set_stage(s, STAGE_RUNNING);
    w = fact(s, "running");
    fact_put_int(w, "pid", pid);
    fact_put_int(w, "start-time", (int64_t)identity.start_time);
    fact_put_string(w, "boot", identity.boot_id);
    fact_put_int(w, "started-at-ms", s->record.started_at.ms);
    fact_put_int(w, "deadline-boot-ms", s->deadline.ms);
    stage_note(s, false);
    m.started_at = s->record.started_at;
    m.deadline = s->deadline;
    channel_say(&s->channel, &m);
}

static void main_ended(struct supervision *s, const struct init_report *report)
{
    struct fact_writer *w;

    s->record.main_end = report->main_end;
    s->record.status = report->status;
    s->record.core_dumped = report->core_dumped;
    (void)snprintf(s->record.witness, sizeof(s->record.witness), "init");
    s->stop.main_ended = true;
    w = fact(s, "main-ended");
    fact_put_string(w, "end", main_end_name(report->main_end));
    fact_put_int(w, "status", report->status);
    stage_note(s, false);
    channel_say(&s->channel, &(struct message){.type = MESSAGE_CLEANING});
    s->look_at.ms = INT64_MAX;
    set_stage(s, STAGE_LEFTOVERS);
}

void stage_init_report(struct supervision *s, const struct init_report *report)
{
    switch (report->word) {
    case INIT_FAILED:
        s->record.launch_errno = report->launch_errno;
        not_started(s, report->cause, &report->error);
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
        not_started(s, CAUSE_LAUNCH_FAILED,
                    &(struct err){.blame = BLAME_BUG, .text = "init ended without starting the job"});
    tree_gone(s);
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
    w = fact(s, "stopping");
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
    struct fact_writer *w = fact(s, "stop-step");

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
        set_stage(s, STAGE_GONE);
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
