/* stage_prepare.c - what happens before the job's first instruction: image, storage, artifact, launch. See supervision.h. */
#include "supervisor/supervision.h"

#include <errno.h>
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
#include "sys/packet.h"
#include "wire/entry.h"

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
    stage_not_started(s, CAUSE_STORAGE_FAILED, e);
    stage_tree_gone(s);
}

void stage_place(struct supervision *s)
{
    struct err e = ERR_INIT;
    int r;

    stage_set(s, STAGE_PLACING);
    r = place_start(s->policy, &s->plan, s->run.home_fd, s->placement_fd, &s->helpers.group, clock_boot(),
                    &s->helper, &e);
    for (size_t i = 0; i < s->plan.placement_count; i++)
        fd_close(&s->placement_fd[i]);
    if (r == 0)
        return;
    stage_not_started(s, CAUSE_LAUNCH_FAILED, &e);
    stage_tree_gone(s);
}

static void begin_storage(struct supervision *s)
{
    struct err e = ERR_INIT;

    if (!storage_wanted(s->policy, &s->plan)) {
        stage_place(s);
        return;
    }
    stage_set(s, STAGE_STORAGE);
    if (storage_start(s->policy, &s->plan, &s->run, &s->helpers.group, &s->storage, &e) == 0)
        return;
    stage_not_started(s, CAUSE_STORAGE_FAILED, &e);
    stage_tree_gone(s);
}

void stage_begin(struct supervision *s, boot_ms_t now)
{
    struct err e = ERR_INIT;
    int r;

    log_info("run=%s begins", s->plan.run_id);
    if (make_groups(s, &e) < 0 ||
        scratch_disk_make(s->policy, &s->plan, &s->run, &s->scratch, &s->contained, &e) < 0) {
        stage_not_started(s, CAUSE_LIMIT_NOT_APPLIED, &e);
        stage_tree_gone(s);
        return;
    }
    if (!plan_has_image(&s->plan)) {
        begin_storage(s);
        return;
    }
    stage_set(s, STAGE_IMAGE);
    r = image_start(s->policy, &s->plan, s->placement_fd, &s->helpers.group, now, &s->image, &e);
    /* The layout is locked by whoever has it open, and what is wrong with it is to go at once. */
    fd_close(&s->placement_fd[s->plan.placement_count]);
    if (r == 0)
        return;
    stage_not_started(s, CAUSE_IMAGE_FAILED, &e);
    stage_tree_gone(s);
}

/* The kernel holds it; it is named for the operator, as what is left of a job would be. */
static void helper_abandoned(struct supervision *s, const struct helper *helper, enum cause cause)
{
    struct err e = ERR_INIT;

    (void)helper_result(helper, &e);
    stage_not_started(s, cause, &e);
    run_group_describe(&s->helpers.group, s->record.left_behind, sizeof(s->record.left_behind));
    if (s->record.left_behind[0] == '\0')
        (void)snprintf(s->record.left_behind, sizeof(s->record.left_behind), "pid %d (%s)", (int)helper->pid,
                       helper->name);
    stage_set(s, STAGE_GONE);
}

/* Whether the helper's work counts no more: the kernel holds it, or the run is stopped. The run's end has begun then. */
static bool cut_off(struct supervision *s, const struct helper *helper, enum cause cause)
{
    if (helper->state == HELPER_ABANDONED) {
        helper_abandoned(s, helper, cause);
        return true;
    }
    if (!s->stopping)
        return false;
    stage_not_started(s, s->record.stop_cause,
                      &(struct err){.text = "the run was stopped before the job started"});
    stage_tree_gone(s);
    return true;
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
    if (cut_off(s, &s->image.helper, CAUSE_IMAGE_FAILED))
        return;
    if (image_result(&s->image, s->policy, &s->plan, &unpacked, &e) < 0 || give_to_user(s, &e) < 0) {
        stage_not_started(s, CAUSE_IMAGE_FAILED, &e);
        stage_tree_gone(s);
        return;
    }
    w = stage_fact(s, "image-ready");
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
    stage_not_started(s,
                      e->blame == BLAME_ASSIGNMENT ? CAUSE_ARTIFACT_REJECTED
                      : e->code == -ENOTSUP        ? CAUSE_LIMIT_NOT_APPLIED
                                                   : CAUSE_LAUNCH_FAILED,
                      e);
    if (s->init.pid == 0) {
        stage_tree_gone(s);
        return;
    }
    s->stopping = true;
    stage_set(s, STAGE_LAUNCHING);
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
    w = stage_fact(s, "launching");
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
    stage_not_started(s,
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
    if (cut_off(s, &s->helper.process, CAUSE_LAUNCH_FAILED))
        return;
    if (place_result(&s->helper, &placed, &e) < 0) {
        (void)helper_group_exhausted(&s->helpers, &e);
        not_placed(s, &e);
        stage_tree_gone(s);
        return;
    }
    hindrance = make_ready(s, &e);
    if (hindrance != CAUSE_NONE) {
        placed_free(&placed);
        stage_not_started(s, hindrance, &e);
        stage_tree_gone(s);
        return;
    }
    if (launch(s, &placed, &e) < 0)
        launch_failed(s, &e);
    else
        stage_set(s, STAGE_LAUNCHING);
    placed_free(&placed);
}
