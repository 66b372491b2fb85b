/* stage_startup.c - the startup probe of the running job: see supervision.h. Init executes it, inside the run. */
#include <stdio.h>

#include "supervisor/supervision.h"

/* How one try ended, for people: "exit status 1". */
static void describe(const struct init_report *report, char *ret, size_t size)
{
    if (report->error.text[0] != '\0')
        (void)snprintf(ret, size, "%.200s", report->error.text);
    else if (report->main_end == MAIN_EXITED)
        (void)snprintf(ret, size, "exit status %d", report->status);
    else
        (void)snprintf(ret, size, "ended by signal %d", report->status);
}

void stage_startup_due(struct supervision *s, boot_ms_t now)
{
    enum startup_action action;

    if (s->stage != STAGE_RUNNING || s->stopping) {
        s->startup = STARTUP_NONE;
        return;
    }
    action = startup_due(&s->startup, &s->plan.probe, now);
    if (action != STARTUP_WAIT)
        (void)init_probe(&s->init);
}

void stage_probed(struct supervision *s, const struct init_report *report, boot_ms_t now)
{
    bool good = report->main_end == MAIN_EXITED && report->status == 0;
    enum startup_result result;
    struct fact_writer *w;
    char how[ERR_TEXT_MAX / 2];

    if (s->stage != STAGE_RUNNING || s->stopping || !s->startup.trying)
        return;
    result = startup_tried(&s->startup, &s->plan.probe, good, now);
    describe(report, how, sizeof(how));
    w = stage_fact(s, "probed");
    fact_put_bool(w, "ready", good);
    fact_put_string(w, "how", how);
    fact_put_int(w, "failures", s->startup.failures);
    stage_note(s, false);
    if (result == STARTUP_READY) {
        channel_say(&s->channel, &(struct message){.type = MESSAGE_READY});
    } else if (result == STARTUP_FAILED) {
        (void)snprintf(s->record.reason, sizeof(s->record.reason), "%lld times in a row, the last with %s",
                       (long long)s->startup.failures, how);
        stage_stop(s, CAUSE_PROBE_FAILED, -1, now);
    }
}
