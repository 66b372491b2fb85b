/* ads_runtime.c - see ads.h: which runtime it is, and the container one. */
#include "job/ads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "format/known.h"

#define COMMON_KEYS "env", "args", "maximumRuntimeInMinutes", "freeformTags", "definedTags", "x-runlet"
#define CODE_KEYS   "conda", "entrypoint", "entryFunction", "workingDir", "pythonPath", "outputDir", "outputUri"

struct runtime_type {
    const char *name;
    enum job_runtime runtime;
    void (*read)(struct ads *ads);
    const char *known[24];
};

static const struct runtime_type TYPES[] = {
    {"script", RUNTIME_ARTIFACT, ads_read_script, {COMMON_KEYS, "conda", "scriptPathURI", "entrypoint"}},
    {"python", RUNTIME_PYTHON, ads_read_python, {COMMON_KEYS, CODE_KEYS, "scriptPathURI"}},
    {"notebook",
     RUNTIME_NOTEBOOK,
     ads_read_notebook,
     {COMMON_KEYS, "conda", "notebookPathURI", "notebookEncoding", "outputUri", "outputURI", "excludeTags",
      "source", "entrypoint"}},
    {"gitPython",
     RUNTIME_GIT_PYTHON,
     ads_read_git,
     {COMMON_KEYS, CODE_KEYS, "url", "branch", "commit", "gitSecretId", "skipMetadataUpdate", "codeDir"}},
    {"container",
     RUNTIME_CONTAINER,
     ads_read_container,
     {COMMON_KEYS, "conda", "image", "entrypoint", "cmd", "imageDigest", "imageSignatureId", "scriptPathURI",
      "replicas"}},
    {"pyTorchDistributed",
     RUNTIME_PYTORCH,
     ads_read_pytorch,
     {COMMON_KEYS, CODE_KEYS, "scriptPathURI", "git", "inputs", "dependencies", "command", "replicas",
      "deepspeed"}},
};

static const struct runtime_type *read_type(struct reader *rd, const struct node *runtime)
{
    const char *names[ARRAY_SIZE(TYPES)];
    const struct node *type = field(rd, runtime, "type");
    const char *nearest;

    if (type == NULL || type->kind != NODE_STRING) {
        diag_error(rd->diags, node_where(type != NULL ? type : runtime),
                   "a runtime needs 'type', such as script or python");
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_SIZE(TYPES); i++) {
        names[i] = TYPES[i].name;
        if (strcmp(type->text, TYPES[i].name) == 0)
            return &TYPES[i];
    }
    nearest = known_nearest(type->text, names, ARRAY_SIZE(names));
    if (strncmp(type->text, "dataFlow", 8) == 0)
        diag_error(rd->diags, node_where(type),
                   "'%.40s' runs on the OCI Data Flow (Spark) service, not as a job", type->text);
    else
        diag_error(rd->diags, node_where(type),
                   "unknown runtime type '%.60s': expected script, python, notebook, gitPython, container or "
                   "pyTorchDistributed%s%s%s",
                   type->text, nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
                   nearest != NULL ? "'?" : "");
    return NULL;
}

void ads_read_runtime(struct ads *ads, const struct node *runtime)
{
    static const char *const FRAME[] = {"kind", "type", "apiVersion", "spec"};
    struct reader *rd = &ads->rd;
    struct job_configuration *c = &ads->request->job.configuration;
    const struct runtime_type *type = read_type(rd, runtime);
    size_t known = 0;

    check_keys(rd, runtime, FRAME, ARRAY_SIZE(FRAME));
    ads->runtime = field_map(rd, runtime, "spec");
    if (ads->runtime == NULL) {
        if (field(rd, runtime, "spec") == NULL)
            diag_error(rd->diags, node_where(runtime), "'spec' of the runtime is missing");
        return;
    }
    if (type == NULL)
        return;
    ads->request->runtime = type->runtime;
    while (known < ARRAY_SIZE(type->known) && type->known[known] != NULL)
        known++;
    check_keys(rd, ads->runtime, type->known, known);
    ads_read_env(ads);
    ads_read_args(ads);
    ads_read_conda(ads);
    configuration_read_minutes(rd, c, ads->runtime);
    x_runlet_read(rd, ads->runtime, &c->x);
    type->read(ads);
    sources_read(rd, ads->runtime, false, ads->request);
    configuration_check_env(
        rd, &c->env, field(rd, ads->runtime, "env") != NULL ? field(rd, ads->runtime, "env") : ads->runtime);
}

/* ---- nodes, and images ---- */

void ads_read_replicas(struct ads *ads)
{
    char count[24];
    int64_t replicas = 0;

    field_int(&ads->rd, ads->runtime, "replicas", 1, CLUSTER_NODES_MAX, &replicas);
    if (replicas == 0)
        return;
    /* As ADS makes of it: one group, of which all must succeed. */
    if (replicas > 1)
        (void)nodes_add_group(&ads->rd, &ads->request->job, ADS_GROUP, replicas,
                              field(&ads->rd, ads->runtime, "replicas"));
    else
        ads->request->job.replicas = 1;
    ads->request->job.multi_node = replicas > 1;
    (void)snprintf(count, sizeof(count), "%lld", (long long)replicas);
    ads_set(ads, "NODE_COUNT", count, ads->runtime);
}

/* A list, or as ADS takes it too, one string with commas. */
static void read_command(struct ads *ads, const char *key, struct strlist *ret)
{
    const struct node *n = field(&ads->rd, ads->runtime, key);

    if (n == NULL || n->kind != NODE_STRING) {
        field_strings(&ads->rd, ads->runtime, key, ret);
        return;
    }
    for (const char *p = n->text;; p++) {
        size_t length = strcspn(p, ",");
        const char *next = p + length;
        while (length > 0 && strchr(" \t\n", p[length - 1]) != NULL)
            length--;
        while (length > 0 && strchr(" \t\n", *p) != NULL) {
            p++;
            length--;
        }
        if (strlist_addn(ret, p, length) < 0)
            ads->rd.no_memory = true;
        p = next;
        if (*p == '\0')
            return;
    }
}

void ads_read_container(struct ads *ads)
{
    struct reader *rd = &ads->rd;
    struct container_details *d = calloc(1, sizeof(*d));
    AUTO_FREE char *path = NULL;
    AUTO_FREE char *name = NULL;
    enum artifact_form form;

    ads_read_replicas(ads);
    if (d == NULL) {
        rd->no_memory = true;
        return;
    }
    ads->request->job.configuration.container = d;
    field_text(rd, ads->runtime, "image", &d->image);
    field_text(rd, ads->runtime, "imageDigest", &d->image_digest);
    field_text(rd, ads->runtime, "imageSignatureId", &d->image_signature_id);
    read_command(ads, "entrypoint", &d->entrypoint);
    read_command(ads, "cmd", &d->cmd);
    check_container(rd, d, ads->runtime);
    path = ads_source(ads, "scriptPathURI");
    name = ads_source_name(ads, "scriptPathURI", path);
    if (name == NULL)
        return;
    form = artifact_guess(name);
    if (artifact_add(&ads->request->artifact, form, path, name, form == ARTIFACT_FILE ? "" : INTO_ARCHIVE) <
        0)
        rd->no_memory = true;
    else
        assign(rd, &ads->request->artifact.file_name, name);
}
