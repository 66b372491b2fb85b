/* fleet_submit.c - runlet submit --etcd: a job into the queue of a fleet's pool, with everything that a node needs for it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/parse.h"
#include "cli/fleet.h"
#include "cli/inline_parts.h"
#include "job/assignment.h"

/* Of a run that may be tried again, when nothing is said. */
#define ATTEMPTS_DEFAULT 3

static int read_number(const struct cli *cli, const char *option, int64_t min, int64_t max, int64_t *ret,
                       struct err *e)
{
    const char *text = cli_value(cli, option);

    if (text == NULL || parse_i64(text, min, max, ret) == 0)
        return 0;
    return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "--%s: expected a number from %lld to %lld, found '%.60s'",
                   option, (long long)min, (long long)max, text);
}

int fleet_check(const struct cli *cli, struct err *e)
{
    static const char *const OPTIONS[] = {"pool", "priority", "on-lost", "attempts", "patience"};

    for (size_t i = 0; i < ARRAY_SIZE(OPTIONS) && !fleet_wanted(cli); i++)
        if (cli_value(cli, OPTIONS[i]) != NULL)
            return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "--%s is about a fleet: add --etcd", OPTIONS[i]);
    return 0;
}

/* What the command line says of the run's way through the fleet. */
static int read_options(const struct cli *cli, struct etcd_state *s, struct err *e)
{
    const char *pool = cli_value(cli, "pool");
    const char *lost = cli_value(cli, "on-lost");

    if (pool == NULL)
        pool = ETCD_POOL_DEFAULT;
    if (!etcd_name_valid(pool))
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT,
                       "--pool: '%.60s' is no name of letters, digits, '.', '_' and '-'", pool);
    (void)snprintf(s->pool, sizeof(s->pool), "%s", pool);
    if (lost != NULL && strcmp(lost, "requeue") == 0)
        s->on_lost = ETCD_LOST_REQUEUE;
    else if (lost != NULL && strcmp(lost, "fail") != 0)
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "--on-lost: expected fail or requeue, found '%.60s'",
                       lost);
    s->attempts = s->on_lost == ETCD_LOST_REQUEUE ? ATTEMPTS_DEFAULT : 1;
    if (read_number(cli, "priority", -ETCD_PRIORITY_LIMIT, ETCD_PRIORITY_LIMIT, &s->priority, e) < 0)
        return e->code;
    return read_number(cli, "attempts", 1, ETCD_ATTEMPTS_MAX, &s->attempts, e);
}

/* What a run cannot have in a fleet, by name. */
static int check_request(const struct job_request *request, struct err *e)
{
    const struct job *job = &request->job;

    if (job->replicas > 1 &&
        run_retry_resolve(&job->configuration.x.retry, &request->run.overrides.x.retry).attempts > 1)
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT,
                       "the document of a run of several nodes has 'retry', which a fleet does not go by: "
                       "leave it out, and say "
                       "with --on-lost requeue and --attempts what follows when a node is lost");
    if (job->replicas > ETCD_CLUSTER_MAX)
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "the run has %lld nodes: in a fleet it may have %d",
                       (long long)job->replicas, ETCD_CLUSTER_MAX);
    return 0;
}

/* A document that says what follows an end says what follows a lost node. */
static int take_retry(const struct cli *cli, const struct job_request *request, struct etcd_state *s,
                      struct err *e)
{
    const struct run_retry retry =
        run_retry_resolve(&request->job.configuration.x.retry, &request->run.overrides.x.retry);
    bool lost = retry.has_causes ? retry.cause[CAUSE_LEASE_LOST] : run_retry_by_default(CAUSE_LEASE_LOST);

    if (retry.attempts <= 1)
        return 0;
    if (cli_value(cli, "on-lost") != NULL || cli_value(cli, "attempts") != NULL)
        return err_set(
            e, -EINVAL, BLAME_ASSIGNMENT,
            "the document has 'retry', which says this as well: leave --on-lost and --attempts out");
    s->attempts = retry.attempts;
    s->on_lost = lost ? ETCD_LOST_REQUEUE : ETCD_LOST_FAIL;
    return 0;
}

/* The bytes of the artifact, wherever its author has them. */
static int collect(struct prepared *p, struct err *e)
{
    const char *folder = getenv("TMPDIR");

    if (parts_collect(&p->request.artifact, &p->layout, folder != NULL && folder[0] == '/' ? folder : "/tmp",
                      (unsigned long long)p->config.artifact_bytes, &p->parts, e) < 0)
        return e->code;
    return parts_inline(&p->request.artifact, &p->parts, e);
}

static int hand_in(struct cli *cli, struct prepared *p, struct etcd_state *state, struct err *e)
{
    AUTO(fleet) struct fleet f = {0};
    AUTO(strbuf) struct strbuf document = STRBUF_INIT(DOCUMENT_BYTES_MAX);
    const char *name =
        p->request.run.display_name != NULL ? p->request.run.display_name : p->request.job.display_name;
    int r;

    if (check_request(&p->request, e) < 0 || fleet_open(cli, &p->config, &f, e) < 0 ||
        read_options(cli, state, e) < 0 || take_retry(cli, &p->request, state, e) < 0 || collect(p, e) < 0)
        return e->code;
    (void)snprintf(state->run, sizeof(state->run), "%s", p->request.run.id);
    (void)snprintf(state->display_name, sizeof(state->display_name), "%s", name != NULL ? name : "");
    (void)assignment_write(&p->request, 0, &document);
    r = etcd_operator_submit(f.cluster, state, &document, e);
    if (r == -ETIMEDOUT)
        (void)err_context(e, "run %s may or may not be in the queue (see `runlet runs`)", state->run);
    return r;
}

int fleet_submit(struct cli *cli, struct prepared *p)
{
    struct etcd_state state = {.state = STATE_ACCEPTED, .attempts = 1, .submitted_at = clock_wall()};
    struct err e = ERR_INIT;

    state.changed_at = state.submitted_at;
    (void)snprintf(state.details, sizeof(state.details), "Waits for a node.");
    if (hand_in(cli, p, &state, &e) < 0)
        return cli_fail(cli, 1, &e);
    if (cli_flag(cli, "json"))
        (void)fprintf(cli->out, "{\"id\":\"%s\"}\n", state.run);
    else
        (void)fprintf(cli->out, "%s\n", state.run);
    return 0;
}
