/* assignment.c - see assignment.h: writing the assignment document. */
#include "job/assignment.h"

#include "base/auto.h"
#include "format/json_out.h"
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

static void write_configuration(struct json_out *w, const char *key, const struct job_configuration *c)
{
    json_out_open(w, key, '{');
    json_out_string(w, "jobType", "DEFAULT");
    if (c->env.count > 0) {
        json_out_open(w, "environmentVariables", '{');
        for (size_t i = 0; i < c->env.count; i++)
            json_out_string(w, c->env.var[i].key, c->env.var[i].value);
        json_out_close(w, '}');
    }
    json_out_string(w, "commandLineArguments", c->arguments);
    if (c->maximum_runtime_minutes > 0)
        json_out_int(w, "maximumRuntimeInMinutes", c->maximum_runtime_minutes);
    json_out_close(w, '}');
}

static void write_container(struct json_out *w, const char *key, const struct container_details *d)
{
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
        json_out_ms(w, "after", then->item[i].after_ms);
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
        json_out_ms(w, "maximumRuntime", x->maximum_runtime_ms);
    if (x->stop_grace_ms >= 0)
        json_out_ms(w, "stopGrace", x->stop_grace_ms);
    json_out_string(w, "stopSignal", stop_signal_name(x->stop_signal));
    if (x->stop_whole_tree >= 0)
        json_out_bool(w, "stopWholeTree", x->stop_whole_tree == 1);
    write_stop_then(w, &x->stop_then);
    write_limits(w, &x->limits);
    write_sandbox(w, &x->sandbox);
    json_out_open(w, "notice", '{');
    if (x->notice_before_ms >= 0)
        json_out_ms(w, "before", x->notice_before_ms);
    if (x->notice_signal > 0)
        json_out_string(w, "signal", stop_signal_name(x->notice_signal));
    json_out_close(w, '}');
    write_outputs(w, &x->outputs);
    retry_write(w, &x->retry);
    if (x->on_lease_lost >= 0)
        json_out_string(w, "onLeaseLost", lease_lost_policy_name((enum lease_lost_policy)x->on_lease_lost));
    json_out_close(w, '}');
}

static void write_infrastructure(struct json_out *w, const struct job *job)
{
    json_out_open(w, "jobInfrastructureConfigurationDetails", '{');
    json_out_string(w, "jobInfrastructureType", job->infrastructure_type);
    json_out_string(w, "shapeName", job->shape_name);
    if (job->block_storage_gb > 0)
        json_out_int(w, "blockStorageSizeInGBs", job->block_storage_gb);
    json_out_open(w, "jobShapeConfigDetails", '{');
    if (job->ocpus > 0)
        json_out_real(w, "ocpus", job->ocpus);
    if (job->memory_gb > 0)
        json_out_real(w, "memoryInGBs", job->memory_gb);
    json_out_close(w, '}');
    json_out_close(w, '}');
}

static void write_nodes(struct json_out *w, const struct job *job)
{
    json_out_open(w, "jobNodeConfigurationDetails", '{');
    if (job->multi_node)
        json_out_string(w, "jobNodeType", "MULTI_NODE");
    json_out_open(w, "jobNodeGroupConfigurationDetailsList", '[');
    if (job->replicas > 0) {
        /* As ADS calls its only group; what it says stands at the top. */
        json_out_open(w, NULL, '{');
        json_out_string(w, "name", "node-group");
        json_out_int(w, "replicas", job->replicas);
        json_out_close(w, '}');
    }
    json_out_close(w, ']');
    json_out_close(w, '}');
}

static void write_job(struct json_out *w, const struct job *job)
{
    json_out_open(w, "job", '{');
    json_out_string(w, "id", job->id);
    json_out_string(w, "displayName", job->display_name);
    json_out_string(w, "projectId", job->project_id);
    json_out_string(w, "compartmentId", job->compartment_id);
    json_out_string(w, "tenancyId", job->tenancy_id);
    write_configuration(w, "jobConfigurationDetails", &job->configuration);
    if (job->infrastructure_type != NULL || job->shape_name != NULL || job->block_storage_gb > 0 ||
        job->ocpus > 0 || job->memory_gb > 0)
        write_infrastructure(w, job);
    write_container(w, "jobEnvironmentConfigurationDetails", job->configuration.container);
    json_out_open(w, "jobLogConfigurationDetails", '{');
    json_out_bool(w, "enableLogging", job->enable_logging);
    json_out_bool(w, "enableAutoLogCreation", job->enable_auto_log_creation);
    json_out_string(w, "logGroupId", job->log_group_id);
    json_out_string(w, "logId", job->log_id);
    json_out_close(w, '}');
    write_mounts(w, "jobStorageMountConfigurationDetailsList", &job->configuration);
    if (job->multi_node || job->replicas > 0)
        write_nodes(w, job);
    write_x_runlet(w, &job->configuration.x);
    json_out_close(w, '}');
}

static void write_run(struct json_out *w, const struct job_run *run)
{
    json_out_open(w, "jobRun", '{');
    json_out_string(w, "id", run->id);
    json_out_string(w, "displayName", run->display_name);
    json_out_string(w, "jobId", run->job_id);
    json_out_string(w, "projectId", run->project_id);
    json_out_string(w, "compartmentId", run->compartment_id);
    write_configuration(w, "jobConfigurationOverrideDetails", &run->overrides);
    write_container(w, "jobEnvironmentConfigurationOverrideDetails", run->overrides.container);
    write_mounts(w, "jobStorageMountConfigurationOverrideDetailsList", &run->overrides);
    write_x_runlet(w, &run->overrides.x);
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

int assignment_write(const struct job_request *request, int64_t epoch, struct strbuf *out)
{
    struct json_out w = {.out = out};

    json_out_open(&w, NULL, '{');
    write_job(&w, &request->job);
    write_run(&w, &request->run);
    json_out_string(&w, "runtime", job_runtime_name(request->runtime));
    if (request->conda_type != CONDA_NONE || request->conda_slug != NULL || request->conda_decided) {
        json_out_open(&w, "conda", '{');
        json_out_string(&w, "type", CONDA_TYPE_NAMES[request->conda_type]);
        json_out_string(&w, "slug", request->conda_slug);
        if (request->conda_decided)
            json_out_string(&w, "prefix", request->conda_prefix != NULL ? request->conda_prefix : "");
        json_out_close(&w, '}');
    }
    write_artifact(&w, &request->artifact);
    json_out_int(&w, "epoch", epoch);
    json_out_close(&w, '}');
    strbuf_addch(out, '\n');
    return out->failed;
}
