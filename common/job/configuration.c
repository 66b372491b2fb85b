/* configuration.c - see parts.h: env, arguments and runtime limit, with the service's limits. */
#include "job/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "job/image_ref.h"
#include "job/platform.h"
#include "job/resolve.h"

#define CONTAINER_COMMAND_BYTES 2048

void configuration_init(struct job_configuration *c)
{
    if (c->maximum_runtime_minutes == 0)
        c->maximum_runtime_minutes = -1;
    if (c->x.maximum_runtime_ms == 0)
        x_runlet_init(&c->x);
}

void configuration_set_env(struct reader *rd, struct env *env, enum env_layer layer, const char *key,
                           const char *value, const struct node *at)
{
    if (!env_key_valid(key))
        diag_error(
            rd->diags, node_where(at),
            "'%.60s' cannot be the name of an environment variable: expected letters, digits and '_', not "
            "beginning with a digit",
            key);
    else if (env_set(env, layer, key, value) < 0)
        rd->no_memory = true;
    else if (platform_owns(key))
        diag_warning(rd->diags, node_where(at), "%s is set by the platform; this value may not be used", key);
}

size_t env_characters(const struct env *env)
{
    size_t sum = 0;

    for (size_t i = 0; i < env->count; i++)
        if (env->var[i].layer == ENV_JOB || env->var[i].layer == ENV_RUN)
            sum += characters(env->var[i].key) + characters(env->var[i].value);
    return sum;
}

void configuration_check_env(struct reader *rd, const struct env *env, const struct node *at)
{
    size_t sum = env_characters(env);

    if (sum > JOB_ENV_CHARS_MAX)
        diag_error(rd->diags, node_where(at),
                   "environment variables have %zu characters, names and values together; the limit is %d",
                   sum, JOB_ENV_CHARS_MAX);
}

void configuration_set_arguments(struct reader *rd, struct job_configuration *c, const char *arguments,
                                 const struct node *at)
{
    AUTO(strlist) struct strlist words = {0};
    size_t where = 0;
    int r = shell_words_split(arguments, &words, &where);

    if (r == -ENOMEM)
        rd->no_memory = true;
    else if (r < 0)
        diag_error(rd->diags, node_where(at), "arguments: the quote at character %zu is not closed",
                   where + 1);
    if (characters(arguments) > JOB_ARGS_CHARS_MAX)
        diag_error(rd->diags, node_where(at), "arguments have %zu characters; the limit is %d",
                   characters(arguments), JOB_ARGS_CHARS_MAX);
    assign(rd, &c->arguments, arguments);
}

void configuration_read_minutes(struct reader *rd, struct job_configuration *c, const struct node *map)
{
    field_int(rd, map, "maximumRuntimeInMinutes", JOB_RUNTIME_MINUTES_MIN, JOB_RUNTIME_MINUTES_MAX,
              &c->maximum_runtime_minutes);
}

void check_name(struct reader *rd, const char *name, const struct node *at)
{
    if (characters(name) > JOB_NAME_CHARS_MAX)
        diag_error(rd->diags, node_where(at), "the name has %zu characters; the limit is %d",
                   characters(name), JOB_NAME_CHARS_MAX);
}

void container_check_image(struct diag_list *diags, const struct container_details *d, struct diag_where at)
{
    struct image_ref ref = {.digest = ""};
    const char *problem;

    if (d->image == NULL || d->image[0] == '\0') {
        diag_error(diags, at, "a container needs 'image'");
        return;
    }
    problem = image_ref_parse(d->image, &ref);
    if (problem != NULL)
        diag_error(diags, at, "image '%.80s' %s", d->image, problem);
    if (d->image_digest == NULL)
        return;
    if (!image_digest_valid(d->image_digest))
        diag_error(diags, at, "imageDigest '%.80s' is not 'sha256:' and 64 hexadecimal digits",
                   d->image_digest);
    else if (ref.digest[0] != '\0' && strcmp(ref.digest, d->image_digest) != 0)
        diag_error(diags, at, "imageDigest and the digest in 'image' differ");
}

void check_container(struct reader *rd, const struct container_details *d, const struct node *at)
{
    size_t bytes = 0;

    container_check_image(rd->diags, d, node_where(at));
    for (size_t i = 0; i < d->cmd.count; i++)
        bytes += strlen(d->cmd.item[i]);
    for (size_t i = 0; i < d->entrypoint.count; i++)
        bytes += strlen(d->entrypoint.item[i]);
    if (bytes >= CONTAINER_COMMAND_BYTES)
        diag_error(rd->diags, node_where(at),
                   "'cmd' and 'entrypoint' have %zu bytes together; the limit is %d", bytes,
                   CONTAINER_COMMAND_BYTES - 1);
}

bool inner_path_valid(const char *path)
{
    if (path[0] == '/' || path[0] == '\0')
        return false;
    for (const char *p = path; p != NULL; p = strchr(p, '/')) {
        p += *p == '/';
        if (p[0] == '.' && p[1] == '.' && (p[2] == '/' || p[2] == '\0'))
            return false;
    }
    return true;
}
