/* finish.c - the end of a supervised run: output complete, record on disk, everybody told, nothing left. */
#include "supervisor/supervision.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/auto.h"
#include "base/log.h"
#include "sys/fd.h"

/* How long a full or failing disk is asked again for the output's last bytes and for the record. */
#define SPOOL_PATIENCE_MS  5000
#define RECORD_PATIENCE_MS 60000
#define RETRY_PAUSE_MS     100

static void pause_before_retry(void)
{
    const struct timespec pause = {.tv_nsec = RETRY_PAUSE_MS * 1000000L};

    (void)nanosleep(&pause, NULL);
}

static void complete_output(struct supervision *s)
{
    struct err e = ERR_INIT;
    boot_ms_t until = {clock_boot().ms + SPOOL_PATIENCE_MS};

    for (;;) {
        boot_ms_t now = clock_boot();
        if (capture_drain(&s->capture, now.ms >= until.ms, clock_wall(), now))
            break;
        pause_before_retry();
    }
    if (s->capture.lost_bytes > 0) {
        struct fact_writer *w = journal_begin(&s->journal, clock_wall(), "output-lost");
        fact_put_int(w, "bytes", (int64_t)s->capture.lost_bytes);
        fact_put_string(w, "reason", s->capture.error.text);
        (void)journal_commit(&s->journal, false, &e);
    }
    /* What cannot be ended may go on writing. */
    s->record.log_complete = s->capture.lost_bytes == 0 && s->record.tree_gone;
    if (s->capture.spool.log_fd >= 0 && spool_sync(&s->capture.spool, &e) < 0) {
        log_warning("run=%s output: %s", s->plan.run_id, e.text);
        s->record.log_complete = false;
    }
    /* For whoever recovers the run, should we be killed before the record is there. */
    if (s->record.log_complete) {
        (void)journal_begin(&s->journal, clock_wall(), "output-complete");
        (void)journal_commit(&s->journal, false, &e);
    }
    s->record.log_bytes = s->capture.spool.offset;
    s->record.log_lines = s->capture.spool.lines;
}

/* The record must be written, whatever it takes: the reserve is given back, and a full disk is asked again
 * for a while. */
static int write_record(struct supervision *s, struct err *e)
{
    boot_ms_t until = {clock_boot().ms + RECORD_PATIENCE_MS};

    run_directory_release_reserve(&s->run);
    while (exit_record_write(s->run.fd, &s->record, e) < 0) {
        if (e->code == -EEXIST)
            return e->code;
        if (clock_boot().ms >= until.ms)
            return err_context(e, "exit record");
        pause_before_retry();
    }
    return 0;
}

/* What the kernel counted, before the groups that counted it are removed. */
static void take_account(struct supervision *s)
{
    struct exit_record *r = &s->record;
    struct run_group_counters c;

    if (s->main_pid == 0)
        return;
    measure_end(&s->measure, &s->group, &s->ended, clock_boot());
    (void)measure_write(&s->measure, s->run.fd);
    r->usage = s->measure.usage;
    run_group_count(&s->group, &c);
    if (c.pids_refused > 0) {
        r->pids_refused = c.pids_refused;
        r->pids_limit = s->limits.limits.value[LIMIT_PIDS];
    }
    if (c.oom_kills <= 0)
        return;
    r->oom.kills = c.oom_kills;
    if (c.memory_limit > 0 && c.memory_limit < INT64_MAX)
        r->oom.limit_bytes = c.memory_limit;
    oom_watch_collect(&s->oom, s->group.suffix, s->main_pid, &r->oom);
    if (oom_was_main(&r->oom, c.pids_peak))
        r->oom.main_killed = true;
}

/* Whatever is mounted for the run. False when the room of storage could not be ended, and its mounts may be there still. */
static bool end_storage(struct supervision *s)
{
    char left[sizeof(s->record.left_behind)];
    int r;

    if (s->storage.pid == 0)
        return true;
    if (s->policy->storage.volume != VOLUME_DIRECTORY)
        fd_close(&s->run.home_fd);
    r = storage_end(&s->storage, left, sizeof(left));
    if (r == 0)
        return true;
    log_warning("run=%s storage: %s", s->plan.run_id, left);
    if (s->record.left_behind[0] == '\0')
        (void)snprintf(s->record.left_behind, sizeof(s->record.left_behind), "%s", left);
    return r != -ETIMEDOUT;
}

int finish(struct supervision *s, struct err *e)
{
    struct message m = {.type = MESSAGE_ENDED};
    bool cleared;
    int r;

    complete_output(s);
    take_account(s);
    stage_sum_up_denials(s);
    stage_release_devices(s);
    s->record.ended_at = clock_wall();
    notice_checkpoint(&s->notices, s->record.checkpoint);
    /* The record comes last: whoever finds it finds nothing else of the run, even if we die right after it. */
    cleared = end_storage(s);
    if (s->record.tree_gone && scratch_disk_end(&s->scratch, &s->run) < 0)
        log_warning("run=%s its disk could not be unmounted", s->plan.run_id);
    if (s->record.tree_gone && cleared && run_directory_clean(&s->run) < 0)
        log_warning("run=%s its scratch space could not be removed completely", s->plan.run_id);
    channel_unlisten(&s->channel);
    s->record.disk_bytes = home_bytes(&s->run, HOME_ENTRIES_MAX);
    if (s->record.witness[0] == '\0')
        (void)snprintf(s->record.witness, sizeof(s->record.witness), "%s",
                       s->record.main_end == MAIN_UNKNOWN ? "none" : "supervisor");
    if (s->record.tree_gone && run_group_remove(&s->group) < 0)
        log_warning("run=%s its control group could not be removed", s->plan.run_id);
    if (helper_group_end(&s->helpers) < 0)
        log_warning("run=%s the control group of its helpers could not be removed", s->plan.run_id);
    r = write_record(s, e);
    if (r == 0) {
        log_info("run=%s has ended and is recorded", s->plan.run_id);
        (void)snprintf(m.run_id, sizeof(m.run_id), "%s", s->plan.run_id);
        channel_say(&s->channel, &m);
    }
    return r;
}
