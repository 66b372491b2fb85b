/* plan_build.c - see plan_build.h. */
#include "launch/plan_build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "job/image.h"
#include "base/object_location.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define JOB_UMASK    0022
/* The job goes before the agent and everything else of the system when memory runs out. */
#define JOB_OOM_SCORE 500

static int copy(char **to, const char *from, struct err *e)
{
    *to = strdup(from);
    return *to != NULL ? 0 : err_oom(e);
}

static int add_placements(const struct artifact *artifact, struct plan *p, struct err *e)
{
    if (artifact->count == 0 && !plan_has_image(p))
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "the job has no artifact: there is nothing to execute");
    for (size_t i = 0; i < artifact->count; i++) {
        const struct artifact_part *part = &artifact->part[i];
        struct placement *to = &p->placement[p->placement_count++];
        bool archive = part->form == ARTIFACT_ARCHIVE || part->form == ARTIFACT_DIRECTORY;
        int r = copy(&to->name, part->name, e);
        if (r == 0)
            r = copy(&to->into, part->into != NULL ? part->into : "", e);
        if (r < 0)
            return r;
        to->form = archive ? PLACE_ARCHIVE : PLACE_FILE;
    }
    return 0;
}

/* In an image the command is the image's and the job's; the artifact, where there is one, is a file beside it. */
static int add_image(const struct run_spec *spec, struct plan *p, struct err *e)
{
    const struct image_config *image = spec->image;

    if (copy(&p->image, spec->container->image, e) < 0 ||
        image_command(image, spec->container, &spec->args, &p->args, e) < 0)
        return e->code;
    if (image == NULL)
        return 0;
    if (copy(&p->image_digest, image->digest, e) < 0 ||
        (image->user != NULL && copy(&p->image_user, image->user, e) < 0))
        return e->code;
    return image->directory != NULL ? copy(&p->directory, image->directory, e) : 0;
}

/* A single file in the home is its own entry; everything else is an archive with an entrypoint in it. */
static int add_entry(const struct artifact *artifact, const struct run_spec *spec, struct plan *p,
                     struct err *e)
{
    const struct placement *code = NULL;
    size_t count = 0;
    bool single;

    if (spec->container != NULL)
        return add_image(spec, p, e);
    for (size_t i = 0; i < p->placement_count; i++)
        if (!artifact->part[i].input) {
            code = &p->placement[i];
            count++;
        }
    if (code == NULL)
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT,
                       "the job has inputs, but no artifact: there is nothing to execute");
    single = count == 1 && code->form == PLACE_FILE && code->into[0] == '\0';
    p->entry_kind = single ? ENTRY_FILE : ENTRY_ARCHIVE;
    if (single)
        return copy(&p->entrypoint, code->name, e);
    return spec->entrypoint != NULL ? copy(&p->entrypoint, spec->entrypoint, e) : 0;
}

static int add_variables(const struct run_spec *spec, struct plan *p, struct err *e)
{
    const struct strlist none = {0};
    const struct strlist *image = spec->image != NULL ? &spec->image->env : &none;

    for (size_t i = 0; i < spec->env.count; i++)
        if (env_set(&p->env, spec->env.var[i].layer, spec->env.var[i].key, spec->env.var[i].value) < 0)
            return err_oom(e);
    for (size_t i = 0; i < image->count; i++) {
        AUTO_FREE char *key = strdup(image->item[i]);
        char *equals = key != NULL ? strchr(key, '=') : NULL;
        if (key == NULL)
            return err_oom(e);
        if (equals == NULL)
            continue;
        *equals = '\0';
        /* A name that no job may give a variable is none that a shell could read. */
        if (env_key_valid(key) && env_set(&p->env, ENV_IMAGE, key, equals + 1) < 0)
            return err_oom(e);
    }
    return 0;
}

static int add_environment(const struct run_spec *spec, const struct launch_settings *settings,
                           struct plan *p, struct err *e)
{
    AUTO_FREE char *path = NULL;
    bool image = plan_has_image(p);
    /* Who the image's user is only the image knows, and which shell it has. */
    const char *user = image ? NULL : settings->as_root ? "root" : settings->job_user;
    const struct {
        const char *key, *value;
    } defaults[] = {
        {"HOME", JOB_HOME},
        {"USER", user},
        {"LOGNAME", user},
        {"SHELL", image ? NULL : "/bin/bash"},
        {"LANG", "C.UTF-8"},
        {"TMPDIR", "/tmp"},
        /* Lines reach the log when they are printed, also those of a job that is killed. */
        {"PYTHONUNBUFFERED", "1"},
        {"CONDA_PREFIX", spec->conda_prefix},
        {"RUNLET_NOTICE_FILE", JOB_NOTICE_FILE},
        {"RUNLET_CHECKPOINT_FILE", JOB_CHECKPOINT_FILE},
    };

    if (add_variables(spec, p, e) < 0)
        return e->code;
    for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
        if (defaults[i].value != NULL &&
            env_set(&p->env, ENV_DEFAULT, defaults[i].key, defaults[i].value) < 0)
            return err_oom(e);
    if (spec->conda_prefix == NULL)
        return env_set(&p->env, ENV_DEFAULT, "PATH", DEFAULT_PATH) < 0 ? err_oom(e) : 0;
    if (asprintf(&path, "%s/bin:%s", spec->conda_prefix, DEFAULT_PATH) < 0)
        return err_oom(e);
    return env_set(&p->env, ENV_DEFAULT, "PATH", path) < 0 ? err_oom(e) : 0;
}

static int add_interpreters(const struct run_spec *spec, const struct launch_settings *settings,
                            struct plan *p, struct err *e)
{
    AUTO_FREE char *python = NULL;

    if (spec->conda_prefix != NULL && asprintf(&python, "%s/bin/python", spec->conda_prefix) < 0)
        return err_oom(e);
    if (spec->conda_prefix != NULL && copy(&p->conda_prefix, spec->conda_prefix, e) < 0)
        return e->code;
    if (copy(&p->python, python != NULL ? python : settings->python, e) < 0 ||
        copy(&p->bash, settings->bash, e) < 0 || copy(&p->java, settings->java, e) < 0)
        return e->code;
    return 0;
}

static int add_sandbox(const struct run_sandbox *asked, struct plan *p, struct err *e)
{
    p->sandbox.network_off = asked->network_off;
    p->sandbox.user_namespace = asked->user_namespace;
    p->sandbox.learn = asked->learn;
    if (strlist_addall(&p->sandbox.system_calls, &asked->system_calls) < 0 ||
        strlist_addall(&p->sandbox.devices, &asked->devices) < 0)
        return err_oom(e);
    return 0;
}

/* ---- storage ---- */

/* What an OCID stands for on this node, owned; NULL when nobody said. */
static char *export_of(const char *exports, const char *ocid)
{
    size_t n = strlen(ocid);

    for (const char *at = exports != NULL ? exports : ""; *(at += strspn(at, " ")) != '\0';) {
        size_t m = strcspn(at, " ");
        if (m > n && memcmp(at, ocid, n) == 0 && at[n] == '=')
            return strndup(at + n + 1, m - n - 1);
        at += m;
    }
    return NULL;
}

/* An address or a path as it was given, or what its OCID stands for. */
static int resolve_part(const char *text, const char *exports, const char *what, char **ret, struct err *e)
{
    if (strncmp(text, "ocid", 4) != 0)
        return copy(ret, text, e);
    *ret = export_of(exports, text);
    if (*ret != NULL)
        return 0;
    return err_set(e, -ENOTSUP, BLAME_ASSIGNMENT,
                   "this node does not know the %s %.120s: nfs.exports in its configuration must say "
                   "%.120s=%s",
                   what, text, text, strcmp(what, "export") == 0 ? "/PATH" : "ADDRESS");
}

/* As one text: a bucket without a namespace is not OCI's. */
static int object_source(const struct storage_mount *m, struct plan_mount *to, struct err *e)
{
    const char *prefix = m->prefix != NULL ? m->prefix : "";
    const char *name = m->namespace_name != NULL ? m->namespace_name : "";

    to->kind = MOUNT_OBJECTS;
    prefix += strspn(prefix, "/");
    if (asprintf(&to->source, "%s://%s%s%s%s%s", name[0] != '\0' ? "oci" : "s3", m->bucket,
                 name[0] != '\0' ? "@" : "", name, prefix[0] != '\0' ? "/" : "", prefix) < 0) {
        to->source = NULL;
        return err_oom(e);
    }
    if (!object_location_valid(to->source))
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT,
                       "%s: '%.200s' is not a bucket of letters, digits, '-', '_' and '.', and a prefix "
                       "without empty parts",
                       to->target, to->source);
    return 0;
}

static int add_mount(const struct storage_mount *m, const char *exports, struct plan *p, struct err *e)
{
    const char *path = m->destination_path != NULL ? m->destination_path : "/mnt";
    struct plan_mount *to = &p->mount[p->mount_count++];
    AUTO_FREE char *address = NULL;
    AUTO_FREE char *export_path = NULL;

    if (asprintf(&to->target, "%s%s%s", path, path[strlen(path) - 1] == '/' ? "" : "/",
                 m->destination_directory) < 0) {
        to->target = NULL;
        return err_oom(e);
    }
    to->read_only = m->read_only;
    if (m->object_storage)
        return object_source(m, to, e);
    if (resolve_part(m->mount_target_id, exports, "mount target", &address, e) < 0 ||
        resolve_part(m->export_id, exports, "export", &export_path, e) < 0)
        return err_context(e, "%s", to->target);
    if (asprintf(&to->source, "%s:%s", address, export_path) < 0) {
        to->source = NULL;
        return err_oom(e);
    }
    to->kind = MOUNT_NFS;
    if (!nfs_source_valid(to->source))
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "%s: '%.200s' is not ADDRESS:/EXPORT", to->target,
                       to->source);
    return 0;
}

/* The run's mounts, when it has any, replace the job's. */
static int add_storage(const struct job_request *request, const struct launch_settings *settings,
                       const struct run_outputs *outputs, struct plan *p, struct err *e)
{
    const struct job_configuration *c =
        request->run.overrides.has_mounts ? &request->run.overrides : &request->job.configuration;

    if (run_outputs_addall(&p->outputs, outputs) < 0)
        return err_oom(e);
    if (request->job.infra.block_storage_gb > 0)
        p->volume_bytes = request->job.infra.block_storage_gb << 30;
    for (size_t i = 0; i < c->mount_count; i++)
        if (add_mount(&c->mount[i], settings->exports, p, e) < 0)
            return e->code;
    return 0;
}

static int add_nodes(const struct job_request *request, const struct run_spec *spec, struct plan *p,
                     struct err *e)
{
    p->probe.initial_delay_s = spec->probe.initial_delay_s;
    p->probe.period_s = spec->probe.period_s;
    p->probe.failure_threshold = spec->probe.failure_threshold;
    if (strlist_addall(&p->probe.command, &spec->probe.command) < 0 ||
        cluster_addall(&p->cluster, &request->cluster) < 0)
        return err_oom(e);
    return 0;
}

int plan_build(const struct job_request *request, const struct run_spec *spec,
               const struct launch_settings *settings, int64_t epoch, struct plan *ret, struct err *e)
{
    struct plan p = {.epoch = epoch,
                     .as_root = settings->as_root && spec->container == NULL,
                     .entry_kind = spec->container != NULL ? ENTRY_IMAGE : ENTRY_FILE,
                     .maximum_runtime_ms = spec->maximum_runtime_ms,
                     .stop_grace_ms = spec->stop_grace_ms,
                     .stop_signal = spec->stop_signal,
                     .stop_then = spec->stop_then,
                     .stop_whole_tree = spec->stop_whole_tree,
                     .oom_score_adj = JOB_OOM_SCORE,
                     .umask_bits = JOB_UMASK,
                     .limits = spec->limits,
                     .notice_before_ms = spec->notice_before_ms,
                     .notice_signal = spec->notice_signal};
    int r = spec->run_id != NULL ? 0 : err_set(e, -EINVAL, BLAME_BUG, "the assignment could not be read");

    if (r == 0)
        r = copy(&p.run_id, spec->run_id, e);
    if (r == 0)
        r = copy(&p.job_name, spec->job_name != NULL ? spec->job_name : "", e);
    if (r == 0)
        r = add_placements(&request->artifact, &p, e);
    if (r == 0)
        r = add_entry(&request->artifact, spec, &p, e);
    if (r == 0 && !plan_has_image(&p))
        r = add_interpreters(spec, settings, &p, e);
    if (r == 0 && !plan_has_image(&p))
        r = strlist_addall(&p.args, &spec->args) < 0 ? err_oom(e) : 0;
    if (r == 0)
        r = add_environment(spec, settings, &p, e);
    if (r == 0)
        r = add_sandbox(&spec->sandbox, &p, e);
    if (r == 0)
        r = add_storage(request, settings, &spec->outputs, &p, e);
    if (r == 0)
        r = add_nodes(request, spec, &p, e);
    if (r < 0) {
        plan_free(&p);
        return r;
    }
    *ret = p;
    return 0;
}
