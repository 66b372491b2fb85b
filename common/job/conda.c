/* conda.c - see parts.h and conda.h: which conda environment the variables ask for, and where its pack lies. */
#include "job/conda.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/parse.h"
#include "job/parts.h"

int conda_from_env(const struct env *env, enum conda_type *ret_type, char **ret_slug,
                   const char **ret_problem)
{
    const char *type = env_value(env, "CONDA_ENV_TYPE");
    AUTO_FREE char *slug = NULL;
    const char *source;
    bool published;

    *ret_type = CONDA_NONE;
    *ret_slug = NULL;
    *ret_problem = NULL;
    if (type == NULL || type[0] == '\0')
        return 0;
    published = strcmp(type, "published") == 0;
    if (!published && strcmp(type, "service") != 0) {
        *ret_problem = "CONDA_ENV_TYPE: expected 'service' or 'published'";
        return 0;
    }
    source = env_value(env, published ? "CONDA_ENV_OBJECT_NAME" : "CONDA_ENV_SLUG");
    if (source == NULL && published)
        source = env_value(env, "CONDA_ENV_SLUG");
    if (source == NULL || source[0] == '\0') {
        *ret_problem = published ? "CONDA_ENV_TYPE is 'published': CONDA_ENV_OBJECT_NAME is missing"
                                 : "CONDA_ENV_TYPE is 'service': CONDA_ENV_SLUG is missing";
        return 0;
    }
    slug = path_name(source);
    if (slug == NULL)
        return -ENOMEM;
    if (!file_name_valid(slug) || (!published && strchr(source, '/') != NULL)) {
        *ret_problem = "the name of the conda environment cannot be a folder's name";
        return 0;
    }
    *ret_type = published ? CONDA_PUBLISHED : CONDA_SERVICE;
    *ret_slug = take_ptr(&slug);
    return 0;
}

void conda_note(struct reader *rd, struct job_request *request, const struct node *at)
{
    enum conda_type type;
    const char *problem;
    char *slug;

    if (conda_from_env(&request->job.configuration.env, &type, &slug, &problem) < 0) {
        rd->no_memory = true;
        return;
    }
    if (problem != NULL)
        diag_error(rd->diags, node_where(at), "%s", problem);
    if (type == CONDA_NONE)
        return;
    request->conda_type = type;
    free(request->conda_slug);
    request->conda_slug = slug;
}

static const char *variable(const struct env *env, const char *name)
{
    const char *value = env_value(env, name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

static int bucket_uri(const struct env *env, const char *bucket, const char *name_space, const char *object,
                      char **ret, struct err *e)
{
    const char *region = variable(env, "CONDA_ENV_REGION");
    int n = asprintf(ret, "oci://%s@%s/%s%s%s", bucket, name_space, object, region != NULL ? "?region=" : "",
                     region != NULL ? region : "");

    return n < 0 ? err_oom(e) : 0;
}

static int service_uri(const char *packs, const char *slug, char **ret, struct err *e)
{
    const char *place = packs != NULL ? strstr(packs, CONDA_SLUG_PLACE) : NULL;

    if (packs == NULL || packs[0] == '\0')
        return err_set(e, -ENOENT, BLAME_NODE,
                       "the job names the service's conda environment '%s', and this node does not say where "
                       "those packs are "
                       "(conda.servicePacks); --conda none takes the system's Python, --conda PATH an "
                       "environment that is here",
                       slug);
    if (place == NULL)
        return err_set(e, -EINVAL, BLAME_NODE, "conda.servicePacks has no " CONDA_SLUG_PLACE);
    return asprintf(ret, "%.*s%s%s", (int)(place - packs), packs, slug, place + strlen(CONDA_SLUG_PLACE)) < 0
               ? err_oom(e)
               : 0;
}

int conda_pack_uri(const struct env *env, enum conda_type type, const char *slug, const char *service_packs,
                   char **ret, struct err *e)
{
    const char *bucket = variable(env, "CONDA_ENV_BUCKET");
    const char *name_space = variable(env, "CONDA_ENV_NAMESPACE");
    const char *object = variable(env, "CONDA_ENV_OBJECT_NAME");

    *ret = NULL;
    if (bucket != NULL && name_space != NULL && object != NULL)
        return bucket_uri(env, bucket, name_space, object, ret, e);
    if (type == CONDA_SERVICE)
        return service_uri(service_packs, slug, ret, e);
    return err_set(e, -EINVAL, BLAME_ASSIGNMENT,
                   "the job names the published conda environment '%s'; %s is missing", slug,
                   object == NULL   ? "CONDA_ENV_OBJECT_NAME"
                   : bucket == NULL ? "CONDA_ENV_BUCKET"
                                    : "CONDA_ENV_NAMESPACE");
}
