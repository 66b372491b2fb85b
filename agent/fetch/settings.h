/*
 * settings.h - what the node's configuration says of fetching. All strings are borrowed; "" stands for none.
 */
#ifndef FETCH_SETTINGS_H
#define FETCH_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "io/retry.h"

struct fetch_settings {
    int64_t max_bytes; /* of one object */
    struct retry_policy retry;
    int64_t connect_ms, stall_ms;
    const char *ca_file;
    const char *file_roots; /* folders below which file: may read, blanks between */
    const char *oci_config, *oci_profile, *oci_endpoint;
    const char *s3_credentials, *s3_profile, *s3_endpoint, *s3_region;
    int64_t cache_bytes;
    bool cache_verify;
    bool metadata; /* whether metadata services may be asked */
};

#endif
