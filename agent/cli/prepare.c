/* prepare.c - see prepare.h. */
#include "cli/prepare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "assignment/local/submission.h"
#include "base/auto.h"
#include "cli/configuration.h"
#include "cli/overrides.h"
#include "cli/request.h"
#include "daemon/conda.h"
#include "job/assignment.h"
#include "job/resolve.h"
#include "launch/plan_build.h"

void prepared_free(struct prepared *p)
{
    parts_close(&p->parts);
    plan_free(&p->plan);
    run_spec_free(&p->spec);
    job_request_free(&p->request);
    config_free(&p->config);
}

static void show(const struct cli *cli, const struct diag_list *diags, bool errors_only)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(DOCUMENT_BYTES_MAX);

    if (errors_only && diags->errors == 0)
        return;
    diag_print(diags, &text);
    (void)fputs(strbuf_str(&text), cli->err);
}

static int failed(const struct cli *cli, const struct err *e)
{
    return cli_fail(cli, e->code < 0 ? e->code : -EINVAL, e);
}

static int give_id(const char *kind, struct job_request *request, struct err *e)
{
    char id[64];

    if (request->run.id != NULL)
        return 0;
    submission_new_id(kind, clock_wall(), id);
    request->run.id = strdup(id);
    return request->run.id != NULL ? 0 : err_oom(e);
}

/* What neither the job nor the run says is the node's to say. It goes into the request, so that whoever reads the
 * assignment later comes to the same. */
static void node_defaults(struct prepared *p)
{
    struct x_runlet *run = &p->request.run.overrides.x;

    if (p->spec.maximum_runtime_layer == ENV_DEFAULT &&
        p->config.maximum_runtime_ms < p->spec.maximum_runtime_ms)
        p->spec.maximum_runtime_ms = run->maximum_runtime_ms = p->config.maximum_runtime_ms;
    if (run->stop_grace_ms < 0 && p->request.job.configuration.x.stop_grace_ms < 0)
        p->spec.stop_grace_ms = run->stop_grace_ms = p->config.stop_grace_ms;
}

static int resolve_plan(struct prepared *p, const char *fqdn, struct diag_list *diags, struct err *e)
{
    const struct launch_settings settings = {.python = p->config.python,
                                             .bash = p->config.bash,
                                             .java = p->config.java,
                                             .job_user = p->config.job_user,
                                             .as_root = p->config.job_uid == 0,
                                             .exports = p->config.nfs_exports};
    const struct run_options options = {.maximum_runtime_ms = -1, .fqdn = fqdn};
    int r = run_resolve(&p->request, &options, &p->spec, diags);

    if (r < 0)
        return r;
    node_defaults(p);
    if (p->spec.maximum_runtime_ms > p->config.maximum_runtime_ms)
        return err_set(e, -EPERM, BLAME_ASSIGNMENT,
                       "the run may take %lld s, which is over this node's limit of %lld s (maximumRuntime)",
                       (long long)(p->spec.maximum_runtime_ms / 1000),
                       (long long)(p->config.maximum_runtime_ms / 1000));
    if (conda_add_parts(&p->request, &p->spec, &p->config, &p->layout, e) < 0)
        return e->code;
    return plan_build(&p->request, &p->spec, &settings, 1, &p->plan, e);
}

/* The first node of every group is prepared as if it were alone: what is wrong with one is said before anything begins. The plan that
 * stays is that of rank 0. */
static int prepare_nodes(struct prepared *p, const char *fqdn, struct diag_list *diags, struct err *e)
{
    const struct job *job = &p->request.job;
    AUTO(cluster) struct cluster cluster = {0};
    AUTO(diag) struct diag_list said = {0};
    size_t rank = 0;
    int r = cluster_on_one_machine(job, fqdn, &cluster);

    for (size_t i = 0; r == 0 && i < job->group_count; rank += (size_t)job->group[i++].replicas) {
        struct prepared node = PREPARED_INIT;
        node.config = p->config;
        node.layout = p->layout;
        /* What is to be said of the documents has been said. */
        r = assignment_member(&p->request, &cluster, rank, &node.request, &said);
        if (r == 0)
            r = resolve_plan(&node, fqdn, diags, e);
        if (r < 0 && e->text[0] != '\0')
            (void)err_context(e, "node group '%s'", job->group[i].name);
        if (r == 0 && i == 0) {
            p->plan = node.plan;
            node.plan = (struct plan){0};
        }
        node.config = (struct config){0};
        prepared_free(&node);
    }
    return r == -ENOMEM ? err_oom(e) : r;
}

/* All nodes of a run or one: what is left of the whole is its name and its limit of time. */
static int resolve_all(struct prepared *p, struct diag_list *diags, struct err *e)
{
    const struct run_options options = {.maximum_runtime_ms = -1};
    char fqdn[256] = "";
    int r;

    (void)gethostname(fqdn, sizeof(fqdn) - 1);
    if (!p->request.job.multi_node)
        return resolve_plan(p, fqdn, diags, e);
    r = run_resolve(&p->request, &options, &p->spec, diags);
    if (r < 0)
        return r;
    node_defaults(p);
    return prepare_nodes(p, fqdn, diags, e);
}

int prepare(const struct cli *cli, bool quiet, struct prepared *p)
{
    AUTO(diag) struct diag_list diags = {0};
    struct err e = ERR_INIT;
    int r = cli_load_config(cli, &p->config);

    if (r < 0)
        return r;
    if (layout_paths(&p->config, &p->layout, &e) < 0)
        return failed(cli, &e);
    r = cli_read_request(cli, &p->request, &diags);
    if (r == 0)
        r = overrides_apply(cli, &p->request, &e);
    if (r == 0)
        r = give_id(p->id_kind, &p->request, &e);
    if (r == 0)
        r = resolve_all(p, &diags, &e);
    show(cli, &diags, quiet);
    if (e.text[0] != '\0')
        return failed(cli, &e);
    return r;
}
