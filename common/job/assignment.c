/* assignment.c - see assignment.h: writing the assignment document. */
#include "job/assignment.h"

#include <errno.h>
#include <stdio.h>

#include "base/auto.h"
#include "format/json_out.h"
#include "format/read.h"
#include "job/parts.h"

static void write_strings(struct json_out *w, const char *key, const struct strlist *list)
{
    if (list->count == 0)
        return;
    json_out_open(w, key, '[');
    for (size_t i = 0; i < list->count; i++)
        json_out_string(w, NULL, list->item[i]);
    json_out_close(w, ']');
}

static const struct job_configuration NOTHING = {.maximum_runtime_minutes = -1};

/* The variables of both, those of `finer` where both have one. */
static void write_env(struct json_out *w, const struct env *env, const struct env *finer)
{
    if (env->count + finer->count == 0)
        return;
    json_out_open(w, "environmentVariables", '{');
    for (size_t i = 0; i < env->count; i++)
        if (env_find(finer, env->var[i].key) == NULL)
            json_out_string(w, env->var[i].key, env->var[i].value);
    for (size_t i = 0; i < finer->count; i++)
        json_out_string(w, finer->var[i].key, finer->var[i].value);
    json_out_close(w, '}');
}

static void write_probe(struct json_out *w, const struct startup_probe *probe)
{
    if (probe->command.count == 0)
        return;
    json_out_open(w, "startupProbeDetails", '{');
    json_out_string(w, "jobProbeCheckType", "EXEC");
    write_strings(w, "command", &probe->command);
    json_out_int(w, "initialDelayInSeconds", probe->initial_delay_s);
    json_out_int(w, "periodInSeconds", probe->period_s);
    json_out_int(w, "failureThreshold", probe->failure_threshold);
    json_out_close(w, '}');
}

/* One configuration laid over another. */
static void write_configuration(struct json_out *w, const char *key, const struct job_configuration *c,
                                const struct job_configuration *finer)
{
    int64_t minutes =
        finer->maximum_runtime_minutes > 0 ? finer->maximum_runtime_minutes : c->maximum_runtime_minutes;

    json_out_open(w, key, '{');
    json_out_string(w, "jobType", "DEFAULT");
    write_env(w, &c->env, &finer->env);
    json_out_string(w, "commandLineArguments", finer->arguments != NULL ? finer->arguments : c->arguments);
    if (minutes > 0)
        json_out_int(w, "maximumRuntimeInMinutes", minutes);
    write_probe(w, finer->probe.command.count > 0 ? &finer->probe : &c->probe);
    json_out_close(w, '}');
}

static void write_container(struct json_out *w, const char *key, const struct job_configuration *c,
                            const struct job_configuration *finer)
{
    const struct container_details *d = finer->container != NULL ? finer->container : c->container;

    if (d == NULL)
        return;
    json_out_open(w, key, '{');
    json_out_string(w, "jobEnvironmentType", "OCIR_CONTAINER");
    json_out_string(w, "image", d->image);
    json_out_string(w, "imageDigest", d->image_digest);
    json_out_string(w, "imageSignatureId", d->image_signature_id);
    write_strings(w, "entrypoint", &d->entrypoint);
    write_strings(w, "cmd", &d->cmd);
    json_out_close(w, '}');
}

static void write_mounts(struct json_out *w, const char *key, const struct job_configuration *c)
{
    if (!c->has_mounts)
        return;
    json_out_open(w, key, '[');
    for (size_t i = 0; i < c->mount_count; i++) {
        const struct storage_mount *m = &c->mount[i];
        json_out_open(w, NULL, '{');
        json_out_string(w, "storageType", m->object_storage ? "OBJECT_STORAGE" : "FILE_STORAGE");
        json_out_string(w, "destinationDirectoryName", m->destination_directory);
        json_out_string(w, "destinationPath", m->destination_path);
        json_out_string(w, "mountTargetId", m->mount_target_id);
        json_out_string(w, "exportId", m->export_id);
        json_out_string(w, "namespace", m->namespace_name);
        json_out_string(w, "bucket", m->bucket);
        json_out_string(w, "prefix", m->prefix);
        json_out_string(w, "source", m->source);
        if (m->read_only)
            json_out_bool(w, "readOnly", true);
        json_out_close(w, '}');
    }
    json_out_close(w, ']');
}

static void write_ms(struct json_out *w, const char *key, int64_t ms)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(64);

    strbuf_addf(&text, "%lldms", (long long)ms);
    json_out_string(w, key, strbuf_str(&text));
}

static void write_limits(struct json_out *w, const struct run_limits *limits)
{
    char text[LIMIT_TEXT_MAX];

    json_out_open(w, "limits", '{');
    for (unsigned i = 0; i < LIMIT_COUNT; i++) {
        if (limits->value[i] == LIMIT_UNSET)
            continue;
        run_limit_format((enum run_limit)i, limits->value[i], text);
        json_out_string(w, run_limit_info((enum run_limit)i)->name, text);
    }
    if (limits->cpuset[0] != '\0')
        json_out_string(w, "cpuset", limits->cpuset);
    json_out_close(w, '}');
}

static void write_names(struct json_out *w, const char *key, const struct strlist *names)
{
    if (names->count == 0)
        return;
    json_out_open(w, key, '[');
    for (size_t i = 0; i < names->count; i++)
        json_out_string(w, NULL, names->item[i]);
    json_out_close(w, ']');
}

static void write_sandbox(struct json_out *w, const struct x_sandbox *sandbox)
{
    json_out_open(w, "sandbox", '{');
    if (sandbox->network_off >= 0)
        json_out_string(w, "network", sandbox->network_off == 1 ? "none" : "host");
    if (sandbox->user_namespace >= 0)
        json_out_bool(w, "userNamespace", sandbox->user_namespace == 1);
    if (sandbox->learn >= 0)
        json_out_bool(w, "learn", sandbox->learn == 1);
    write_names(w, "systemCalls", &sandbox->system_calls);
    write_names(w, "devices", &sandbox->devices);
    json_out_close(w, '}');
}

static void write_stop_then(struct json_out *w, const struct stop_signals *then)
{
    if (then->count == 0)
        return;
    json_out_open(w, "stopThen", '[');
    for (size_t i = 0; i < then->count; i++) {
        json_out_open(w, NULL, '{');
        json_out_string(w, "signal", stop_signal_name(then->item[i].signal));
        write_ms(w, "after", then->item[i].after_ms);
        json_out_close(w, '}');
    }
    json_out_close(w, ']');
}

static void write_outputs(struct json_out *w, const struct run_outputs *outputs)
{
    if (outputs->count == 0)
        return;
    json_out_open(w, "outputs", '[');
    for (size_t i = 0; i < outputs->count; i++) {
        json_out_open(w, NULL, '{');
        json_out_string(w, "from", outputs->item[i].from);
        json_out_string(w, "to", outputs->item[i].to);
        json_out_string(w, "when", outputs->item[i].always ? "always" : "success");
        json_out_close(w, '}');
    }
    json_out_close(w, ']');
}

static void write_x_runlet(struct json_out *w, const struct x_runlet *x)
{
    json_out_open(w, "x-runlet", '{');
    if (x->maximum_runtime_ms > 0)
        write_ms(w, "maximumRuntime", x->maximum_runtime_ms);
    if (x->stop_grace_ms >= 0)
        write_ms(w, "stopGrace", x->stop_grace_ms);
    json_out_string(w, "stopSignal", stop_signal_name(x->stop_signal));
    if (x->stop_whole_tree >= 0)
        json_out_bool(w, "stopWholeTree", x->stop_whole_tree == 1);
    write_stop_then(w, &x->stop_then);
    write_limits(w, &x->limits);
    write_sandbox(w, &x->sandbox);
    json_out_open(w, "notice", '{');
    if (x->notice_before_ms >= 0)
        write_ms(w, "before", x->notice_before_ms);
    if (x->notice_signal > 0)
        json_out_string(w, "signal", stop_signal_name(x->notice_signal));
    json_out_close(w, '}');
    write_outputs(w, &x->outputs);
    if (x->on_lease_lost >= 0)
        json_out_string(w, "onLeaseLost", lease_lost_policy_name((enum lease_lost_policy)x->on_lease_lost));
    json_out_close(w, '}');
}

static void write_infrastructure(struct json_out *w, const struct infrastructure *i,
                                 const struct infrastructure *finer)
{
    int64_t gb = finer->block_storage_gb > 0 ? finer->block_storage_gb : i->block_storage_gb;
    double ocpus = finer->ocpus > 0 ? finer->ocpus : i->ocpus;
    double memory = finer->memory_gb > 0 ? finer->memory_gb : i->memory_gb;
    const char *type = finer->type != NULL ? finer->type : i->type;
    const char *shape = finer->shape_name != NULL ? finer->shape_name : i->shape_name;

    if (type == NULL && shape == NULL && gb <= 0 && ocpus <= 0)
        return;
    json_out_open(w, "jobInfrastructureConfigurationDetails", '{');
    json_out_string(w, "jobInfrastructureType", type);
    json_out_string(w, "shapeName", shape);
    if (gb > 0)
        json_out_int(w, "blockStorageSizeInGBs", gb);
    json_out_open(w, "jobShapeConfigDetails", '{');
    if (ocpus > 0)
        json_out_real(w, "ocpus", ocpus);
    if (memory > 0)
        json_out_real(w, "memoryInGBs", memory);
    json_out_close(w, '}');
    json_out_close(w, '}');
}

static const struct infrastructure ANYTHING = {.block_storage_gb = -1};

static void write_group(struct json_out *w, const struct node_group *g, bool overrides)
{
    const struct job_configuration *c = overrides ? &g->overrides : &g->configuration;

    json_out_open(w, NULL, '{');
    json_out_string(w, "name", g->name);
    json_out_int(w, "replicas", g->replicas);
    json_out_int(w, "minimumSuccessReplicas", g->least);
    write_configuration(w, "jobConfigurationDetails", c, &NOTHING);
    write_container(w, "jobEnvironmentConfigurationDetails", c, &NOTHING);
    if (!overrides)
        write_infrastructure(w, &g->infra, &ANYTHING);
    json_out_close(w, '}');
}

static void write_nodes(struct json_out *w, const char *key, const struct job *job, bool overrides)
{
    const struct node_group only = {.name = (char *)ADS_GROUP,
                                    .replicas = 1,
                                    .least = 1,
                                    .infra = ANYTHING,
                                    .configuration = NOTHING,
                                    .overrides = NOTHING};

    json_out_open(w, key, '{');
    json_out_string(w, "jobNodeType", job->multi_node ? "MULTI_NODE" : NULL);
    json_out_string(w, "startupOrder", job->in_order ? "IN_ORDER" : "IN_PARALLEL");
    json_out_open(w, "jobNodeGroupConfigurationDetailsList", '[');
    for (size_t i = 0; i < job->group_count; i++)
        write_group(w, &job->group[i], overrides);
    if (job->group_count == 0)
        write_group(w, &only, overrides); /* what it says stands at the top */
    json_out_close(w, ']');
    json_out_close(w, '}');
}

/* `of` is the group of the one node that is written, or NULL. */
static void write_job(struct json_out *w, const struct job *job, const struct node_group *of)
{
    const struct job_configuration *finer = of != NULL ? &of->configuration : &NOTHING;

    json_out_open(w, "job", '{');
    json_out_string(w, "id", job->id);
    json_out_string(w, "displayName", job->display_name);
    json_out_string(w, "projectId", job->project_id);
    json_out_string(w, "compartmentId", job->compartment_id);
    json_out_string(w, "tenancyId", job->tenancy_id);
    write_configuration(w, "jobConfigurationDetails", &job->configuration, finer);
    write_infrastructure(w, &job->infra, of != NULL ? &of->infra : &ANYTHING);
    write_container(w, "jobEnvironmentConfigurationDetails", &job->configuration, finer);
    json_out_open(w, "jobLogConfigurationDetails", '{');
    json_out_bool(w, "enableLogging", job->enable_logging);
    json_out_bool(w, "enableAutoLogCreation", job->enable_auto_log_creation);
    json_out_string(w, "logGroupId", job->log_group_id);
    json_out_string(w, "logId", job->log_id);
    json_out_close(w, '}');
    write_mounts(w, "jobStorageMountConfigurationDetailsList", &job->configuration);
    if (of == NULL && job->replicas > 0)
        write_nodes(w, "jobNodeConfigurationDetails", job, false);
    write_x_runlet(w, &job->configuration.x);
    json_out_close(w, '}');
}

static void write_run(struct json_out *w, const struct job *job, const struct job_run *run,
                      const struct node_group *of)
{
    const struct job_configuration *finer = of != NULL ? &of->overrides : &NOTHING;

    json_out_open(w, "jobRun", '{');
    json_out_string(w, "id", run->id);
    json_out_string(w, "displayName", run->display_name);
    json_out_string(w, "jobId", run->job_id);
    json_out_string(w, "projectId", run->project_id);
    json_out_string(w, "compartmentId", run->compartment_id);
    write_configuration(w, "jobConfigurationOverrideDetails", &run->overrides, finer);
    write_container(w, "jobEnvironmentConfigurationOverrideDetails", &run->overrides, finer);
    write_mounts(w, "jobStorageMountConfigurationOverrideDetailsList", &run->overrides);
    if (of == NULL && job->group_count > 0)
        write_nodes(w, "jobNodeConfigurationOverrideDetails", job, true);
    write_x_runlet(w, &run->overrides.x);
    json_out_close(w, '}');
}

static void write_member(struct json_out *w, const struct cluster *c, size_t rank)
{
    json_out_open(w, "member", '{');
    json_out_int(w, "rank", (int64_t)rank);
    json_out_string(w, "interface", c->interface);
    json_out_open(w, "nodes", '[');
    for (size_t i = 0; i < c->count; i++) {
        json_out_open(w, NULL, '{');
        json_out_string(w, "group", c->node[i].group);
        json_out_string(w, "address", c->node[i].address);
        json_out_string(w, "fqdn", c->node[i].fqdn);
        json_out_close(w, '}');
    }
    json_out_close(w, ']');
    json_out_close(w, '}');
}

static void write_source(struct json_out *w, const struct artifact_part *part)
{
    json_out_string(w, "uri", part->source.uri);
    json_out_string(w, "sha256", part->source.sha256);
    json_out_string(w, "md5", part->source.md5);
    json_out_string(w, "bearer", part->source.bearer);
    json_out_string(w, "content", part->source.content);
    if (part->input)
        json_out_bool(w, "input", true);
}

static void write_artifact(struct json_out *w, const struct artifact *a)
{
    json_out_open(w, "artifact", '{');
    json_out_string(w, "fileName", a->file_name);
    json_out_open(w, "parts", '[');
    for (size_t i = 0; i < a->count; i++) {
        json_out_open(w, NULL, '{');
        json_out_string(w, "form", ARTIFACT_FORM_NAMES[a->part[i].form]);
        json_out_string(w, "path", a->part[i].path);
        json_out_string(w, "name", a->part[i].name);
        json_out_string(w, "into", a->part[i].into);
        write_source(w, &a->part[i]);
        if (a->part[i].flatten)
            json_out_bool(w, "flatten", true);
        json_out_close(w, '}');
    }
    json_out_close(w, ']');
    json_out_close(w, '}');
}

static const struct node_group *group_of(const struct job *job, size_t rank)
{
    for (size_t i = 0; i < job->group_count; i++) {
        if (rank < (size_t)job->group[i].replicas)
            return &job->group[i];
        rank -= (size_t)job->group[i].replicas;
    }
    return NULL;
}

/* `of` and `cluster` are NULL, or those of the one node that is written. */
static int write_document(const struct job_request *request, const struct node_group *of,
                          const struct cluster *cluster, size_t rank, int64_t epoch, struct strbuf *out)
{
    struct json_out w = {.out = out};
    bool image = of != NULL && (of->configuration.container != NULL || of->overrides.container != NULL);

    json_out_open(&w, NULL, '{');
    write_job(&w, &request->job, of);
    write_run(&w, &request->job, &request->run, of);
    json_out_string(&w, "runtime", job_runtime_name(image ? RUNTIME_CONTAINER : request->runtime));
    if (request->conda_type != CONDA_NONE || request->conda_slug != NULL || request->conda_decided) {
        json_out_open(&w, "conda", '{');
        json_out_string(&w, "type", CONDA_TYPE_NAMES[request->conda_type]);
        json_out_string(&w, "slug", request->conda_slug);
        if (request->conda_decided)
            json_out_string(&w, "prefix", request->conda_prefix != NULL ? request->conda_prefix : "");
        json_out_close(&w, '}');
    }
    write_artifact(&w, &request->artifact);
    if (cluster != NULL)
        write_member(&w, cluster, rank);
    json_out_int(&w, "epoch", epoch);
    json_out_close(&w, '}');
    strbuf_addch(out, '\n');
    return out->failed;
}

int assignment_write(const struct job_request *request, int64_t epoch, struct strbuf *out)
{
    bool member = request->cluster.count > 0;

    return write_document(request, NULL, member ? &request->cluster : NULL, (size_t)request->rank, epoch,
                          out);
}

int assignment_write_member(const struct job_request *request, const struct cluster *cluster, size_t rank,
                            int64_t epoch, struct strbuf *out)
{
    const struct node_group *of = group_of(&request->job, rank);

    return of != NULL ? write_document(request, of, cluster, rank, epoch, out) : -EINVAL;
}

int assignment_member(const struct job_request *request, const struct cluster *cluster, size_t rank,
                      struct job_request *ret, struct diag_list *diags)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(DOCUMENT_BYTES_MAX);
    AUTO(node) struct node *root = NULL;
    int64_t epoch;
    int r = assignment_write_member(request, cluster, rank, 1, &text);

    if (r < 0)
        return r;
    root = json_read(strbuf_str(&text), text.len, diags);
    if (root == NULL)
        return -ENOMEM;
    return assignment_read(root, ret, &epoch, diags);
}

int cluster_on_one_machine(const struct job *job, const char *fqdn, struct cluster *ret)
{
    int r = 0;

    (void)snprintf(ret->interface, sizeof(ret->interface), "lo");
    for (size_t i = 0; i < job->group_count; i++)
        for (int64_t n = 0; r == 0 && n < job->group[i].replicas; n++)
            r = cluster_add(ret, job->group[i].name, "127.0.0.1", fqdn);
    return r;
}
