/* platform.c - see platform.h. */
#include "job/platform.h"

#include <stdio.h>
#include <string.h>

#include "base/auto.h"

static const char *first(const char *a, const char *b)
{
    return a != NULL ? a : b;
}

static const char *job_ocid(const struct job_request *r, const struct run_options *o)
{
    (void)o;
    return first(r->job.id, r->run.job_id);
}

static const char *run_ocid(const struct job_request *r, const struct run_options *o)
{
    (void)o;
    return r->run.id;
}

static const char *project_ocid(const struct job_request *r, const struct run_options *o)
{
    (void)o;
    return first(r->run.project_id, r->job.project_id);
}

static const char *job_compartment(const struct job_request *r, const struct run_options *o)
{
    (void)o;
    return first(r->job.compartment_id, r->run.compartment_id);
}

static const char *run_compartment(const struct job_request *r, const struct run_options *o)
{
    (void)o;
    return first(r->run.compartment_id, r->job.compartment_id);
}

static const char *tenancy(const struct job_request *r, const struct run_options *o)
{
    (void)o;
    return r->job.tenancy_id;
}

static const char *artifact_name(const struct job_request *r, const struct run_options *o)
{
    (void)o;
    return r->artifact.file_name;
}

static bool is_member(const struct job_request *r)
{
    return r->cluster.count > 0;
}

static const char *fqdn(const struct job_request *r, const struct run_options *o)
{
    const char *own = is_member(r) ? r->cluster.node[r->rank].fqdn : "";

    return own[0] != '\0' ? own : o->fqdn;
}

static const char *group(const struct job_request *r, const struct run_options *o)
{
    (void)o;
    return is_member(r) ? r->cluster.node[r->rank].group : NULL;
}

static const char *metadata_file(const struct job_request *r, const struct run_options *o)
{
    (void)o;
    return is_member(r) ? JOB_CLUSTER_FILE : NULL;
}

static const char *interface(const struct job_request *r, const struct run_options *o)
{
    (void)o;
    return r->cluster.interface[0] != '\0' ? r->cluster.interface : NULL;
}

/* The documents do not say the project's compartment: it is taken to be the job's. */
static const struct {
    const char *name;
    const char *(*value)(const struct job_request *r, const struct run_options *o);
} VARIABLES[] = {
    {"JOB_OCID", job_ocid},
    {"JOB_RUN_OCID", run_ocid},
    {"PROJECT_OCID", project_ocid},
    {"PROJECT_COMPARTMENT_OCID", job_compartment},
    {"JOB_COMPARTMENT_OCID", job_compartment},
    {"JOB_RUN_COMPARTMENT_OCID", run_compartment},
    {"TENANCY_OCID", tenancy},
    {"JOB_ARTIFACT_FILE_NAME", artifact_name},
    {"FQDN", fqdn},
    {"NODE_GROUP_NAME", group},
    {"CLUSTER_NODES_METADATA_FILE", metadata_file},
    {"NCCL_SOCKET_IFNAME", interface},
    {"GLOO_SOCKET_IFNAME", interface},
    {"JR_SOCKET_IFNAME", interface},
    {"NODE_RANK", NULL},
    {"INITIAL_CLUSTER_SIZE", NULL},
};

bool platform_owns(const char *key)
{
    for (size_t i = 0; i < ARRAY_SIZE(VARIABLES); i++)
        if (strcmp(VARIABLES[i].name, key) == 0)
            return true;
    return false;
}

static int set_number(struct env *env, const char *name, size_t number)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%zu", number);
    return env_set(env, ENV_PLATFORM, name, text);
}

int platform_env(const struct job_request *request, const struct run_options *options, struct env *env)
{
    int r = set_number(env, "NODE_RANK", (size_t)request->rank);

    if (r == 0)
        r = set_number(env, "INITIAL_CLUSTER_SIZE", is_member(request) ? request->cluster.count : 1);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(VARIABLES); i++) {
        const char *value = VARIABLES[i].value != NULL ? VARIABLES[i].value(request, options) : NULL;
        if (value != NULL)
            r = env_set(env, ENV_PLATFORM, VARIABLES[i].name, value);
    }
    return r;
}
