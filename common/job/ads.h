/*
 * ads.h - the parts of the ADS reader. Private to this folder.
 */
#ifndef JOB_ADS_H
#define JOB_ADS_H

#include "job/parts.h"

struct ads {
    struct reader rd;
    struct job_request *request;
    const char *base_dir;
    const struct node *runtime; /* runtime.spec */
};

/* The runtime block: type, what all runtimes share, and what this one adds. */
void ads_read_runtime(struct ads *ads, const struct node *runtime);

/* What all runtimes share: env, args, maximumRuntimeInMinutes, conda, x-runlet (ads_common.c). */
void ads_read_env(struct ads *ads);
void ads_read_args(struct ads *ads);
void ads_read_conda(struct ads *ads);

/* Sets a variable of the job on behalf of the key `at`. */
void ads_set(struct ads *ads, const char *variable, const char *value, const struct node *at);

/* What the key names: a local path, made absolute, or the URI of what the node fetches; NULL when absent or (reported)
 * neither. malloc'd. */
char *ads_source(struct ads *ads, const char *key);

/* The name of what ads_source gave for the key; NULL when path is, or (reported) when it is no file name.
 * malloc'd. */
char *ads_source_name(struct ads *ads, const char *key, const char *path);

/* Each runtime (ads_code.c). */
void ads_read_script(struct ads *ads);
void ads_read_python(struct ads *ads);
void ads_read_notebook(struct ads *ads);
void ads_read_git(struct ads *ads);
void ads_read_container(struct ads *ads);
void ads_read_pytorch(struct ads *ads);

#endif
