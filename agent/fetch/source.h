/*
 * source.h - from a URI to the request that asks for it, with its credentials.
 */
#ifndef FETCH_SOURCE_H
#define FETCH_SOURCE_H

#include "base/clock.h"
#include "base/err.h"
#include "base/strlist.h"
#include "base/uri.h"
#include "fetch/settings.h"

#define URL_BYTES_MAX (16U * 1024)

struct source_request {
    char *url;              /* owned */
    struct strlist headers; /* owned */
    char *aws_sigv4;        /* owned; NULL: not signed for S3 */
    char *user_password;    /* owned */
};

void source_request_free(struct source_request *r);
#define source_request_auto source_request_free

/* Appends the http(s) URL of an oci:, s3: or http(s): URI. 0 or negative with *e. */
int source_url(const struct fetch_settings *s, const struct uri *u, struct strbuf *out, struct err *e);

/* The request for `url` with the credentials of the URI's kind: a signature with the API key for oci:, S3's for s3:, the
 * bearer token (NULL: none) for http(s):. Reads keys from disk, so that rotated ones are taken. */
int source_request(const struct fetch_settings *s, const struct uri *u, const char *url, const char *bearer,
                   wall_ms_t now, struct source_request *ret, struct err *e);

/* Where a redirect from one URL to another leads. Credentials go only where they went before. */
enum source_redirect {
    REDIRECT_SAME,    /* the same scheme, host and port */
    REDIRECT_FOREIGN, /* somewhere else: no credentials */
    REDIRECT_REFUSED, /* from https to http, or to no http at all */
};
enum source_redirect source_redirect(const char *from, const char *to);

/* Opens the file of a file: URI below one of the folders that the node allows, following no link. fd or negative with *e. */
int source_open_file(const struct fetch_settings *s, const char *path, struct err *e);

#endif
