/* assignment.c - see assignment.h: writing the assignment document. */
#include "job/assignment.h"

#include "base/auto.h"
#include "format/json_out.h"
#include "job/parts.h"

static void write_strings(struct json_out *w, const char *key, const struct strlist *list)
{
    if (list->count == 0)
        return;
    json_open(w, key, '[');
    for (size_t i = 0; i < list->count; i++)
        json_string(w, NULL, list->item[i]);
    json_close(w, ']');
}

static void write_configuration(struct json_out *w, const char *key, const struct job_configuration *c)
{
    json_open(w, key, '{');
    json_string(w, "jobType", "DEFAULT");
    if (c->env.count > 0) {
        json_open(w, "environmentVariables", '{');
        for (size_t i = 0; i < c->env.count; i++)
            json_string(w, c->env.var[i].key, c->env.var[i].value);
        json_close(w, '}');
    }
    json_string(w, "commandLineArguments", c->arguments);
    if (c->maximum_runtime_minutes > 0)
        json_int(w, "maximumRuntimeInMinutes", c->maximum_runtime_minutes);
    json_close(w, '}');
}

static void write_container(struct json_out *w, const char *key, const struct container_details *d)
{
    if (d == NULL)
        return;
    json_open(w, key, '{');
    json_string(w, "jobEnvironmentType", "OCIR_CONTAINER");
    json_string(w, "image", d->image);
    json_string(w, "imageDigest", d->image_digest);
    json_string(w, "imageSignatureId", d->image_signature_id);
    write_strings(w, "entrypoint", &d->entrypoint);
    write_strings(w, "cmd", &d->cmd);
    json_close(w, '}');
}

static void write_mounts(struct json_out *w, const char *key, const struct job_configuration *c)
{
    if (!c->has_mounts)
        return;
    json_open(w, key, '[');
    for (size_t i = 0; i < c->mount_count; i++) {
        const struct storage_mount *m = &c->mount[i];
        json_open(w, NULL, '{');
        json_string(w, "storageType", m->object_storage ? "OBJECT_STORAGE" : "FILE_STORAGE");
        json_string(w, "destinationDirectoryName", m->destination_directory);
        json_string(w, "destinationPath", m->destination_path);
        json_string(w, "mountTargetId", m->mount_target_id);
        json_string(w, "exportId", m->export_id);
        json_string(w, "namespace", m->namespace_name);
        json_string(w, "bucket", m->bucket);
        json_string(w, "prefix", m->prefix);
        json_string(w, "source", m->source);
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void write_ms(struct json_out *w, const char *key, int64_t ms)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(64);

    strbuf_addf(&text, "%lldms", (long long)ms);
    json_string(w, key, strbuf_str(&text));
}

static void write_x_runlet(struct json_out *w, const struct x_runlet *x)
{
    json_open(w, "x-runlet", '{');
    if (x->maximum_runtime_ms > 0)
        write_ms(w, "maximumRuntime", x->maximum_runtime_ms);
    if (x->stop_grace_ms >= 0)
        write_ms(w, "stopGrace", x->stop_grace_ms);
    json_string(w, "stopSignal", stop_signal_name(x->stop_signal));
    if (x->stop_whole_tree >= 0)
        json_bool(w, "stopWholeTree", x->stop_whole_tree == 1);
    json_close(w, '}');
}

static void write_infrastructure(struct json_out *w, const struct job *job)
{
    json_open(w, "jobInfrastructureConfigurationDetails", '{');
    json_string(w, "jobInfrastructureType", job->infrastructure_type);
    json_string(w, "shapeName", job->shape_name);
    if (job->block_storage_gb > 0)
        json_int(w, "blockStorageSizeInGBs", job->block_storage_gb);
    json_open(w, "jobShapeConfigDetails", '{');
    if (job->ocpus > 0)
        json_real(w, "ocpus", job->ocpus);
    if (job->memory_gb > 0)
        json_real(w, "memoryInGBs", job->memory_gb);
    json_close(w, '}');
    json_close(w, '}');
}

static void write_nodes(struct json_out *w, const struct job *job)
{
    json_open(w, "jobNodeConfigurationDetails", '{');
    if (job->multi_node)
        json_string(w, "jobNodeType", "MULTI_NODE");
    json_open(w, "jobNodeGroupConfigurationDetailsList", '[');
    if (job->replicas > 0) {
        json_open(w, NULL, '{');
        json_int(w, "replicas", job->replicas);
        json_close(w, '}');
    }
    json_close(w, ']');
    json_close(w, '}');
}

static void write_job(struct json_out *w, const struct job *job)
{
    json_open(w, "job", '{');
    json_string(w, "id", job->id);
    json_string(w, "displayName", job->display_name);
    json_string(w, "projectId", job->project_id);
    json_string(w, "compartmentId", job->compartment_id);
    json_string(w, "tenancyId", job->tenancy_id);
    write_configuration(w, "jobConfigurationDetails", &job->configuration);
    if (job->infrastructure_type != NULL || job->shape_name != NULL || job->block_storage_gb > 0 ||
        job->ocpus > 0 || job->memory_gb > 0)
        write_infrastructure(w, job);
    write_container(w, "jobEnvironmentConfigurationDetails", job->configuration.container);
    json_open(w, "jobLogConfigurationDetails", '{');
    json_bool(w, "enableLogging", job->enable_logging);
    json_bool(w, "enableAutoLogCreation", job->enable_auto_log_creation);
    json_string(w, "logGroupId", job->log_group_id);
    json_string(w, "logId", job->log_id);
    json_close(w, '}');
    write_mounts(w, "jobStorageMountConfigurationDetailsList", &job->configuration);
    if (job->multi_node || job->replicas > 0)
        write_nodes(w, job);
    write_x_runlet(w, &job->configuration.x);
    json_close(w, '}');
}

static void write_run(struct json_out *w, const struct job_run *run)
{
    json_open(w, "jobRun", '{');
    json_string(w, "id", run->id);
    json_string(w, "displayName", run->display_name);
    json_string(w, "jobId", run->job_id);
    json_string(w, "projectId", run->project_id);
    json_string(w, "compartmentId", run->compartment_id);
    write_configuration(w, "jobConfigurationOverrideDetails", &run->overrides);
    write_container(w, "jobEnvironmentConfigurationOverrideDetails", run->overrides.container);
    write_mounts(w, "jobStorageMountConfigurationOverrideDetailsList", &run->overrides);
    write_x_runlet(w, &run->overrides.x);
    json_close(w, '}');
}

static void write_artifact(struct json_out *w, const struct artifact *a)
{
    json_open(w, "artifact", '{');
    json_string(w, "fileName", a->file_name);
    json_open(w, "parts", '[');
    for (size_t i = 0; i < a->count; i++) {
        json_open(w, NULL, '{');
        json_string(w, "form", ARTIFACT_FORM_NAMES[a->part[i].form]);
        json_string(w, "path", a->part[i].path);
        json_string(w, "name", a->part[i].name);
        json_string(w, "into", a->part[i].into);
        if (a->part[i].flatten)
            json_bool(w, "flatten", true);
        json_close(w, '}');
    }
    json_close(w, ']');
    json_close(w, '}');
}

int assignment_write(const struct job_request *request, int64_t epoch, struct strbuf *out)
{
    struct json_out w = {.out = out};

    json_open(&w, NULL, '{');
    write_job(&w, &request->job);
    write_run(&w, &request->run);
    json_string(&w, "runtime", job_runtime_name(request->runtime));
    if (request->conda_type != CONDA_NONE || request->conda_slug != NULL || request->conda_decided) {
        json_open(&w, "conda", '{');
        json_string(&w, "type", CONDA_TYPE_NAMES[request->conda_type]);
        json_string(&w, "slug", request->conda_slug);
        if (request->conda_decided)
            json_string(&w, "prefix", request->conda_prefix != NULL ? request->conda_prefix : "");
        json_close(&w, '}');
    }
    write_artifact(&w, &request->artifact);
    json_int(&w, "epoch", epoch);
    json_close(&w, '}');
    strbuf_addch(out, '\n');
    return out->failed;
}
