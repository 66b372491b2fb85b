/* claim.c - the devices that a run was granted are its alone, before it and after it. See supervision.h. */
#include "supervisor/supervision.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/log.h"

/* Who held a device, and what came of it: "refused" the run, goes on beside it as "shared", was "ended", or is "left". */
static void note_holders(struct supervision *s, const struct device_holders *holders, const char *outcome)
{
    for (size_t i = 0; i < holders->count; i++) {
        const struct device_holder *h = &holders->item[i];
        struct fact_writer *w = journal_begin(&s->journal, clock_wall(), "device-held");
        fact_put_string(w, "device", s->devices.item[h->device].path);
        fact_put_int(w, "pid", h->pid);
        fact_put_string(w, "command", h->command);
        fact_put_string(w, "outcome", outcome);
        stage_note(s, false);
    }
}

/* What could not be looked at is not known: no reason to refuse, and nothing to keep quiet about. */
static void note_unseen(struct supervision *s, int r)
{
    struct fact_writer *w = journal_begin(&s->journal, clock_wall(), "devices-unseen");

    fact_put_string(w, "reason", strerror(-r));
    stage_note(s, false);
    log_warning("run=%s who holds its devices cannot be told: %s", s->plan.run_id, strerror(-r));
}

enum cause stage_claim_devices(struct supervision *s, struct err *e)
{
    struct device_holders holders;
    char text[sizeof(s->record.held_devices)];
    int r;

    if (granted_devices_read(s->policy, &s->plan.sandbox.devices, &s->devices, e) < 0)
        return CAUSE_LAUNCH_FAILED;
    if (granted_devices_lock(&s->devices, s->policy, s->plan.run_id, e) < 0)
        return e->code == -EBUSY ? CAUSE_DEVICE_BUSY : CAUSE_LAUNCH_FAILED;
    r = granted_devices_settled_holders(&s->devices, &holders);
    if (r < 0)
        note_unseen(s, r);
    if (holders.count > 0) {
        note_holders(s, &holders, "refused");
        granted_devices_describe(&s->devices, &holders, text, sizeof(text));
        (void)err_set(e, -EBUSY, BLAME_NODE, "others hold what the run was to have alone: %s", text);
        return CAUSE_DEVICE_BUSY;
    }
    r = granted_devices_holders(&s->devices, true, &holders);
    if (r < 0)
        note_unseen(s, r);
    note_holders(s, &holders, "shared");
    return CAUSE_NONE;
}

/* Everything in the run's group is the run's, whoever put it there. */
static void end_rest(struct supervision *s, const struct device_holders *holders)
{
    struct device_holders ended = {0};

    for (size_t i = 0; i < holders->count; i++)
        if (run_group_has(&s->group, holders->item[i].pid))
            ended.item[ended.count++] = holders->item[i];
    if (ended.count == 0)
        return;
    note_holders(s, &ended, "ended");
    (void)run_group_kill(&s->group);
}

void stage_release_devices(struct supervision *s)
{
    struct device_holders holders;
    int r;

    if (s->main_pid == 0 || s->devices.count == 0)
        return;
    r = granted_devices_holders(&s->devices, false, &holders);
    if (r == 0 && holders.count > 0) {
        end_rest(s, &holders);
        r = granted_devices_settled_holders(&s->devices, &holders);
    }
    if (r < 0)
        note_unseen(s, r);
    if (r < 0 || holders.count == 0)
        return;
    note_holders(s, &holders, "left");
    granted_devices_describe(&s->devices, &holders, s->record.held_devices, sizeof(s->record.held_devices));
    log_error("run=%s has ended, and others hold its devices: %s", s->plan.run_id, s->record.held_devices);
}
