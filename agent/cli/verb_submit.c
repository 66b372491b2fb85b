/* verb_submit.c - runlet submit: a job into this machine's queue. Works with runletd down. fleet_submit.c has the queue of a fleet. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "assignment/local/submission.h"
#include "base/auto.h"
#include "cli/cli.h"
#include "cli/fleet.h"
#include "cli/prepare.h"
#include "sys/fd.h"

/* Root makes the folders, hands the artifact to the agent and becomes the agent before it names anything in
 * the agent's folder; a member of the agent's group writes as itself. */
static int hand_in(struct prepared *p, struct err *e)
{
    AUTO_CLOSE int queue_fd = -1;
    bool root = geteuid() == 0;

    if (p->request.job.replicas > p->config.concurrency)
        return err_set(e, -E2BIG, BLAME_ASSIGNMENT,
                       "the run has %lld nodes, and this node executes %lld at a time: 'concurrency' in its "
                       "configuration must be at least %lld",
                       (long long)p->request.job.replicas, (long long)p->config.concurrency,
                       (long long)p->request.job.replicas);
    if (layout_users(&p->config, &p->layout, e) < 0)
        return e->code;
    if (root && layout_ensure(&p->config, &p->layout, e) < 0)
        return e->code;
    if (access(p->layout.queue, W_OK) < 0)
        return err_errno(e, errno, BLAME_NODE, "hand in a run at %s (root and members of the group '%s' may)",
                         p->layout.queue, p->config.agent_group);
    if (parts_collect(&p->request.artifact, &p->layout, p->layout.queue,
                      (unsigned long long)p->config.artifact_bytes, &p->parts, e) < 0)
        return e->code;
    if (root && (parts_give(&p->parts, &p->layout, e) < 0 || privilege_drop(p->layout.agent_ids, e) < 0))
        return e->code;
    queue_fd = dir_open(AT_FDCWD, p->layout.queue);
    if (queue_fd < 0)
        return err_errno(e, -queue_fd, BLAME_NODE, "open %s", p->layout.queue);
    return submission_put(queue_fd, &p->request, p->parts.fd, false, NULL, e);
}

int verb_submit(struct cli *cli)
{
    AUTO(prepared) struct prepared p = PREPARED_INIT;
    struct err e = ERR_INIT;

    if (fleet_check(cli, &e) < 0)
        return cli_fail(cli, EXIT_USAGE, &e);
    if (fleet_wanted(cli))
        p.id_kind = "fleet";
    if (prepare(cli, false, &p) < 0)
        return 1;
    if (fleet_wanted(cli))
        return fleet_submit(cli, &p);
    if (hand_in(&p, &e) < 0)
        return cli_fail(cli, 1, &e);
    if (cli_flag(cli, "json"))
        (void)fprintf(cli->out, "{\"id\":\"%s\"}\n", p.request.run.id);
    else
        (void)fprintf(cli->out, "%s\n", p.request.run.id);
    return 0;
}
