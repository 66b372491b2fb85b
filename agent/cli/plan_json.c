/* plan_json.c - the plan as one JSON object; see plan_print.h. */
#include "cli/plan_print.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/auto.h"
#include "cli/secret.h"
#include "wire/entry.h"

/* Every function returns NULL without memory; the setters below take NULL and say so by failing. */
static json_t *strings(const struct strlist *list)
{
    json_t *array = json_array();

    for (size_t i = 0; i < list->count; i++)
        if (json_array_append_new(array, json_string(list->item[i])) < 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *files(const struct plan *plan)
{
    json_t *array = json_array();

    for (size_t i = 0; i < plan->placement_count; i++) {
        const struct placement *p = &plan->placement[i];
        json_t *file = json_pack("{s:s, s:s, s:s++}", "form", p->form == PLACE_ARCHIVE ? "archive" : "file",
                                 "name", p->name, "into", JOB_HOME, p->into[0] != '\0' ? "/" : "", p->into);
        if (json_array_append_new(array, file) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *environment(const struct env *env)
{
    json_t *array = json_array();

    for (size_t i = 0; i < env->count; i++) {
        const struct env_var *var = &env->var[i];
        bool masked = secret_name(var->key);
        json_t *variable =
            json_pack("{s:s, s:s, s:s, s:b}", "name", var->key, "value", masked ? SECRET_MASK : var->value,
                      "layer", env_layer_name(var->layer), "masked", (int)masked);
        if (json_array_append_new(array, variable) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* null when the archive's jobruntime.yaml decides. */
static json_t *command(const struct plan *plan)
{
    AUTO(strlist) struct strlist argv = {0};
    struct err e = ERR_INIT;

    if (plan->entrypoint == NULL || entry_command(plan, plan->entrypoint, NULL, &argv, &e) < 0)
        return json_null();
    return strings(&argv);
}

static json_t *stop(const struct plan *plan)
{
    const char *name = sigabbrev_np(plan->stop_signal);
    json_t *then = json_array();

    for (size_t i = 0; i < plan->stop_then.count; i++) {
        const char *further = sigabbrev_np(plan->stop_then.item[i].signal);
        (void)json_array_append_new(then, json_pack("{s:s+, s:I}", "signal", "SIG",
                                                    further != NULL ? further : "?", "afterMilliseconds",
                                                    (json_int_t)plan->stop_then.item[i].after_ms));
    }
    return json_pack("{s:s+, s:b, s:I, s:o}", "signal", "SIG", name != NULL ? name : "?", "wholeTree",
                     (int)plan->stop_whole_tree, "graceMilliseconds", (json_int_t)plan->stop_grace_ms, "then",
                     then);
}

/* What the job asks for, in the words of its document. */
static json_t *limits(const struct run_limits *asked)
{
    json_t *object = json_object();
    char text[LIMIT_TEXT_MAX];

    for (unsigned i = 0; i < LIMIT_COUNT; i++) {
        if (asked->value[i] == LIMIT_UNSET)
            continue;
        run_limit_format((enum run_limit)i, asked->value[i], text);
        (void)json_object_set_new(object, run_limit_info((enum run_limit)i)->name, json_string(text));
    }
    if (asked->cpuset[0] != '\0')
        (void)json_object_set_new(object, "cpuset", json_string(asked->cpuset));
    return object;
}

static json_t *sandbox(const struct run_sandbox *asked)
{
    return json_pack("{s:s, s:b, s:b, s:o, s:o}", "network", asked->network_off ? "none" : "host",
                     "userNamespace", (int)asked->user_namespace, "learn", (int)asked->learn, "systemCalls",
                     strings(&asked->system_calls), "devices", strings(&asked->devices));
}

static json_t *mounts(const struct plan *plan)
{
    json_t *array = json_array();

    for (size_t i = 0; i < plan->mount_count; i++) {
        const struct plan_mount *m = &plan->mount[i];
        json_t *mount = json_pack("{s:s, s:s, s:b}", "source", m->source, "target", m->target, "readOnly",
                                  (int)m->read_only);
        if (json_array_append_new(array, mount) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

int plan_print_json(const struct plan *plan, const struct run_spec *spec, FILE *out)
{
    json_t *root =
        json_pack("{s:s, s:s?, s:s?, s:o, s:o, s:o, s:s, s:s?, s:o, s:I, s:s, s:o, s:b, s:i, s:i, s:i, s:o, "
                  "s:o, s:I, s:o, s:I}",
                  "run", plan->run_id, "name", spec->run_name, "job", plan->job_name, "files", files(plan),
                  "argv", command(plan), "arguments", strings(&plan->args), "directory",
                  entry_directory(plan), "conda", plan->conda_prefix, "environment", environment(&plan->env),
                  "maximumRuntimeMilliseconds", (json_int_t)plan->maximum_runtime_ms, "maximumRuntimeLayer",
                  env_layer_name(spec->maximum_runtime_layer), "stop", stop(plan), "asRoot",
                  (int)plan->as_root, "nice", plan->nice, "oomScoreAdjust", plan->oom_score_adj, "umask",
                  (int)plan->umask_bits, "limits", limits(&plan->limits), "sandbox", sandbox(&plan->sandbox),
                  "noticeBeforeMilliseconds", (json_int_t)plan->notice_before_ms, "mounts", mounts(plan),
                  "volumeBytes", (json_int_t)plan->volume_bytes);
    int r;

    if (root == NULL)
        return -ENOMEM;
    r = json_dumpf(root, out, JSON_INDENT(2));
    json_decref(root);
    (void)fputc('\n', out);
    return r < 0 ? -ENOMEM : 0;
}
