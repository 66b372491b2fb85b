/*
 * provider.h - the instance metadata services of the clouds: what is asked for at which path, and what the answers mean. Pure.
 *
 * Contracts, as published by the providers:
 *   Oracle    docs.oracle.com/en-us/iaas/Content/Compute/Tasks/gettingmetadata.htm
 *   Amazon    docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html (version 2, with a token) and
 *             .../spot-instance-termination-notices.html
 *   Google    cloud.google.com/compute/docs/metadata/querying-metadata (wait_for_change, last_etag) and
 *             .../metadata/getting-live-migration-notice, .../instances/create-use-preemptible (preempted)
 *   Microsoft learn.microsoft.com/azure/virtual-machines/instance-metadata-service (userData: base64) and .../linux/scheduled-events
 */
#ifndef CLOUD_PROVIDER_H
#define CLOUD_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "format/diag.h"

enum cloud_provider {
    CLOUD_NONE = 0,
    CLOUD_OCI,
    CLOUD_AWS,
    CLOUD_GCP,
    CLOUD_AZURE,
};

#define CLOUD_TEXT_MAX 256

struct cloud_identity {
    char id[CLOUD_TEXT_MAX];
    char shape[128];
    char region[128];
    char name[CLOUD_TEXT_MAX]; /* what notices call the machine; Microsoft's alone */
};

/* That the provider is about to take the machine away. */
struct cloud_notice {
    bool there;
    char what[64];  /* in the provider's words: "terminate", "Preempt" ... */
    wall_ms_t when; /* 0: it does not say; then it is now */
};

/* "oci", "aws", "gcp", "azure"; anything else is none. */
enum cloud_provider cloud_provider_of(const char *name);

/* Where the service is, without a path: "http://169.254.169.254". */
const char *cloud_endpoint(enum cloud_provider provider);

/* The header that each request needs, "Name: value"; NULL: none. Amazon's is a token, got by a request of its own. */
const char *cloud_header(enum cloud_provider provider);

/* The path whose answer cloud_identity_read reads. */
const char *cloud_identity_path(enum cloud_provider provider);

/* Where whoever made the machine leaves a document for runlet: an attribute `runlet` of its own (Oracle's custom metadata, Google's
 * custom attributes), or the user data (Amazon, Microsoft). *ret_base64: the answer is encoded so. */
const char *cloud_document_path(enum cloud_provider provider, bool *ret_base64);

/* The i-th path of notices, NULL when there are not so many. Oracle has none: it ends machines by the power button alone. */
const char *cloud_notice_path(enum cloud_provider provider, size_t i);

/* Whether a request for a notice may be held open until there is news (Google). */
bool cloud_notice_waits(enum cloud_provider provider);

/* Reads an answer with status 200. 0, or -EBADMSG with diagnostics, or -ENOMEM. */
int cloud_identity_read(enum cloud_provider provider, const char *body, size_t n, struct cloud_identity *ret,
                        struct diag_list *diags);

/* The same for the path with that index. `name` is the identity's. An answer 404 is no notice (Amazon). */
int cloud_notice_read(enum cloud_provider provider, size_t i, const char *name, long status, const char *body,
                      size_t n, struct cloud_notice *ret, struct diag_list *diags);

#endif
