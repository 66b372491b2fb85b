/*
 * http.h - the source `http`: assignments, leases, directives and reports over a REST control plane, whose contract is
 * docs/api/control-plane.openapi.yaml.
 */
#ifndef ASSIGNMENT_HTTP_HTTP_H
#define ASSIGNMENT_HTTP_HTTP_H

#include "assignment/source.h"

/* The texts are borrowed and live longer than the source; "" where there is none. */
struct http_settings {
    const char *endpoint;   /* http(s)://HOST[:PORT][/PATH] */
    const char *auth;       /* "none", "bearer", "oci" */
    const char *token_file; /* bearer */
    const char *oci_config, *oci_profile;
    const char *cert_file, *key_file, *ca_file;
    int64_t wait_ms; /* how long a request for work is held */
};

/* NULL with *e. */
struct source *http_source_new(const struct source_wiring *wiring, const struct http_settings *settings,
                               struct err *e);

#endif
