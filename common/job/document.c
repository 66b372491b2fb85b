/* document.c - see read.h: which family a document belongs to. */
#include "job/read.h"

#include <string.h>

#include "base/auto.h"

static bool has_any(const struct node *root, const char *const *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (node_get_loose(root, keys[i]) != NULL)
            return true;
    return false;
}

enum document_kind document_kind_of(const struct node *root)
{
    static const char *const RUN[] = {"jobId", "jobConfigurationOverrideDetails", "timeAccepted",
                                      "jobEnvironmentConfigurationOverrideDetails",
                                      "jobInfrastructureConfigurationOverrideDetails"};
    static const char *const JOB[] = {"jobConfigurationDetails", "jobInfrastructureConfigurationDetails",
                                      "jobEnvironmentConfigurationDetails", "jobNodeConfigurationDetails"};
    const struct node *kind = node_get(root, "kind");

    if (root == NULL || root->kind != NODE_MAP)
        return DOCUMENT_UNKNOWN;
    if (node_get(root, "job") != NULL &&
        (node_get(root, "jobRun") != NULL || node_get(root, "epoch") != NULL))
        return DOCUMENT_ASSIGNMENT;
    if ((kind != NULL && kind->kind == NODE_STRING && strcmp(kind->text, "job") == 0) ||
        node_get(node_get(root, "spec"), "runtime") != NULL)
        return DOCUMENT_ADS_JOB;
    if (has_any(root, RUN, ARRAY_SIZE(RUN)))
        return DOCUMENT_OCI_JOB_RUN;
    if (has_any(root, JOB, ARRAY_SIZE(JOB)) ||
        (node_get_loose(root, "projectId") != NULL && node_get_loose(root, "compartmentId") != NULL))
        return DOCUMENT_OCI_JOB;
    return DOCUMENT_UNKNOWN;
}
