/* stage_terms.c - a run's deadline and lease, when somebody says something of them, and when they are over. See supervision.h. */
#include "supervisor/supervision.h"

#include <stdio.h>

#include "base/crash_point.h"
#include "base/log.h"

/* The job started when its deadline, less the time that it had, was. */
static void move_deadline(struct supervision *s, int64_t runtime_ms, boot_ms_t now)
{
    s->deadline.ms += runtime_ms - s->plan.maximum_runtime_ms;
    if (s->plan.notice_before_ms > 0)
        s->notice_at.ms = s->deadline.ms > now.ms ? s->deadline.ms - s->plan.notice_before_ms : INT64_MAX;
}

void stage_deadline(struct supervision *s, int64_t runtime_ms, boot_ms_t now)
{
    int64_t allowed = runtime_allowed(runtime_ms, s->policy->maximum_runtime_ms);
    struct message m = {.type = MESSAGE_DEADLINE, .runtime_ms = allowed};
    struct fact_writer *w;

    if (runtime_ms < 1 || s->stopping || s->stage > STAGE_RUNNING)
        return;
    if (allowed != s->plan.maximum_runtime_ms) {
        if (s->stage == STAGE_RUNNING)
            move_deadline(s, allowed, now);
        s->plan.maximum_runtime_ms = allowed;
        w = stage_fact(s, "deadline");
        fact_put_int(w, "runtime-ms", allowed);
        if (s->stage == STAGE_RUNNING)
            fact_put_int(w, "deadline-boot-ms", s->deadline.ms);
        stage_note(s, true);
        CRASH_POINT("deadline-changed");
        log_notice("run=%s may run for %lld s from its start", s->plan.run_id, (long long)(allowed / 1000));
    }
    /* Whoever comes later hears of the deadline that holds now. */
    if (s->stage == STAGE_RUNNING)
        stage_say_running(s);
    m.deadline = s->deadline;
    channel_say(&s->channel, &m);
}

void stage_lease(struct supervision *s, boot_ms_t until, boot_ms_t now)
{
    if (until.ms <= 0 || s->stage == STAGE_GONE)
        return;
    s->lease = lease_terms_of(until, s->plan.stop_grace_ms, now);
}

/* The grace ends where the lease's time to kill begins, whatever the stop was begun for. */
static void hurry(struct supervision *s, boot_ms_t now)
{
    s->lease.kill_at.ms = INT64_MAX;
    s->stop.hurry = true;
    if (s->stage == STAGE_SAVING)
        storage_cancel(&s->storage, now);
}

int64_t stage_lease_due(struct supervision *s, boot_ms_t now)
{
    if (now.ms >= s->lease.stop_at.ms) {
        int64_t grace = s->lease.kill_at.ms > now.ms ? s->lease.kill_at.ms - now.ms : 0;
        s->lease.stop_at.ms = INT64_MAX;
        if (!s->stopping && !s->stop.main_ended) {
            if (s->record.reason[0] == '\0')
                (void)snprintf(s->record.reason, sizeof(s->record.reason), "nobody renewed it in time");
            stage_stop(s, CAUSE_LEASE_LOST, grace < s->plan.stop_grace_ms ? grace : -1, now);
            CRASH_POINT("lease-stop");
        }
    }
    if (now.ms >= s->lease.kill_at.ms)
        hurry(s, now);
    return s->lease.stop_at.ms < s->lease.kill_at.ms ? s->lease.stop_at.ms : s->lease.kill_at.ms;
}
