/* ledger.c - the local source's side of reporting: see local_ledger_deliver in queue.h. */
#include <errno.h>

#include "assignment/local/queue.h"
#include "base/log.h"

struct seen {
    int64_t epoch, sequence;
    bool found;
};

static int look(const struct fact *f, void *context)
{
    struct seen *seen = context;
    int64_t epoch = 0, sequence = 0;

    if (fact_int(f, "epoch", &epoch) && fact_int(f, "sequence", &sequence) && epoch == seen->epoch &&
        sequence == seen->sequence)
        seen->found = true;
    return 0;
}

static void put_record(struct fact_writer *w, const struct status_report *report)
{
    char time[RFC3339_MAX];

    fact_put_string(w, "cause", cause_name(report->verdict->cause));
    if (report->verdict->has_exit_code)
        fact_put_int(w, "exitCode", report->verdict->exit_code);
    if (report->record->started_at.ms > 0) {
        wall_format(report->record->started_at, time);
        fact_put_string(w, "timeStarted", time);
    }
    wall_format(report->record->ended_at, time);
    fact_put_string(w, "timeFinished", time);
    fact_put_int(w, "logBytes", (int64_t)report->record->log_bytes);
    fact_put_int(w, "logLines", (int64_t)report->record->log_lines);
    fact_put_bool(w, "logComplete", report->record->log_complete);
}

static int append(const struct run *run, const struct status_report *report, const char *retried_as,
                  struct err *e)
{
    struct seen seen = {.epoch = report->epoch, .sequence = report->sequence};
    struct journal j = {.fd = -1};
    struct fact_writer *w;
    int r;

    r = journal_read(run->dir_fd, LOCAL_LEDGER_NAME, look, &seen, e);
    if (r < 0 && r != -ENOENT)
        log_error("run=%s ledger: %s", run->id, e->text);
    if (seen.found)
        return 0;
    r = journal_open(run->dir_fd, LOCAL_LEDGER_NAME, 0640, &j, e);
    if (r == 0) {
        w = journal_begin(&j, report->time, "status");
        fact_put_string(w, "id", report->run_id);
        fact_put_int(w, "epoch", report->epoch);
        fact_put_int(w, "sequence", report->sequence);
        fact_put_string(w, "lifecycleState", state_name(report->state));
        fact_put_string(w, "lifecycleDetails", report->details);
        if (report->record != NULL)
            put_record(w, report);
        if (retried_as != NULL)
            fact_put_string(w, "retriedAs", retried_as);
        r = journal_commit(&j, report->record != NULL, e);
    }
    journal_close(&j);
    return r;
}

void local_ledger_deliver(struct run *run, const struct status_report *report, const char *retried_as)
{
    struct err e = ERR_INIT;

    if (append(run, report, retried_as, &e) < 0)
        report->answered(run, report->sequence, REPORT_AGAIN, e.text, -1);
    else
        report->answered(run, report->sequence, REPORT_ACKNOWLEDGED, NULL, -1);
}
