/* remove.c - see remove.h. */
#include "supervisor/remove.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/crash_point.h"
#include "base/parse.h"
#include "record/exit_record.h"
#include "supervisor/run_directory.h"
#include "sys/fd.h"

/* Out of sight first, by one rename, so that nobody ever sees a run that is half removed. */
static int remove_directory(const struct run_directory *run, struct err *e)
{
    char aside[64];
    int r;

    /* Also what a killed supervisor left under the name that we take. */
    (void)run_directory_sweep(run->runs_fd, clock_wall());
    (void)snprintf(aside, sizeof(aside), RUN_HALF_REMOVED "%d", (int)getpid());
    if (renameat(run->runs_fd, run->name, run->runs_fd, aside) < 0)
        return err_errno(e, errno, BLAME_NODE, "remove run %s", run->name);
    CRASH_POINT("run-put-aside");
    r = tree_remove(run->runs_fd, aside);
    return r < 0 ? err_errno(e, -r, BLAME_NODE, "remove run %s", run->name) : 0;
}

static int remove_ended(const struct policy *policy, const char *id, struct err *e)
{
    struct run_directory run = RUN_DIRECTORY_INIT;
    struct exit_record record;
    int r;

    if (!run_name_valid(id))
        return err_set(e, -EINVAL, BLAME_BUG, "'%.64s' is not a run id", id);
    r = run_directory_open(policy, id, 0, &run, e);
    if (r == -ENOENT)
        return 0;
    if (r == 0)
        r = exit_record_read(run.fd, &record, e);
    if (r == 0)
        r = remove_directory(&run, e);
    run_directory_close(&run);
    return r;
}

int remove_run(const struct policy *policy, const struct message *request, struct channel *channel)
{
    struct err e = ERR_INIT;
    struct message answer = {.type = MESSAGE_REMOVED};

    if (remove_ended(policy, request->run_id, &e) < 0) {
        answer = (struct message){.type = MESSAGE_REFUSED, .refusal = REFUSAL_NODE, .blame = e.blame};
        (void)snprintf(answer.text, sizeof(answer.text), "%s", e.text);
    }
    (void)snprintf(answer.run_id, sizeof(answer.run_id), "%s", request->run_id);
    channel_say(channel, &answer);
    return answer.type == MESSAGE_REMOVED ? 0 : 1;
}
