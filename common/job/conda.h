/*
 * conda.h - where the pack of a conda environment lies. Pure.
 */
#ifndef JOB_CONDA_H
#define JOB_CONDA_H

#include "base/err.h"
#include "job/job.h"

/* What stands for the environment's name in the URI of service packs. */
#define CONDA_SLUG_PLACE "{slug}"

/*
 * The URI of the pack that the run's variables name, malloc'd in *ret: for a published one oci://CONDA_ENV_BUCKET@CONDA_ENV_NAMESPACE/
 * CONDA_ENV_OBJECT_NAME, in CONDA_ENV_REGION; for one of the service the same where the variables are given, else service_packs (""
 * or NULL: the node has none) with the name in place of {slug}. 0, or negative with *e, which says what is missing.
 * Source of the variables: OCI Data Science, jobs-env-vars.
 */
int conda_pack_uri(const struct env *env, enum conda_type type, const char *slug, const char *service_packs,
                   char **ret, struct err *e);

#endif
