/*
 * uri.h - where an object lies: file:, http(s):, oci: and s3: URIs, taken apart.
 *
 * Names of objects in oci: and s3: are taken as they are written, as their command lines and fsspec take them; paths of
 * file: and http(s): are percent-encoded. A query may be a secret (a signed URL): uri_display shows none.
 */
#ifndef BASE_URI_H
#define BASE_URI_H

#include <stdbool.h>

#include "base/strbuf.h"

#define URI_BYTES_MAX   4096
#define URI_DISPLAY_MAX 256

enum uri_scheme {
    URI_FILE = 0,
    URI_HTTP,
    URI_HTTPS,
    URI_OCI, /* oci://BUCKET@NAMESPACE/OBJECT[?region=REGION] */
    URI_S3,  /* s3://BUCKET/KEY[?region=REGION] */
    URI_SCHEME_COUNT,
};

struct uri {
    enum uri_scheme scheme;
    char *host;       /* owned; http(s): host with its port; NULL otherwise */
    char *bucket;     /* owned; oci, s3 */
    char *name_space; /* owned; oci */
    char *region;     /* owned; oci, s3, when given */
    char *path; /* owned; file: decoded, absolute; http(s): as written, with the query; oci, s3: the object */
};

void uri_free(struct uri *u);
#define uri_auto uri_free

/* Takes text apart. 0, -EINVAL with *ret_problem a sentence (static) that shows nothing of the text, or -ENOMEM. *ret
 * must be zero; it is empty on failure. */
int uri_parse(const char *text, struct uri *ret, const char **ret_problem);

/* Whether text begins with a scheme ("x:" of two letters or more), known or not. */
bool uri_has_scheme(const char *text);

/* The decoded last part of the path, malloc'd; "" when the path ends in a slash. NULL without memory. */
char *uri_name(const struct uri *u);

/* The text for people: without a query, a fragment or a user's name, at most URI_DISPLAY_MAX bytes, no control
 * characters. */
void uri_display(const char *text, char ret[URI_DISPLAY_MAX]);

/* Appends the text percent-encoded; unreserved characters and those in `keep` stay. */
int uri_encode(const char *text, const char *keep, struct strbuf *out);

#endif
