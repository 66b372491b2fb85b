/* platform.c - see platform.h. */
#include "job/platform.h"

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

static const char *fqdn(const struct job_request *r, const struct run_options *o)
{
    (void)r;
    return o->fqdn;
}

static const char *zero(const struct job_request *r, const struct run_options *o)
{
    (void)r;
    (void)o;
    return "0";
}

static const char *one(const struct job_request *r, const struct run_options *o)
{
    (void)r;
    (void)o;
    return "1";
}

static const char *attempt(const struct job_request *r, const struct run_options *o)
{
    (void)r;
    return o->attempt != NULL ? o->attempt : "1";
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
    {"NODE_RANK", zero},
    {"INITIAL_CLUSTER_SIZE", one},
    {"RUNLET_ATTEMPT", attempt},
};

bool platform_owns(const char *key)
{
    for (size_t i = 0; i < ARRAY_SIZE(VARIABLES); i++)
        if (strcmp(VARIABLES[i].name, key) == 0)
            return true;
    return false;
}

int platform_env(const struct job_request *request, const struct run_options *options, struct env *env)
{
    for (size_t i = 0; i < ARRAY_SIZE(VARIABLES); i++) {
        const char *value = VARIABLES[i].value(request, options);
        int r = value != NULL ? env_set(env, ENV_PLATFORM, VARIABLES[i].name, value) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}
