/* recover.c - see recover.h. */
#include "supervisor/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/parse.h"
#include "record/exit_record.h"
#include "record/journal.h"
#include "record/spool.h"
#include "supervisor/init.h"
#include "supervisor/run_directory.h"
#include "sys/run_group.h"
#include "sys/process.h"

/* A dying supervisor's init goes with it at once; a process in an uninterruptible wait may hold the lock
 * longer. */
#define LOCK_WAIT_MS 2000

/* What the supervisor's journal tells about the run. */
struct trail {
    bool launching, output_complete, saves, saved;
    char boot_id[BOOT_ID_MAX];
    wall_ms_t accepted_at, started_at;
    enum cause stop_cause;
};

static int follow(const struct fact *f, void *context)
{
    struct trail *trail = context;
    const char *event = fact_str(f, "event");

    if (strcmp(event, "accepted") == 0) {
        (void)snprintf(trail->boot_id, sizeof(trail->boot_id), "%s", fact_str(f, "boot"));
        (void)wall_parse(fact_str(f, "t"), &trail->accepted_at);
    } else if (strcmp(event, "launching") == 0) {
        trail->launching = true;
    } else if (strcmp(event, "running") == 0) {
        (void)wall_parse(fact_str(f, "t"), &trail->started_at);
    } else if (strcmp(event, "output-complete") == 0) {
        trail->output_complete = true;
    } else if (strcmp(event, "saves-storage") == 0) {
        trail->saves = true;
    } else if (strcmp(event, "saved") == 0) {
        trail->saved = true;
    } else if (strcmp(event, "stopping") == 0) {
        trail->stop_cause = cause_from_name(fact_str(f, "cause"));
    }
    return 0;
}

static void judge_loss(const struct trail *trail, struct exit_record *record)
{
    char boot[BOOT_ID_MAX];
    bool rebooted;

    boot_id_read(boot);
    rebooted = trail->boot_id[0] != '\0' && strcmp(trail->boot_id, boot) != 0;
    record->main_end = trail->launching ? MAIN_UNKNOWN : MAIN_NOT_STARTED;
    record->stop_cause = rebooted ? CAUSE_NODE_REBOOTED : CAUSE_SUPERVISOR_LOST;
    /* The first cause wins: the run was being stopped, and now it has. */
    if (trail->stop_cause != CAUSE_NONE && trail->stop_cause < CAUSE_COUNT)
        record->stop_cause = trail->stop_cause;
    record->blame = BLAME_NODE;
    (void)snprintf(record->witness, sizeof(record->witness), "none");
    (void)snprintf(record->reason, sizeof(record->reason), "%s",
                   rebooted ? "the machine was restarted while the run was active"
                            : "the run's supervisor was killed while the run was active");
}

/* The job succeeded, and nobody knows whether what it wrote is where it should be. */
static void judge_saving(const struct trail *trail, struct exit_record *record)
{
    if (!trail->saves || trail->saved || record->stop_cause != CAUSE_NONE ||
        record->main_end != MAIN_EXITED || record->status != 0)
        return;
    record->stop_cause = CAUSE_STORAGE_FAILED;
    record->blame = BLAME_NODE;
    (void)snprintf(record->reason, sizeof(record->reason),
                   "the run's supervisor was killed before all that the job wrote was uploaded");
}

static struct exit_record reconstruct(const struct run_directory *run)
{
    struct exit_record record = {.tree_gone = true, .ended_at = clock_wall()};
    struct trail trail = {0};
    struct spool_summary output = {0};
    struct err e = ERR_INIT;

    (void)snprintf(record.run_id, sizeof(record.run_id), "%s", run->name);
    if (journal_read(run->fd, JOURNAL_NAME, follow, &trail, &e) < 0)
        log_warning("run=%s journal: %s", run->name, e.text);
    /* The witness file is made just before init starts: it tells of a launch that the journal lost. */
    trail.launching = trail.launching || faccessat(run->fd, WITNESS_NAME, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    record.accepted_at = trail.accepted_at;
    record.started_at = trail.started_at;
    if (witness_read(run->fd, &record.main_end, &record.status, &record.core_dumped) == 1) {
        record.stop_cause = trail.stop_cause < CAUSE_COUNT ? trail.stop_cause : CAUSE_UNKNOWN;
        (void)snprintf(record.witness, sizeof(record.witness), "init");
        judge_saving(&trail, &record);
    } else {
        judge_loss(&trail, &record);
    }
    /* What was in the pipes when the supervisor died went with them, and nobody knows how much that was. */
    record.log_complete = !trail.launching || trail.output_complete;
    if (run->log_fd >= 0 && spool_verify(run->log_fd, &output, &e) == 0) {
        record.log_bytes = output.bytes;
        record.log_lines = output.lines;
    }
    return record;
}

/* The lost supervisor's control groups, and those of its helpers. They were made below that supervisor's own, which are ours too unless a service
 * manager gave each one of its own; then they went with that. */
static void remove_group(const char *run_id)
{
    struct run_group group = RUN_GROUP_INIT;
    struct cgroup_places places;
    struct err e = ERR_INIT;

    cgroup_places_read(&places);
    if (run_group_create(&places, run_id, &group, &e) == 0)
        (void)run_group_remove(&group);
    run_group_close(&group);
    /* A helper of the lost one ends with it, and may be about to. */
    if (run_group_create_helpers(&places, run_id, &group, &e) == 0)
        (void)run_group_clear(&group, LOCK_WAIT_MS);
    run_group_close(&group);
}

static int say_refused(struct channel *channel, const struct err *e)
{
    struct message m = {.type = MESSAGE_REFUSED, .refusal = REFUSAL_NODE, .blame = e->blame};

    (void)snprintf(m.text, sizeof(m.text), "%s", e->text);
    channel_say(channel, &m);
    log_warning("recover: %s", e->text);
    return 1;
}

int recover(const struct policy *policy, const struct message *request, struct channel *channel)
{
    struct run_directory run = RUN_DIRECTORY_INIT;
    struct exit_record record;
    struct message ended = {.type = MESSAGE_ENDED};
    struct err e = ERR_INIT;
    int status = 0;

    if (!run_name_valid(request->run_id)) {
        (void)err_set(&e, -EINVAL, BLAME_BUG, "'%.64s' is not a run id", request->run_id);
        return say_refused(channel, &e);
    }
    if (run_directory_open(policy, request->run_id, LOCK_WAIT_MS, &run, &e) < 0)
        return say_refused(channel, &e);
    /* The record comes last, as in finish.c. */
    remove_group(run.name);
    if (run_directory_clean(&run) < 0)
        log_warning("run=%s its scratch space could not be removed completely", run.name);
    channel_forget(policy, run.name);
    if (exit_record_read(run.fd, &record, &e) < 0) {
        record = reconstruct(&run);
        run_directory_release_reserve(&run);
        if (exit_record_write(run.fd, &record, &e) < 0 && e.code != -EEXIST)
            status = say_refused(channel, &e);
    }
    if (status == 0) {
        (void)snprintf(ended.run_id, sizeof(ended.run_id), "%s", run.name);
        channel_say(channel, &ended);
    }
    run_directory_close(&run);
    return status;
}
