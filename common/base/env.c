/* env.c - see env.h. */
#include "base/env.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

#define ENV_KEY_MAX 256

static const char *const LAYER_NAMES[ENV_LAYER_COUNT] = {
    [ENV_DEFAULT] = "default", [ENV_IMAGE] = "image", [ENV_JOBRUNTIME] = "jobruntime.yaml",
    [ENV_JOB] = "job",         [ENV_RUN] = "run",     [ENV_PLATFORM] = "platform",
};

void env_free(struct env *env)
{
    for (size_t i = 0; i < env->count; i++) {
        free(env->var[i].key);
        free(env->var[i].value);
    }
    free(env->var);
    *env = (struct env){0};
}

static struct env_var *find(const struct env *env, const char *key)
{
    for (size_t i = 0; i < env->count; i++)
        if (strcmp(env->var[i].key, key) == 0)
            return &env->var[i];
    return NULL;
}

static int append(struct env *env, enum env_layer layer, const char *key, const char *value)
{
    AUTO_FREE char *key_copy = NULL;
    AUTO_FREE char *value_copy = NULL;

    if (env->count == env->cap) {
        size_t cap = env->cap == 0 ? 16 : env->cap * 2;
        struct env_var *grown = realloc(env->var, cap * sizeof(*grown));
        if (grown == NULL)
            return -ENOMEM;
        env->var = grown;
        env->cap = cap;
    }
    key_copy = strdup(key);
    value_copy = strdup(value);
    if (key_copy == NULL || value_copy == NULL)
        return -ENOMEM;
    env->var[env->count++] =
        (struct env_var){.key = take_ptr(&key_copy), .value = take_ptr(&value_copy), .layer = layer};
    return 0;
}

int env_set(struct env *env, enum env_layer layer, const char *key, const char *value)
{
    struct env_var *var = find(env, key);
    char *copy;

    if (var == NULL)
        return append(env, layer, key, value);
    if (var->layer > layer)
        return 0;
    copy = strdup(value);
    if (copy == NULL)
        return -ENOMEM;
    free(var->value);
    var->value = copy;
    var->layer = layer;
    return 0;
}

const struct env_var *env_find(const struct env *env, const char *key)
{
    return find(env, key);
}

const char *env_value(const struct env *env, const char *key)
{
    const struct env_var *var = find(env, key);
    return var != NULL ? var->value : NULL;
}

bool env_key_valid(const char *key)
{
    size_t n = strlen(key);

    if (n == 0 || n > ENV_KEY_MAX || isdigit((unsigned char)key[0]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)key[i]) && key[i] != '_')
            return false;
    return true;
}

const char *env_layer_name(enum env_layer layer)
{
    return (unsigned)layer < ENV_LAYER_COUNT ? LAYER_NAMES[layer] : "unknown";
}

enum env_layer env_layer_from_name(const char *name)
{
    for (unsigned i = 0; i < ENV_LAYER_COUNT; i++)
        if (strcmp(LAYER_NAMES[i], name) == 0)
            return (enum env_layer)i;
    return ENV_LAYER_COUNT;
}
