/* model.c - see job.h: the model's words, and freeing it. */
#include "job/job.h"

#include <stdlib.h>

#include "job/image.h"
#include "job/parts.h"

const char *const RUNTIME_NAMES[RUNTIME_COUNT] = {
    [RUNTIME_ARTIFACT] = "artifact",   [RUNTIME_PYTHON] = "python",
    [RUNTIME_NOTEBOOK] = "notebook",   [RUNTIME_GIT_PYTHON] = "gitPython",
    [RUNTIME_CONTAINER] = "container", [RUNTIME_PYTORCH] = "pyTorchDistributed",
};

const char *const ARTIFACT_FORM_NAMES[ARTIFACT_FORM_COUNT] = {
    [ARTIFACT_FILE] = "file",
    [ARTIFACT_ARCHIVE] = "archive",
    [ARTIFACT_DIRECTORY] = "directory",
    [ARTIFACT_ENTRY_PROGRAM] = "entryProgram",
};

const char *const INFRASTRUCTURE_TYPES[INFRASTRUCTURE_TYPE_COUNT] = {
    "STANDALONE", "ME_STANDALONE", "MULTI_NODE", "EMPTY", "MANAGED_COMPUTE_CLUSTER"};

const char *const CONDA_TYPE_NAMES[CONDA_TYPE_COUNT] = {
    [CONDA_NONE] = "none",
    [CONDA_SERVICE] = "service",
    [CONDA_PUBLISHED] = "published",
};

const char *job_runtime_name(enum job_runtime runtime)
{
    return (unsigned)runtime < RUNTIME_COUNT ? RUNTIME_NAMES[runtime] : "unknown";
}

enum artifact_form artifact_form_collected(enum artifact_form form)
{
    switch (form) {
    case ARTIFACT_DIRECTORY: return ARTIFACT_ARCHIVE;
    case ARTIFACT_ENTRY_PROGRAM: return ARTIFACT_FILE;
    default: return form;
    }
}

void mount_clear(struct storage_mount *m)
{
    free(m->destination_directory);
    free(m->destination_path);
    free(m->mount_target_id);
    free(m->export_id);
    free(m->bucket);
    free(m->namespace_name);
    free(m->prefix);
    free(m->source);
    *m = (struct storage_mount){0};
}

void container_free(struct container_details *c)
{
    if (c == NULL)
        return;
    free(c->image);
    free(c->image_digest);
    free(c->image_signature_id);
    strlist_free(&c->entrypoint);
    strlist_free(&c->cmd);
    free(c);
}

void part_source_clear(struct part_source *s)
{
    free(s->uri);
    free(s->sha256);
    free(s->md5);
    free(s->bearer);
    free(s->content);
    *s = (struct part_source){0};
}

void artifact_clear(struct artifact *a)
{
    for (size_t i = 0; i < a->count; i++) {
        free(a->part[i].path);
        free(a->part[i].name);
        free(a->part[i].into);
        part_source_clear(&a->part[i].source);
    }
    free(a->file_name);
    *a = (struct artifact){0};
}

static void configuration_clear(struct job_configuration *c)
{
    env_free(&c->env);
    free(c->arguments);
    container_free(c->container);
    strlist_free(&c->probe.command);
    for (size_t i = 0; i < c->mount_count; i++)
        mount_clear(&c->mount[i]);
    strlist_free(&c->x.sandbox.system_calls);
    strlist_free(&c->x.sandbox.devices);
    run_outputs_free(&c->x.outputs);
    *c = (struct job_configuration){0};
}

static void infrastructure_clear(struct infrastructure *i)
{
    free(i->type);
    free(i->shape_name);
}

void node_group_clear(struct node_group *g)
{
    free(g->name);
    infrastructure_clear(&g->infra);
    configuration_clear(&g->configuration);
    configuration_clear(&g->overrides);
}

void job_request_free(struct job_request *r)
{
    struct job *j = &r->job;

    free(j->id);
    free(j->display_name);
    free(j->project_id);
    free(j->compartment_id);
    free(j->tenancy_id);
    configuration_clear(&j->configuration);
    infrastructure_clear(&j->infra);
    for (size_t i = 0; i < j->group_count; i++)
        node_group_clear(&j->group[i]);
    free(j->group);
    cluster_free(&r->cluster);
    free(j->log_group_id);
    free(j->log_id);
    free(r->run.id);
    free(r->run.display_name);
    free(r->run.job_id);
    free(r->run.project_id);
    free(r->run.compartment_id);
    configuration_clear(&r->run.overrides);
    artifact_clear(&r->artifact);
    free(r->conda_slug);
    free(r->conda_prefix);
    *r = (struct job_request){0};
}

void run_spec_free(struct run_spec *s)
{
    free(s->run_id);
    free(s->run_name);
    free(s->job_id);
    free(s->job_name);
    env_free(&s->env);
    strlist_free(&s->args);
    free(s->entrypoint);
    run_sandbox_free(&s->sandbox);
    run_outputs_free(&s->outputs);
    free(s->conda_slug);
    free(s->conda_prefix);
    container_free(s->container);
    strlist_free(&s->probe.command);
    if (s->image != NULL)
        image_config_free(s->image);
    free(s->image);
    *s = (struct run_spec){0};
}
