/* oci.c - see read.h: OCI Job and JobRun documents. */
#include "job/read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/parse.h"
#include "job/parts.h"

/* ---- configuration: the same members in the job and in the run's overrides ---- */

static void read_env_map(struct reader *rd, const struct node *map, enum env_layer layer, struct env *env)
{
    if (map->count > CONFIGURATION_ENV_MAX) {
        diag_error(rd->diags, node_where(map), "%zu environment variables are too many", map->count);
        return;
    }
    for (size_t i = 0; i < map->count; i++) {
        const struct node *n = map->item[i];
        if (n->kind == NODE_NULL)
            continue;
        if (n->kind == NODE_MAP || n->kind == NODE_SEQ)
            wrong_kind(rd, n, "a string");
        else
            configuration_set_env(rd, env, layer, n->key, n->text, n);
    }
    configuration_check_env(rd, env, map);
}

void oci_read_configuration(struct reader *rd, const struct node *map, enum env_layer layer,
                            struct job_configuration *c)
{
    static const char *const TYPES[] = {"DEFAULT", "EMPTY"};
    static const char *const KNOWN[] = {"jobType", "environmentVariables", "commandLineArguments",
                                        "maximumRuntimeInMinutes", "startupProbeDetails"};
    AUTO_FREE char *arguments = NULL;
    const struct node *env;

    check_keys(rd, map, KNOWN, ARRAY_SIZE(KNOWN));
    (void)field_choice(rd, map, "jobType", TYPES, ARRAY_SIZE(TYPES));
    env = field_map(rd, map, "environmentVariables");
    if (env != NULL)
        read_env_map(rd, env, layer, &c->env);
    field_string(rd, map, "commandLineArguments", &arguments);
    if (arguments != NULL)
        configuration_set_arguments(rd, c, arguments, field(rd, map, "commandLineArguments"));
    configuration_read_minutes(rd, c, map);
    probe_read(rd, field_map(rd, map, "startupProbeDetails"), &c->probe);
}

void oci_read_container(struct reader *rd, const struct node *map, struct job_configuration *c)
{
    static const char *const TYPES[] = {"OCIR_CONTAINER"};
    static const char *const KNOWN[] = {"jobEnvironmentType", "image",       "cmd",
                                        "entrypoint",         "imageDigest", "imageSignatureId"};
    struct container_details *d;

    check_keys(rd, map, KNOWN, ARRAY_SIZE(KNOWN));
    (void)field_choice(rd, map, "jobEnvironmentType", TYPES, ARRAY_SIZE(TYPES));
    d = calloc(1, sizeof(*d));
    if (d == NULL) {
        rd->no_memory = true;
        return;
    }
    container_free(c->container);
    c->container = d;
    field_string(rd, map, "image", &d->image);
    field_string(rd, map, "imageDigest", &d->image_digest);
    field_string(rd, map, "imageSignatureId", &d->image_signature_id);
    field_strings(rd, map, "cmd", &d->cmd);
    field_strings(rd, map, "entrypoint", &d->entrypoint);
    check_container(rd, d, map);
}

/* ---- infrastructure, log, nodes ---- */

static void read_shape(struct reader *rd, const struct node *map, struct infrastructure *infra)
{
    static const char *const BASELINES[] = {"BASELINE_1_8", "BASELINE_1_2", "BASELINE_1_1"};
    static const char *const KNOWN[] = {"ocpus", "memoryInGBs", "cpuBaseline"};

    if (map == NULL)
        return;
    check_keys(rd, map, KNOWN, ARRAY_SIZE(KNOWN));
    field_real(rd, map, "ocpus", &infra->ocpus);
    field_real(rd, map, "memoryInGBs", &infra->memory_gb);
    (void)field_choice(rd, map, "cpuBaseline", BASELINES, ARRAY_SIZE(BASELINES));
}

void oci_read_infrastructure(struct reader *rd, const struct node *map, struct infrastructure *infra)
{
    static const char *const KNOWN[] = {"jobInfrastructureType",
                                        "shapeName",
                                        "subnetId",
                                        "blockStorageSizeInGBs",
                                        "jobShapeConfigDetails",
                                        "computeTargetId",
                                        "resourceConfiguration"};
    int type =
        field_choice(rd, map, "jobInfrastructureType", INFRASTRUCTURE_TYPES, INFRASTRUCTURE_TYPE_COUNT);

    check_keys(rd, map, KNOWN, ARRAY_SIZE(KNOWN));
    if (type >= 0)
        assign(rd, &infra->type, INFRASTRUCTURE_TYPES[type]);
    field_string(rd, map, "shapeName", &infra->shape_name);
    field_int(rd, map, "blockStorageSizeInGBs", BLOCK_STORAGE_GB_MIN, BLOCK_STORAGE_GB_MAX,
              &infra->block_storage_gb);
    read_shape(rd, field_map(rd, map, "jobShapeConfigDetails"), infra);
    if (type >= 0 && type <= 2 && infra->shape_name == NULL)
        diag_warning(rd->diags, node_where(map), "the service needs 'shapeName' here");
}

static void read_log(struct reader *rd, const struct node *map, struct job *job)
{
    static const char *const KNOWN[] = {"enableLogging", "enableAutoLogCreation", "logGroupId", "logId"};

    check_keys(rd, map, KNOWN, ARRAY_SIZE(KNOWN));
    field_bool(rd, map, "enableLogging", &job->enable_logging);
    field_bool(rd, map, "enableAutoLogCreation", &job->enable_auto_log_creation);
    field_string(rd, map, "logGroupId", &job->log_group_id);
    field_string(rd, map, "logId", &job->log_id);
}

/* ---- the documents ---- */

static bool expect_map(struct reader *rd, const struct node *root, const char *what)
{
    if (root == NULL || root->kind != NODE_MAP) {
        diag_error(rd->diags, root != NULL ? node_where(root) : (struct diag_where){0},
                   "expected %s, found %s", what, root != NULL ? node_kind_name(root->kind) : "nothing");
        return false;
    }
    return true;
}

static void read_display_name(struct reader *rd, const struct node *root, char **ret)
{
    field_string(rd, root, "displayName", ret);
    if (*ret != NULL && field(rd, root, "displayName") != NULL)
        check_name(rd, *ret, field(rd, root, "displayName"));
}

int oci_read_job(const struct node *root, struct job_request *request, struct diag_list *diags)
{
    static const char *const KNOWN[] = {"id",
                                        "timeCreated",
                                        "createdBy",
                                        "projectId",
                                        "compartmentId",
                                        "tenancyId",
                                        "jobConfigurationDetails",
                                        "jobInfrastructureConfigurationDetails",
                                        "lifecycleState",
                                        "displayName",
                                        "description",
                                        "jobEnvironmentConfigurationDetails",
                                        "jobLogConfigurationDetails",
                                        "jobStorageMountConfigurationDetailsList",
                                        "jobNodeConfigurationDetails",
                                        "lifecycleDetails",
                                        "freeformTags",
                                        "definedTags",
                                        "systemTags",
                                        "x-runlet"};
    struct reader rd = reader_begin(diags, KEYS_API);
    struct job *job = &request->job;
    const struct node *n;

    configuration_init(&job->configuration);
    configuration_init(&request->run.overrides);
    if (job->infra.block_storage_gb == 0)
        job->infra.block_storage_gb = -1;
    if (!expect_map(&rd, root, "an OCI Job"))
        return reader_end(&rd);
    check_keys(&rd, root, KNOWN, ARRAY_SIZE(KNOWN));
    field_string(&rd, root, "id", &job->id);
    read_display_name(&rd, root, &job->display_name);
    field_string(&rd, root, "projectId", &job->project_id);
    field_string(&rd, root, "compartmentId", &job->compartment_id);
    field_string(&rd, root, "tenancyId", &job->tenancy_id);
    if ((n = field_map(&rd, root, "jobConfigurationDetails")) != NULL) {
        oci_read_configuration(&rd, n, ENV_JOB, &job->configuration);
        conda_note(&rd, request, n);
    }
    if ((n = field_map(&rd, root, "jobInfrastructureConfigurationDetails")) != NULL)
        oci_read_infrastructure(&rd, n, &job->infra);
    if ((n = field_map(&rd, root, "jobEnvironmentConfigurationDetails")) != NULL) {
        oci_read_container(&rd, n, &job->configuration);
        request->runtime = RUNTIME_CONTAINER;
    }
    if ((n = field_map(&rd, root, "jobLogConfigurationDetails")) != NULL)
        read_log(&rd, n, job);
    if ((n = field_list(&rd, root, "jobStorageMountConfigurationDetailsList")) != NULL)
        mounts_read_oci(&rd, n, &job->configuration);
    if ((n = field_map(&rd, root, "jobNodeConfigurationDetails")) != NULL)
        nodes_read(&rd, n, request);
    x_runlet_read(&rd, root, &job->configuration.x);
    sources_read(&rd, root, true, request);
    return reader_end(&rd);
}

static void read_overrides(struct reader *rd, const struct node *root, struct job_request *request)
{
    struct job_configuration *c = &request->run.overrides;
    const struct node *n;

    if ((n = field_map(rd, root, "jobConfigurationOverrideDetails")) != NULL)
        oci_read_configuration(rd, n, ENV_RUN, c);
    if ((n = field_map(rd, root, "jobEnvironmentConfigurationOverrideDetails")) != NULL) {
        oci_read_container(rd, n, c);
        request->runtime = RUNTIME_CONTAINER;
    }
    if ((n = field_list(rd, root, "jobStorageMountConfigurationOverrideDetailsList")) != NULL)
        mounts_read_oci(rd, n, c);
    if ((n = field_map(rd, root, "jobInfrastructureConfigurationOverrideDetails")) != NULL)
        oci_read_infrastructure(rd, n, &request->job.infra);
    if ((n = field_map(rd, root, "jobLogConfigurationOverrideDetails")) != NULL)
        read_log(rd, n, &request->job);
    if ((n = field_map(rd, root, "jobNodeConfigurationOverrideDetails")) != NULL)
        nodes_read_overrides(rd, n, request);
    x_runlet_read(rd, root, &c->x);
    sources_refuse(rd, root);
}

int oci_read_job_run(const struct node *root, struct job_request *request, struct diag_list *diags)
{
    static const char *const KNOWN[] = {"id",
                                        "timeAccepted",
                                        "createdBy",
                                        "projectId",
                                        "compartmentId",
                                        "jobId",
                                        "jobConfigurationOverrideDetails",
                                        "jobInfrastructureConfigurationDetails",
                                        "lifecycleState",
                                        "timeStarted",
                                        "timeFinished",
                                        "displayName",
                                        "jobEnvironmentConfigurationOverrideDetails",
                                        "jobLogConfigurationOverrideDetails",
                                        "jobStorageMountConfigurationDetailsList",
                                        "jobStorageMountConfigurationOverrideDetailsList",
                                        "logDetails",
                                        "jobInfrastructureConfigurationOverrideDetails",
                                        "jobNodeConfigurationOverrideDetails",
                                        "nodeGroupDetailsList",
                                        "lifecycleDetails",
                                        "freeformTags",
                                        "definedTags",
                                        "systemTags",
                                        "x-runlet"};
    struct reader rd = reader_begin(diags, KEYS_API);
    struct job_run *run = &request->run;

    configuration_init(&request->job.configuration);
    configuration_init(&run->overrides);
    if (request->job.infra.block_storage_gb == 0)
        request->job.infra.block_storage_gb = -1;
    if (!expect_map(&rd, root, "an OCI JobRun"))
        return reader_end(&rd);
    check_keys(&rd, root, KNOWN, ARRAY_SIZE(KNOWN));
    field_string(&rd, root, "id", &run->id);
    if (run->id != NULL && !run_id_valid(run->id))
        diag_error(diags, node_where(field(&rd, root, "id")),
                   "'%.60s' cannot be a run's id: expected letters, digits, '.', '_' and '-', at most 200",
                   run->id);
    read_display_name(&rd, root, &run->display_name);
    field_string(&rd, root, "jobId", &run->job_id);
    field_string(&rd, root, "projectId", &run->project_id);
    field_string(&rd, root, "compartmentId", &run->compartment_id);
    read_overrides(&rd, root, request);
    return reader_end(&rd);
}
