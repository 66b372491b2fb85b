/* ads.c - see read.h: the frame of an ADS job YAML and its infrastructure. */
#include "job/ads.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "format/known.h"
#include "job/read.h"

/* ---- infrastructure ---- */

static void read_shape(struct reader *rd, const struct node *map, struct job *job)
{
    static const char *const KNOWN[] = {"memoryInGBs", "ocpus", "cpuBaseline"};

    if (map == NULL)
        return;
    check_keys(rd, map, KNOWN, ARRAY_SIZE(KNOWN));
    field_real(rd, map, "ocpus", &job->infra.ocpus);
    field_real(rd, map, "memoryInGBs", &job->infra.memory_gb);
}

/* ADS logs when a log or a group is named, and makes a log of its own when only the group is. */
static void read_log(struct reader *rd, const struct node *spec, struct job *job)
{
    field_text(rd, spec, "logId", &job->log_id);
    field_text(rd, spec, "logGroupId", &job->log_group_id);
    job->enable_logging = job->log_id != NULL || job->log_group_id != NULL;
    job->enable_auto_log_creation = job->log_group_id != NULL && job->log_id == NULL;
}

static void read_infrastructure_spec(struct reader *rd, const struct node *spec, struct job *job)
{
    static const char *const KNOWN[] = {"projectId",
                                        "compartmentId",
                                        "displayName",
                                        "jobType",
                                        "jobInfrastructureType",
                                        "shapeName",
                                        "blockStorageSize",
                                        "subnetId",
                                        "shapeConfigDetails",
                                        "logId",
                                        "logGroupId",
                                        "storageMount",
                                        "freeformTags",
                                        "definedTags",
                                        "id"};
    const struct node *mounts;
    int type;

    check_keys(rd, spec, KNOWN, ARRAY_SIZE(KNOWN));
    field_text(rd, spec, "projectId", &job->project_id);
    field_text(rd, spec, "compartmentId", &job->compartment_id);
    field_text(rd, spec, "shapeName", &job->infra.shape_name);
    type = field_choice(rd, spec, "jobInfrastructureType", INFRASTRUCTURE_TYPES, INFRASTRUCTURE_TYPE_COUNT);
    if (field(rd, spec, "subnetId") != NULL)
        assign(rd, &job->infra.type, "STANDALONE");
    else
        assign(rd, &job->infra.type, type >= 0 ? INFRASTRUCTURE_TYPES[type] : "ME_STANDALONE");
    field_int(rd, spec, "blockStorageSize", BLOCK_STORAGE_GB_MIN, BLOCK_STORAGE_GB_MAX,
              &job->infra.block_storage_gb);
    read_shape(rd, field_map(rd, spec, "shapeConfigDetails"), job);
    read_log(rd, spec, job);
    mounts = field_list(rd, spec, "storageMount");
    if (mounts != NULL)
        mounts_read_ads(rd, mounts, &job->configuration);
}

static void read_infrastructure(struct reader *rd, const struct node *map, struct job *job)
{
    static const char *const KNOWN[] = {"kind", "type", "apiVersion", "spec"};
    const struct node *type = field(rd, map, "type");
    const struct node *spec = field_map(rd, map, "spec");

    check_keys(rd, map, KNOWN, ARRAY_SIZE(KNOWN));
    if (type == NULL || (type->kind == NODE_STRING && strcmp(type->text, "dataScienceJob") == 0)) {
        if (spec != NULL)
            read_infrastructure_spec(rd, spec, job);
    } else if (type->kind == NODE_STRING && strncmp(type->text, "dataFlow", 8) == 0) {
        diag_error(rd->diags, node_where(type), "'%.40s' is the OCI Data Flow (Spark) service, not a job",
                   type->text);
    } else {
        diag_error(rd->diags, node_where(type), "infrastructure: expected type dataScienceJob");
    }
}

/* ---- the name ---- */

/* The length of a variable's name at p, as Python's string.Template sees it. */
static size_t name_length(const char *p)
{
    size_t n = 0;

    if (!isalpha((unsigned char)*p) && *p != '_')
        return 0;
    while (isalnum((unsigned char)p[n]) || p[n] == '_')
        n++;
    return n;
}

/* $NAME and ${NAME} from the job's own variables; `$$` is `$`; what is unknown stays. */
static void substitute_name(struct ads *ads, const char *name, const struct node *at)
{
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(64U * 1024);
    const struct env *env = &ads->request->job.configuration.env;

    for (const char *p = name; *p != '\0';) {
        bool brace = p[0] == '$' && p[1] == '{';
        const char *start = p + 1 + brace;
        size_t n = *p == '$' ? name_length(start) : 0;
        const char *value = NULL;
        if (p[0] == '$' && p[1] == '$') {
            strbuf_addch(&out, '$');
            p += 2;
            continue;
        }
        if (n > 0 && (!brace || start[n] == '}')) {
            AUTO_FREE char *variable = strndup(start, n);
            value = variable != NULL ? env_value(env, variable) : NULL;
        }
        if (value == NULL) {
            strbuf_addch(&out, *p++);
            continue;
        }
        strbuf_addstr(&out, value);
        p = start + n + brace;
    }
    check_name(&ads->rd, strbuf_str(&out), at);
    assign(&ads->rd, &ads->request->job.display_name, strbuf_str(&out));
}

static void read_name(struct ads *ads, const struct node *root, const struct node *spec)
{
    const struct node *holder = field(&ads->rd, spec, "name") != NULL ? spec : root;
    AUTO_FREE char *name = NULL;

    field_text(&ads->rd, holder, "name", &name);
    if (name != NULL && name[0] != '\0')
        substitute_name(ads, name, field(&ads->rd, holder, "name"));
}

/* ---- the frame ---- */

static void read_spec(struct ads *ads, const struct node *root, const struct node *spec)
{
    static const char *const KNOWN[] = {"id", "name", "infrastructure", "runtime", "x-runlet"};
    struct reader *rd = &ads->rd;
    struct job *job = &ads->request->job;
    const struct node *infrastructure;
    const struct node *runtime;

    check_keys(rd, spec, KNOWN, ARRAY_SIZE(KNOWN));
    field_text(rd, spec, "id", &job->id);
    x_runlet_read(rd, spec, &job->configuration.x);
    infrastructure = field_map(rd, spec, "infrastructure");
    if (infrastructure != NULL)
        read_infrastructure(rd, infrastructure, job);
    runtime = field_map(rd, spec, "runtime");
    if (runtime != NULL)
        ads_read_runtime(ads, runtime);
    else if (field(rd, spec, "runtime") == NULL)
        diag_error(rd->diags, node_where(spec), "'runtime' is missing: it says what to run");
    sources_read(rd, spec, false, ads->request);
    read_name(ads, root, spec);
}

int ads_read_job(const struct node *root, const char *base_dir, struct job_request *request,
                 struct diag_list *diags)
{
    static const char *const KNOWN[] = {"kind", "apiVersion", "spec", "name"};
    struct ads ads = {.rd = reader_begin(diags, KEYS_SNAKE), .request = request, .base_dir = base_dir};
    const struct node *kind;
    const struct node *spec;
    const struct node *stray;

    configuration_init(&request->job.configuration);
    configuration_init(&request->run.overrides);
    request->job.infra.block_storage_gb = -1;
    if (root == NULL || root->kind != NODE_MAP) {
        diag_error(diags, root != NULL ? node_where(root) : (struct diag_where){0},
                   "expected an ADS job (kind: job), found %s",
                   root != NULL ? node_kind_name(root->kind) : "nothing");
        return reader_end(&ads.rd);
    }
    kind = field(&ads.rd, root, "kind");
    if (kind == NULL || kind->kind != NODE_STRING ||
        (strcmp(kind->text, "job") != 0 && strcmp(kind->text, "jobRun") != 0))
        diag_error(diags, node_where(kind != NULL ? kind : root), "expected 'kind: job'");
    /* A limit in the wrong place must not go unnoticed. */
    stray = node_get(root, "x-runlet");
    if (stray != NULL)
        diag_error(diags, node_key_where(stray), "'x-runlet' belongs under 'spec' or 'spec.runtime.spec'");
    else
        check_keys(&ads.rd, root, KNOWN, ARRAY_SIZE(KNOWN));
    spec = field_map(&ads.rd, root, "spec");
    if (spec != NULL)
        read_spec(&ads, root, spec);
    else if (field(&ads.rd, root, "spec") == NULL)
        diag_error(diags, node_where(root), "'spec' is missing");
    return reader_end(&ads.rd);
}
