/* conda.c - see parts.h: which conda environment the variables ask for. */
#include "job/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/parse.h"

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
