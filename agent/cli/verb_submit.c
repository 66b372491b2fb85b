/* verb_submit.c - runlet submit: a job into this machine's queue. Works with runletd down. fleet_submit.c has the queue of a fleet. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "assignment/local/submission.h"
#include "base/auto.h"
#include "cli/cli.h"
#include "cli/fleet.h"
#include "cli/matrix.h"
#include "cli/prepare.h"
#include "sys/fd.h"

/* Each when it is in the queue: whoever reads them knows what there is, also when the next could not be handed in. */
static void print_id(const struct cli *cli, const char *id)
{
    (void)fprintf(cli->out, cli_flag(cli, "json") ? "{\"id\":\"%s\"}\n" : "%s\n", id);
    (void)fflush(cli->out);
}

/* Root makes the folders, hands the artifact to the agent and becomes the agent before it names anything in
 * the agent's folder; a member of the agent's group writes as itself. */
static int hand_in(const struct cli *cli, const struct matrix *matrix, struct prepared *p, struct err *e)
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
    for (size_t i = 0; i < matrix->count; i++) {
        if (matrix_take(matrix, i, &p->request, e) < 0 ||
            submission_put(queue_fd, &p->request, p->parts.fd, false, NULL, e) < 0)
            return e->code;
        print_id(cli, p->request.run.id);
    }
    return 0;
}

int verb_submit(struct cli *cli)
{
    AUTO(prepared) struct prepared p = PREPARED_INIT;
    AUTO(matrix) struct matrix matrix = {0};
    struct err e = ERR_INIT;

    if (fleet_check(cli, &e) < 0)
        return cli_fail(cli, EXIT_USAGE, &e);
    if (matrix_read(cli, &matrix, &e) < 0)
        return cli_fail(cli, EXIT_USAGE, &e);
    if (fleet_wanted(cli))
        p.id_kind = "fleet";
    if (prepare(cli, false, &p) < 0)
        return 1;
    if (fleet_wanted(cli))
        return fleet_submit(cli, &p);
    if (matrix_check(&matrix, &p.request, &e) < 0 || hand_in(cli, &matrix, &p, &e) < 0)
        return cli_fail(cli, 1, &e);
    return 0;
}
