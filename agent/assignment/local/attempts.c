/* attempts.c - see attempts.h. */
#include "assignment/local/attempts.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "assignment/local/submission.h"
#include "base/auto.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "base/parse.h"
#include "run/retry_policy.h"
#include "sys/fd.h"

static int make(int agent_fd, const struct run *run, const struct received *like, struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(DOCUMENT_BYTES_MAX);
    AUTO_CLOSE int parts = dir_open(run->dir_fd, "parts");
    struct received next = *like;
    int r = file_read(run->dir_fd, "assignment.json", &text);

    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "read the assignment for another attempt");
    next.text = strbuf_str(&text);
    next.size = text.len;
    next.parts_fd = parts;
    r = submission_put_received(agent_fd, &next, e);
    CRASH_POINT("attempt-made");
    return r == -EEXIST ? 0 : r;
}

int local_attempt_after(int agent_fd, const struct run *run, const struct status_report *end,
                        char ret_next[RUN_ID_BYTES], struct err *e)
{
    struct run_name name;
    struct retry_decision d;
    struct received next = {.name = ret_next, .origin = ORIGIN_QUEUE, .epoch = end->epoch + 1};

    if (run->history.origin != ORIGIN_QUEUE || run->spec == NULL || !run_name_parse(run->id, &name))
        return 0;
    name.attempt++;
    run_name_format(&name, ret_next);
    if (!run_name_valid(ret_next))
        return 0;
    /* Made before a crash: what was decided then holds. */
    if (faccessat(agent_fd, ret_next, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return 1;
    d = retry_decide(&run->spec->retry, end->record, end->verdict, end->attempt, !run->cancel_requested);
    log_debug("run=%s another attempt: %s", run->id, d.why);
    if (!d.again)
        return 0;
    next.not_before.ms = end->record->ended_at.ms + d.delay_ms;
    if (make(agent_fd, run, &next, e) < 0)
        return e->code;
    log_notice("run=%s %s: attempt %d of %lld begins in %lld s", run->id, cause_name(end->verdict->cause),
               name.attempt, (long long)run->spec->retry.attempts, (long long)(d.delay_ms / 1000));
    return 1;
}
