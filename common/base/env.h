/*
 * env.h - a set of environment variables in which each value knows the layer it came from.
 *
 * Layers are ordered: a value from a higher layer replaces one from a lower layer, whatever the order of the
 * calls. The platform's own variables are the highest layer, so nothing can override them.
 */
#ifndef BASE_ENV_H
#define BASE_ENV_H

#include <stdbool.h>
#include <stddef.h>

enum env_layer {
    ENV_DEFAULT = 0, /* HOME, PATH, ...: what any job gets */
    ENV_IMAGE,       /* the container image */
    ENV_JOBRUNTIME,  /* jobruntime.yaml inside the artifact */
    ENV_JOB,         /* the job document */
    ENV_RUN,         /* the job run's overrides, and --env */
    ENV_PLATFORM,    /* JOB_RUN_OCID, ...: cannot be overridden */
    ENV_LAYER_COUNT,
};

struct env_var {
    char *key;   /* owned */
    char *value; /* owned */
    enum env_layer layer;
};

struct env {
    struct env_var *var; /* owned */
    size_t count;
    size_t cap;
};

void env_free(struct env *env);
#define env_auto env_free

/* Sets key to value at `layer`. A variable already set by a higher layer is left alone; one from the same or
 * a lower layer is replaced, in place. 0 or -ENOMEM. */
int env_set(struct env *env, enum env_layer layer, const char *key, const char *value);

/* The variable, or NULL. Valid until the next env_set or env_free. */
const struct env_var *env_find(const struct env *env, const char *key);

/* The value, or NULL. */
const char *env_value(const struct env *env, const char *key);

/* Whether key is a name a job may use: [A-Za-z_][A-Za-z0-9_]*, at most 256 bytes. */
bool env_key_valid(const char *key);

/* "default", "image", "jobruntime.yaml", "job", "run", "platform". */
const char *env_layer_name(enum env_layer layer);

/* The layer of that name; ENV_LAYER_COUNT when there is none. */
enum env_layer env_layer_from_name(const char *name);

#endif
