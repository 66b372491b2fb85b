/* preempt.c - a job hears that its time is short, and is stopped when that time has come. See supervision.h. */
#include "supervisor/supervision.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

#define SAME_MOMENT_MS 1000

static const char *const WHY[NOTICE_COUNT] = {
    [NOTICE_NONE] = "",
    [NOTICE_DEADLINE] = "its maximum runtime is over",
    [NOTICE_DRAIN] = "the node is drained",
    [NOTICE_SPOT] = "the machine is taken back by its provider",
    [NOTICE_SHUTDOWN] = "the machine shuts down",
};

static void tell_job(struct supervision *s, enum notice_reason reason, int64_t left_ms, int signal)
{
    struct message m = {.type = MESSAGE_NOTICED, .notice = reason, .grace_ms = left_ms};
    struct fact_writer *w = journal_begin(&s->journal, clock_wall(), "notice");
    int r;

    fact_put_string(w, "reason", notice_reason_name(reason));
    fact_put_int(w, "left-ms", left_ms);
    stage_note(s, false);
    r = notice_post(&s->notices, notice_reason_name(reason), left_ms, s->stop_policy.grace_ms, clock_wall());
    if (r < 0)
        log_warning("run=%s the notice for the job could not be written: %s", s->plan.run_id, strerror(-r));
    if (signal != 0)
        (void)init_signal(&s->init, signal, s->plan.stop_whole_tree);
    log_notice("run=%s the job was told: %s in %lld ms", s->plan.run_id, notice_reason_name(reason),
               (long long)left_ms);
    channel_say(&s->channel, &m);
}

void stage_preempt(struct supervision *s, enum notice_reason reason, int64_t left_ms, boot_ms_t now)
{
    if (s->stopping || s->stage == STAGE_GONE || s->stop.main_ended)
        return;
    if (left_ms < 0)
        left_ms = 0;
    if (left_ms > JOB_RUNTIME_MS_MAX)
        left_ms = JOB_RUNTIME_MS_MAX;
    /* Who asks again after a broken conversation means the same moment, give or take the time in between. */
    if (now.ms + left_ms + (left_ms > 0 ? SAME_MOMENT_MS : 0) >= s->preempt_at.ms)
        return;
    s->preempt_at.ms = now.ms + left_ms;
    s->preempt_reason = reason;
    if (s->stage == STAGE_RUNNING)
        tell_job(s, reason, left_ms, s->plan.notice_signal);
    if (left_ms == 0)
        stage_preempt_due(s, now);
}

/* Its file is there when the job looks. A signal would find it before it can have a handler. */
void stage_preempt_started(struct supervision *s, boot_ms_t now)
{
    if (s->preempt_at.ms != INT64_MAX && !s->stopping && now.ms < s->preempt_at.ms)
        tell_job(s, s->preempt_reason, s->preempt_at.ms - now.ms, 0);
}

void stage_preempt_due(struct supervision *s, boot_ms_t now)
{
    if (now.ms < s->preempt_at.ms || s->stopping)
        return;
    s->preempt_at.ms = INT64_MAX;
    if (s->record.reason[0] == '\0')
        (void)snprintf(s->record.reason, sizeof(s->record.reason), "%s", WHY[s->preempt_reason]);
    stage_stop(s, CAUSE_PREEMPTED, -1, now);
}

void stage_notice_deadline(struct supervision *s, boot_ms_t now)
{
    if (now.ms < s->notice_at.ms || s->stage != STAGE_RUNNING || s->stopping)
        return;
    s->notice_at.ms = INT64_MAX;
    tell_job(s, NOTICE_DEADLINE, s->deadline.ms - now.ms, s->plan.notice_signal);
}
