/* request.c - from a start message to a run that exists: everything is checked before anything is created. */
#include "supervisor/supervision.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <signal.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/fd.h"
#include "sys/process.h"

/* Between SIGKILL for the tree and SIGKILL for init: time in which init reaps and reports how the main
 * process ended. */
#define REAP_MS 2000

static int read_plan(int plan_fd, struct strbuf *text, struct plan *ret, struct err *e)
{
    int r;

    if (plan_fd < 0 || !fd_is_sealed(plan_fd))
        return err_set(e, -EINVAL, BLAME_BUG, "the plan must come in a sealed memory file");
    if (lseek(plan_fd, 0, SEEK_SET) < 0)
        return err_errno(e, errno, BLAME_BUG, "rewind the plan");
    r = fd_read_all(plan_fd, text);
    if (r < 0)
        return err_errno(e, -r, BLAME_BUG, "read the plan");
    r = plan_decode(strbuf_str(text), text->len, ret, e);
    return r < 0 ? err_context(e, "plan") : 0;
}

static int open_descriptors(struct supervision *s, struct err *e)
{
    sigset_t watched;

    (void)sigemptyset(&watched);
    (void)sigaddset(&watched, SIGCHLD);
    (void)sigaddset(&watched, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &watched, NULL) < 0)
        return err_errno(e, errno, BLAME_NODE, "block signals");
    s->signal_fd = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
    s->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (s->signal_fd < 0 || s->timer_fd < 0)
        return err_errno(e, errno, BLAME_NODE, "make the signal and timer descriptors");
    return 0;
}

static int write_accepted(struct supervision *s, struct err *e)
{
    struct process_identity self = {0};
    struct fact_writer *w;

    if (journal_open(s->run.fd, JOURNAL_NAME, 0640, &s->journal, e) < 0)
        return e->code;
    (void)process_identity_of(getpid(), &self);
    w = journal_begin(&s->journal, s->record.accepted_at, "accepted");
    fact_put_string(w, "run", s->plan.run_id);
    fact_put_int(w, "epoch", s->plan.epoch);
    fact_put_int(w, "pid", self.pid);
    fact_put_int(w, "start-time", (int64_t)self.start_time);
    fact_put_string(w, "boot", self.boot_id);
    return journal_commit(&s->journal, false, e);
}

/* The run directory exists: what fails from here on is the end of a run, not a refusal. */
static int open_run(struct supervision *s, struct err *e)
{
    if (write_accepted(s, e) < 0)
        return e->code;
    if (channel_listen(&s->channel, s->policy, s->plan.run_id, e) < 0)
        return e->code;
    if (notice_open(&s->run, &s->notices, e) < 0)
        return e->code;
    return capture_open(&s->capture, s->run.log_fd, s->output_fd, e);
}

int request_accept(struct supervision *s, int plan_fd, size_t fd_count, enum refusal *ret_refusal,
                   struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(PLAN_BYTES_MAX);
    struct err failure = ERR_INIT;

    *ret_refusal = REFUSAL_INVALID;
    if (read_plan(plan_fd, &text, &s->plan, e) < 0)
        return e->code;
    if (fd_count != s->plan.placement_count + plan_has_image(&s->plan))
        return err_set(e, -EINVAL, BLAME_BUG, "%zu descriptors came for %zu placements%s", fd_count,
                       s->plan.placement_count, plan_has_image(&s->plan) ? " and an image" : "");
    if (call_filter_build(&s->plan.sandbox, &s->filter, e) < 0)
        return e->code;
    *ret_refusal = REFUSAL_POLICY;
    if (policy_check(s->policy, &s->plan, e) < 0)
        return e->code;
    *ret_refusal = REFUSAL_NODE;
    if (open_descriptors(s, e) < 0)
        return e->code;
    if (run_directory_create(s->policy, &s->plan, text.data, text.len, &s->run, e) < 0) {
        if (e->code == -EEXIST)
            *ret_refusal = REFUSAL_EXISTS;
        return e->code;
    }
    *ret_refusal = REFUSAL_NONE;
    s->record.accepted_at = clock_wall();
    (void)snprintf(s->record.run_id, sizeof(s->record.run_id), "%s", s->plan.run_id);
    s->stop_policy = (struct stop_policy){.grace_ms = s->plan.stop_grace_ms,
                                          .then = s->plan.stop_then,
                                          .whole_tree = s->plan.stop_whole_tree,
                                          .reap_ms = REAP_MS,
                                          .kill_budget_ms = KILL_BUDGET_MS};
    stage_lease(s, (boot_ms_t){s->plan.lease_until_ms}, clock_boot());
    if (open_run(s, &failure) < 0) {
        s->stage = STAGE_GONE;
        s->record.tree_gone = true;
        s->record.stop_cause = CAUSE_LAUNCH_FAILED;
        s->record.blame = failure.blame;
        (void)snprintf(s->record.reason, sizeof(s->record.reason), "%s", failure.text);
    }
    return 0;
}
