/* resolve.c - see resolve.h: the layers of a run, from both documents and the command line. */
#include "job/resolve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "format/read.h"
#include "job/parts.h"
#include "job/platform.h"

static const struct diag_where NOWHERE = {0};

static int copy(char **ret, const char *value)
{
    char *s;

    if (value == NULL)
        return 0;
    s = strdup(value);
    if (s == NULL)
        return -ENOMEM;
    free(*ret);
    *ret = s;
    return 0;
}

static const char *first(const char *a, const char *b)
{
    return a != NULL ? a : b;
}

/* ---- env ---- */

const char *entry_variable(enum job_runtime runtime)
{
    switch (runtime) {
    case RUNTIME_PYTHON:
    case RUNTIME_PYTORCH: return "CODE_ENTRYPOINT";
    case RUNTIME_NOTEBOOK: return "JOB_RUN_NOTEBOOK";
    case RUNTIME_GIT_PYTHON: return "GIT_ENTRYPOINT";
    case RUNTIME_ARTIFACT:
    case RUNTIME_CONTAINER:
    case RUNTIME_COUNT: break;
    }
    return "JOB_RUN_ENTRYPOINT";
}

static int add_layer(struct env *env, const struct env *from, enum env_layer layer)
{
    for (size_t i = 0; from != NULL && i < from->count; i++) {
        int r = env_set(env, layer, from->var[i].key, from->var[i].value);
        if (r < 0)
            return r;
    }
    return 0;
}

static int resolve_env(const struct job_request *request, const struct run_options *options,
                       struct run_spec *spec, struct diag_list *diags)
{
    struct env *env = &spec->env;
    size_t sum;
    int r = add_layer(env, &request->job.configuration.env, ENV_JOB);

    if (r == 0)
        r = add_layer(env, &request->run.overrides.env, ENV_RUN);
    if (r == 0)
        r = add_layer(env, options->env, ENV_RUN);
    if (r == 0 && options->entrypoint != NULL)
        r = env_set(env, ENV_RUN, entry_variable(request->runtime), options->entrypoint);
    if (r < 0)
        return r;
    sum = env_characters(env);
    if (sum > JOB_ENV_CHARS_MAX)
        diag_error(diags, NOWHERE,
                   "environment variables of job and run together have %zu characters; the limit is %d", sum,
                   JOB_ENV_CHARS_MAX);
    r = copy(&spec->entrypoint, env_value(env, "JOB_RUN_ENTRYPOINT"));
    return r < 0 ? r : platform_env(request, options, env);
}

static int resolve_conda(const struct job_request *request, struct run_spec *spec, struct diag_list *diags)
{
    const char *problem;
    int r;

    if (request->conda_decided) {
        /* Said to the artifact's jobruntime.yaml as well, which is below the run. */
        r = env_set(&spec->env, ENV_RUN, "CONDA_ENV_TYPE", "");
        return r < 0 ? r : copy(&spec->conda_prefix, request->conda_prefix);
    }
    r = conda_from_env(&spec->env, &spec->conda_type, &spec->conda_slug, &problem);

    if (r < 0)
        return r;
    if (problem != NULL)
        diag_error(diags, NOWHERE, "%s", problem);
    if (spec->conda_type != CONDA_NONE || env_value(&spec->env, "CONDA_ENV_TYPE") != NULL)
        return 0;
    spec->conda_type = request->conda_type;
    return copy(&spec->conda_slug, request->conda_slug);
}

/* ---- container ---- */

static int copy_container(const struct container_details *from, struct container_details *to)
{
    int r = copy(&to->image, from->image);

    if (r == 0)
        r = copy(&to->image_digest, from->image_digest);
    if (r == 0)
        r = copy(&to->image_signature_id, from->image_signature_id);
    if (r == 0)
        r = strlist_addall(&to->entrypoint, &from->entrypoint);
    return r == 0 ? strlist_addall(&to->cmd, &from->cmd) : r;
}

/* The service's variables from before there were container details: an image, and lists without their brackets. */
static int legacy_list(const struct env *env, const char *key, struct strlist *ret, struct diag_list *diags)
{
    AUTO(diag) struct diag_list ignored = {0};
    AUTO(node) struct node *list = NULL;
    AUTO_FREE char *text = NULL;
    const char *value = env_value(env, key);
    int length;

    if (value == NULL || value[0] == '\0')
        return 0;
    length = asprintf(&text, "[%s]", value);
    if (length < 0)
        return -ENOMEM;
    list = json_read(text, (size_t)length, &ignored);
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        if (list->item[i]->kind != NODE_STRING) {
            node_free(list);
            list = NULL;
        } else if (strlist_add(ret, list->item[i]->text) < 0) {
            return -ENOMEM;
        }
    }
    if (list == NULL)
        diag_error(diags, NOWHERE,
                   "%s: texts in double quotes with commas between expected, as in \"ls\", \"-l\"", key);
    return 0;
}

static int legacy_container(const struct env *env, struct container_details *to, struct diag_list *diags)
{
    int r = copy(&to->image, env_value(env, "CONTAINER_CUSTOM_IMAGE"));

    if (r == 0)
        r = legacy_list(env, "CONTAINER_ENTRYPOINT", &to->entrypoint, diags);
    if (r == 0)
        r = legacy_list(env, "CONTAINER_CMD", &to->cmd, diags);
    if (r == 0)
        container_check_image(diags, to, NOWHERE);
    return r;
}

/* The run's details replace the job's as a whole. */
static int resolve_container(const struct job_request *request, struct run_spec *spec,
                             struct diag_list *diags)
{
    const struct container_details *from = request->run.overrides.container != NULL
                                               ? request->run.overrides.container
                                               : request->job.configuration.container;

    if (from == NULL && env_value(&spec->env, "CONTAINER_CUSTOM_IMAGE") == NULL)
        return 0;
    spec->container = calloc(1, sizeof(*spec->container));
    if (spec->container == NULL)
        return -ENOMEM;
    return from != NULL ? copy_container(from, spec->container)
                        : legacy_container(&spec->env, spec->container, diags);
}

/* ---- arguments ---- */

static int resolve_args(const struct job_request *request, const struct run_options *options,
                        struct run_spec *spec, struct diag_list *diags)
{
    const char *text = first(request->run.overrides.arguments, request->job.configuration.arguments);
    AUTO_FREE char *joined = NULL;
    size_t length;
    size_t at = 0;
    int r = 0;

    if (options->args != NULL) {
        joined = shell_words_join(options->args);
        if (joined == NULL || strlist_addall(&spec->args, options->args) < 0)
            return -ENOMEM;
        text = joined;
    } else if (text != NULL) {
        r = shell_words_split(text, &spec->args, &at);
        if (r == -EINVAL)
            diag_error(diags, NOWHERE, "arguments: the quote at character %zu is not closed", at + 1);
    }
    length = text != NULL ? characters(text) : 0;
    if (length > JOB_ARGS_CHARS_MAX)
        diag_error(diags, NOWHERE, "arguments have %zu characters; the limit is %d", length,
                   JOB_ARGS_CHARS_MAX);
    return r == -ENOMEM ? r : 0;
}

/* ---- limits ---- */

/* What one document says: the finer value first. -1 when it says nothing. */
static int64_t limit_of(const struct job_configuration *c)
{
    if (c->x.maximum_runtime_ms > 0)
        return c->x.maximum_runtime_ms;
    return c->maximum_runtime_minutes > 0 ? c->maximum_runtime_minutes * 60000 : -1;
}

static int resolve_probe(const struct job_request *request, struct run_spec *spec)
{
    const struct startup_probe *run = &request->run.overrides.probe;
    const struct startup_probe *probe = run->command.count > 0 ? run : &request->job.configuration.probe;

    spec->probe = (struct startup_probe){.initial_delay_s = probe->initial_delay_s,
                                         .period_s = probe->period_s,
                                         .failure_threshold = probe->failure_threshold};
    return strlist_addall(&spec->probe.command, &probe->command);
}

static void resolve_limits(const struct job_request *request, const struct run_options *options,
                           struct run_spec *spec, struct diag_list *diags)
{
    const struct x_runlet *run = &request->run.overrides.x;
    const struct x_runlet *job = &request->job.configuration.x;
    int64_t by_run =
        options->maximum_runtime_ms >= 0 ? options->maximum_runtime_ms : limit_of(&request->run.overrides);
    int64_t by_job = limit_of(&request->job.configuration);

    spec->maximum_runtime_ms = by_run >= 0 ? by_run : by_job >= 0 ? by_job : JOB_RUNTIME_MS_MAX;
    spec->maximum_runtime_layer = by_run >= 0 ? ENV_RUN : by_job >= 0 ? ENV_JOB : ENV_DEFAULT;
    if (spec->maximum_runtime_ms == 0 || spec->maximum_runtime_ms > JOB_RUNTIME_MS_MAX)
        diag_error(diags, NOWHERE, "the maximum runtime must be above 0 and at most 30 days");
    /* 0 is a value here: no grace. A request no reader has filled has 0 everywhere and never reaches this. */
    spec->stop_grace_ms = run->stop_grace_ms >= 0   ? run->stop_grace_ms
                          : job->stop_grace_ms >= 0 ? job->stop_grace_ms
                                                    : STOP_GRACE_MS_DEFAULT;
    spec->stop_signal = run->stop_signal != 0   ? run->stop_signal
                        : job->stop_signal != 0 ? job->stop_signal
                                                : SIGTERM;
    spec->stop_whole_tree = run->stop_whole_tree >= 0 ? run->stop_whole_tree == 1 : job->stop_whole_tree == 1;
    spec->on_lease_lost = (enum lease_lost_policy)(run->on_lease_lost >= 0   ? run->on_lease_lost
                                                   : job->on_lease_lost >= 0 ? job->on_lease_lost
                                                                             : LEASE_LOST_FINISH_AND_HOLD);
    spec->stop_then = run->stop_then.count > 0 ? run->stop_then : job->stop_then;
    /* A node's own default of the grace (cli/prepare.c) may be shorter: then the run is killed before. */
    if (spec->stop_then.count > 0 &&
        spec->stop_then.item[spec->stop_then.count - 1].after_ms >= spec->stop_grace_ms)
        diag_error(
            diags, NOWHERE,
            "'stopThen' has a signal %lld ms after the first, which is not before the end of 'stopGrace' "
            "(%lld ms)",
            (long long)spec->stop_then.item[spec->stop_then.count - 1].after_ms,
            (long long)spec->stop_grace_ms);
}

/* ---- limits of resources, walls, notices ---- */

static bool is_arm(const char *shape)
{
    return shape != NULL && (strstr(shape, ".A1.") != NULL || strstr(shape, ".A2.") != NULL);
}

void shape_limits(const struct job *job, struct run_limits *ret)
{
    const struct run_limit_info *cpu = run_limit_info(LIMIT_CPU), *memory = run_limit_info(LIMIT_MEMORY);
    double milli = job->infra.ocpus * (is_arm(job->infra.shape_name) ? 1000 : 2000);
    double bytes = job->infra.memory_gb * (1024.0 * 1024 * 1024);

    run_limits_init(ret);
    if (milli >= (double)cpu->min && milli <= (double)cpu->max)
        ret->value[LIMIT_CPU] = (int64_t)milli;
    if (bytes >= (double)memory->min && bytes <= (double)memory->max)
        ret->value[LIMIT_MEMORY] = (int64_t)bytes;
    ret->by_shape[LIMIT_CPU] = ret->by_shape[LIMIT_MEMORY] = true;
}

static int resolve_list(const struct strlist *run, const struct strlist *job, struct strlist *ret)
{
    return strlist_addall(ret, run->count > 0 ? run : job);
}

static bool resolve_switch(int run, int job)
{
    return run >= 0 ? run == 1 : job == 1;
}

static int resolve_containment(const struct job_request *request, struct run_spec *spec)
{
    const struct x_runlet *run = &request->run.overrides.x;
    const struct x_runlet *job = &request->job.configuration.x;
    struct run_sandbox *to = &spec->sandbox;

    shape_limits(&request->job, &spec->limits);
    run_limits_merge(&spec->limits, &job->limits);
    run_limits_merge(&spec->limits, &run->limits);
    to->network_off = resolve_switch(run->sandbox.network_off, job->sandbox.network_off);
    to->user_namespace = resolve_switch(run->sandbox.user_namespace, job->sandbox.user_namespace);
    to->learn = resolve_switch(run->sandbox.learn, job->sandbox.learn);
    spec->notice_before_ms = run->notice_before_ms >= 0   ? run->notice_before_ms
                             : job->notice_before_ms >= 0 ? job->notice_before_ms
                                                          : 0;
    spec->notice_signal = run->notice_signal >= 0   ? run->notice_signal
                          : job->notice_signal >= 0 ? job->notice_signal
                                                    : 0;
    if (run_outputs_addall(&spec->outputs, run->outputs.count > 0 ? &run->outputs : &job->outputs) < 0)
        return -ENOMEM;
    if (resolve_list(&run->sandbox.system_calls, &job->sandbox.system_calls, &to->system_calls) < 0)
        return -ENOMEM;
    return resolve_list(&run->sandbox.devices, &job->sandbox.devices, &to->devices);
}

/* ---- names ---- */

static int resolve_names(const struct job_request *request, const struct run_options *options,
                         struct run_spec *spec, struct diag_list *diags)
{
    const char *job_name = first(request->job.display_name, request->artifact.file_name);
    const char *run_name = first(options->name, first(request->run.display_name, job_name));
    int r = copy(&spec->run_id, request->run.id);

    if (r == 0)
        r = copy(&spec->job_id, first(request->job.id, request->run.job_id));
    if (r == 0)
        r = copy(&spec->job_name, job_name);
    if (r == 0)
        r = copy(&spec->run_name, run_name);
    if (options->name != NULL && characters(options->name) > JOB_NAME_CHARS_MAX)
        diag_error(diags, NOWHERE, "the name has %zu characters; the limit is %d", characters(options->name),
                   JOB_NAME_CHARS_MAX);
    return r;
}

static int resolve_into(const struct job_request *request, const struct run_options *options,
                        struct run_spec *spec, struct diag_list *diags)
{
    int r = resolve_names(request, options, spec, diags);

    if (r == 0)
        r = resolve_env(request, options, spec, diags);
    if (r == 0)
        r = resolve_conda(request, spec, diags);
    if (r == 0)
        r = resolve_container(request, spec, diags);
    if (r == 0)
        r = resolve_args(request, options, spec, diags);
    if (r == 0)
        r = resolve_containment(request, spec);
    if (r == 0)
        r = resolve_probe(request, spec);
    resolve_limits(request, options, spec, diags);
    return r;
}

int run_resolve(const struct job_request *request, const struct run_options *options, struct run_spec *ret,
                struct diag_list *diags)
{
    AUTO(run_spec) struct run_spec spec = {0};
    size_t errors = diags->errors;
    int r = resolve_into(request, options, &spec, diags);

    if (r < 0)
        return r;
    if (diags->errors > errors)
        return -EINVAL;
    *ret = spec;
    spec = (struct run_spec){0};
    return 0;
}
