/* nodes.c - see parts.h: jobs of several nodes, and the probes that say when one is ready. */
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "job/parts.h"

/* ---- startup probes ---- */

void probe_read(struct reader *rd, const struct node *map, struct startup_probe *ret)
{
    static const char *const TYPES[] = {"EXEC"};
    static const char *const KNOWN[] = {"jobProbeCheckType", "command", "periodInSeconds", "failureThreshold",
                                        "initialDelayInSeconds"};

    if (map == NULL)
        return;
    check_keys(rd, map, KNOWN, ARRAY_SIZE(KNOWN));
    (void)field_choice(rd, map, "jobProbeCheckType", TYPES, ARRAY_SIZE(TYPES));
    strlist_free(&ret->command);
    ret->initial_delay_s = 0;
    ret->period_s = PROBE_PERIOD_S_DEFAULT;
    ret->failure_threshold = PROBE_FAILURES_DEFAULT;
    field_strings(rd, map, "command", &ret->command);
    if (ret->command.count == 0 || ret->command.item[0][0] == '\0')
        diag_error(rd->diags, node_where(map), "'command' is missing: what tells whether the node is ready");
    else if (ret->command.count > PROBE_COMMAND_WORDS_MAX)
        diag_error(rd->diags, node_where(field(rd, map, "command")), "'command' has more than %d words",
                   PROBE_COMMAND_WORDS_MAX);
    field_int(rd, map, "initialDelayInSeconds", 0, PROBE_DELAY_S_MAX, &ret->initial_delay_s);
    field_int(rd, map, "periodInSeconds", 1, PROBE_PERIOD_S_MAX, &ret->period_s);
    field_int(rd, map, "failureThreshold", 1, PROBE_FAILURES_MAX, &ret->failure_threshold);
}

/* ---- groups ---- */

static struct node_group *find_group(const struct job *job, const char *name)
{
    for (size_t i = 0; i < job->group_count; i++)
        if (strcmp(job->group[i].name, name) == 0)
            return &job->group[i];
    return NULL;
}

struct node_group *nodes_add_group(struct reader *rd, struct job *job, const char *name, int64_t replicas,
                                   const struct node *at)
{
    struct node_group *grown, *added;

    if (job->group_count == JOB_GROUPS_MAX) {
        diag_error(rd->diags, node_where(at), "more than %d groups of nodes", JOB_GROUPS_MAX);
        return NULL;
    }
    if (job->replicas + replicas > CLUSTER_NODES_MAX) {
        diag_error(rd->diags, node_where(at), "more than %d nodes together", CLUSTER_NODES_MAX);
        return NULL;
    }
    grown = realloc(job->group, (job->group_count + 1) * sizeof(*grown));
    if (grown != NULL)
        job->group = grown;
    added = grown != NULL ? &grown[job->group_count] : NULL;
    if (added != NULL)
        *added = (struct node_group){
            .name = strdup(name), .replicas = replicas, .least = replicas, .infra = {.block_storage_gb = -1}};
    if (added == NULL || added->name == NULL) {
        rd->no_memory = true;
        return NULL;
    }
    configuration_init(&added->configuration);
    configuration_init(&added->overrides);
    job->group_count++;
    job->replicas += replicas;
    return added;
}

static bool expect_group(struct reader *rd, const struct node *group)
{
    static const char *const KNOWN[] = {"name",
                                        "replicas",
                                        "minimumSuccessReplicas",
                                        "jobInfrastructureConfigurationDetails",
                                        "jobConfigurationDetails",
                                        "jobEnvironmentConfigurationDetails"};

    if (group->kind != NODE_MAP) {
        wrong_kind(rd, group, "a mapping");
        return false;
    }
    check_keys(rd, group, KNOWN, ARRAY_SIZE(KNOWN));
    return true;
}

/* The name; NULL when it is missing or none, which is reported. */
static char *read_name(struct reader *rd, const struct node *group)
{
    char *name = NULL;

    field_string(rd, group, "name", &name);
    if (name == NULL || name[0] == '\0')
        diag_error(rd->diags, node_where(group), "'name' is missing: what the group of nodes is called");
    else if (!node_group_name_valid(name))
        diag_error(rd->diags, node_where(field(rd, group, "name")),
                   "the name of a group has at most 255 bytes and no control characters");
    else
        return name;
    free(name);
    return NULL;
}

static void read_least(struct reader *rd, const struct node *map, struct node_group *group)
{
    field_int(rd, map, "minimumSuccessReplicas", 1, CLUSTER_NODES_MAX, &group->least);
    if (group->least > group->replicas)
        diag_error(rd->diags, node_where(field(rd, map, "minimumSuccessReplicas")),
                   "'minimumSuccessReplicas': %lld of %lld nodes cannot succeed", (long long)group->least,
                   (long long)group->replicas);
}

/* What the group itself says, laid over what is in *c and *infra. Returns whether it names an image. */
static bool read_members(struct reader *rd, const struct node *map, enum env_layer layer,
                         struct job_configuration *c, struct infrastructure *infra)
{
    const struct node *n;

    if ((n = field_map(rd, map, "jobInfrastructureConfigurationDetails")) != NULL)
        oci_read_infrastructure(rd, n, infra);
    if ((n = field_map(rd, map, "jobConfigurationDetails")) != NULL)
        oci_read_configuration(rd, n, layer, c);
    if ((n = field_map(rd, map, "jobEnvironmentConfigurationDetails")) == NULL)
        return false;
    oci_read_container(rd, n, c);
    return true;
}

static void read_group(struct reader *rd, const struct node *map, struct job *job)
{
    AUTO_FREE char *name = NULL;
    struct node_group *group;
    int64_t replicas = 1;

    if (!expect_group(rd, map))
        return;
    name = read_name(rd, map);
    field_int(rd, map, "replicas", 1, CLUSTER_NODES_MAX, &replicas);
    if (name != NULL && find_group(job, name) != NULL) {
        diag_error(rd->diags, node_where(map), "there is a group '%.60s' already", name);
        return;
    }
    group = nodes_add_group(rd, job, name != NULL ? name : "", replicas, map);
    if (group == NULL)
        return;
    read_least(rd, map, group);
    (void)read_members(rd, map, ENV_JOB, &group->configuration, &group->infra);
}

static void read_network(struct reader *rd, const struct node *map)
{
    static const char *const TYPES[] = {"CUSTOM_NETWORK", "DEFAULT_NETWORK"};
    static const char *const KNOWN[] = {"jobNetworkType", "subnetId"};
    AUTO_FREE char *subnet = NULL;

    if (map == NULL)
        return;
    check_keys(rd, map, KNOWN, ARRAY_SIZE(KNOWN));
    field_string(rd, map, "subnetId", &subnet);
    if (field_choice(rd, map, "jobNetworkType", TYPES, ARRAY_SIZE(TYPES)) == 0 && subnet == NULL)
        diag_error(rd->diags, node_where(map), "'subnetId' is missing: CUSTOM_NETWORK needs it");
}

/* What both documents may have beside the groups. The list of groups, or NULL. */
static const struct node *read_frame(struct reader *rd, const struct node *map, struct job *job,
                                     struct job_configuration *c)
{
    static const char *const TYPES[] = {"MULTI_NODE"};
    static const char *const ORDERS[] = {"IN_ORDER", "IN_PARALLEL"};
    static const char *const KNOWN[] = {"jobNodeType", "startupOrder", "maximumRuntimeInMinutes",
                                        "jobNetworkConfiguration", "jobNodeGroupConfigurationDetailsList"};
    const struct node *groups = field_list(rd, map, "jobNodeGroupConfigurationDetailsList");
    int order;

    check_keys(rd, map, KNOWN, ARRAY_SIZE(KNOWN));
    (void)field_choice(rd, map, "jobNodeType", TYPES, ARRAY_SIZE(TYPES));
    order = field_choice(rd, map, "startupOrder", ORDERS, ARRAY_SIZE(ORDERS));
    if (order >= 0)
        job->in_order = order == 0;
    configuration_read_minutes(rd, c, map);
    read_network(rd, field_map(rd, map, "jobNetworkConfiguration"));
    if (groups != NULL && groups->count == 0)
        diag_error(rd->diags, node_where(groups), "there is no group of nodes");
    return groups;
}

static void take_text(char **to, char **from)
{
    if (*from == NULL)
        return;
    free(*to);
    *to = take_ptr(from);
}

/* What the only group of a job of one node says becomes the job's. */
static void become_group(struct reader *rd, struct job_request *request, struct node_group *group)
{
    struct job_configuration *to = &request->job.configuration, *from = &group->configuration;
    struct infrastructure *infra = &request->job.infra;

    for (size_t i = 0; i < from->env.count; i++)
        if (env_set(&to->env, ENV_JOB, from->env.var[i].key, from->env.var[i].value) < 0)
            rd->no_memory = true;
    take_text(&to->arguments, &from->arguments);
    if (from->maximum_runtime_minutes > 0)
        to->maximum_runtime_minutes = from->maximum_runtime_minutes;
    if (from->container != NULL) {
        container_free(to->container);
        to->container = take_ptr(&from->container);
        request->runtime = RUNTIME_CONTAINER;
    }
    if (from->probe.command.count > 0) {
        strlist_free(&to->probe.command);
        to->probe = from->probe;
        from->probe = (struct startup_probe){0};
    }
    take_text(&infra->type, &group->infra.type);
    take_text(&infra->shape_name, &group->infra.shape_name);
    if (group->infra.block_storage_gb > 0)
        infra->block_storage_gb = group->infra.block_storage_gb;
    if (group->infra.ocpus > 0)
        infra->ocpus = group->infra.ocpus;
    if (group->infra.memory_gb > 0)
        infra->memory_gb = group->infra.memory_gb;
    node_group_clear(group);
}

void nodes_read(struct reader *rd, const struct node *map, struct job_request *request)
{
    struct job *job = &request->job;
    const struct node *groups = read_frame(rd, map, job, &job->configuration);

    for (size_t i = 0; groups != NULL && i < groups->count; i++)
        read_group(rd, groups->item[i], job);
    job->multi_node = job->replicas > 1;
    if (job->replicas == 1 && job->group_count == 1)
        become_group(rd, request, &job->group[--job->group_count]);
}

/* ---- the run's overrides ---- */

static void override_replicas(struct reader *rd, const struct node *map, struct job *job,
                              struct node_group *group)
{
    int64_t replicas = group->replicas;

    field_int(rd, map, "replicas", 1, CLUSTER_NODES_MAX, &replicas);
    if (job->replicas - group->replicas + replicas > CLUSTER_NODES_MAX) {
        diag_error(rd->diags, node_where(map), "more than %d nodes together", CLUSTER_NODES_MAX);
        return;
    }
    /* All had to succeed: all have to. */
    if (group->least == group->replicas)
        group->least = replicas;
    job->replicas += replicas - group->replicas;
    group->replicas = replicas;
    read_least(rd, map, group);
}

static void override_group(struct reader *rd, const struct node *map, struct job_request *request)
{
    AUTO_FREE char *name = NULL;
    struct node_group *group;

    if (!expect_group(rd, map))
        return;
    name = read_name(rd, map);
    if (name == NULL)
        return;
    if (!request->job.multi_node) {
        int64_t replicas = 1;
        field_int(rd, map, "replicas", 1, 1, &replicas);
        if (read_members(rd, map, ENV_RUN, &request->run.overrides, &request->job.infra))
            request->runtime = RUNTIME_CONTAINER;
        return;
    }
    group = find_group(&request->job, name);
    if (group == NULL) {
        diag_error(rd->diags, node_where(field(rd, map, "name")), "the job has no group '%.60s'", name);
        return;
    }
    override_replicas(rd, map, &request->job, group);
    (void)read_members(rd, map, ENV_RUN, &group->overrides, &group->infra);
}

void nodes_read_overrides(struct reader *rd, const struct node *map, struct job_request *request)
{
    struct job *job = &request->job;
    const struct node *groups = read_frame(rd, map, job, &request->run.overrides);

    if (groups != NULL && !job->multi_node && groups->count > 1) {
        diag_error(rd->diags, node_where(groups), "the job has one node, and no groups of them");
        return;
    }
    for (size_t i = 0; groups != NULL && i < groups->count; i++)
        override_group(rd, groups->item[i], request);
    job->multi_node = job->group_count > 0;
}
