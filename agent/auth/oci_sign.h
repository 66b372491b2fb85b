/*
 * oci_sign.h - requests signed as OCI's services want it: HTTP signatures (draft-cavage), version 1, RSA with SHA-256.
 *
 * Signed are date, request target and host, and for a request with a body its length, type and digest as well. The service refuses a
 * date that is more than five minutes off, so every attempt is signed anew.
 */
#ifndef AUTH_OCI_SIGN_H
#define AUTH_OCI_SIGN_H

#include "auth/oci_profile.h"
#include "base/clock.h"
#include "base/strbuf.h"
#include "base/strlist.h"

#define OCI_DATE_MAX 40

struct oci_signer;

struct oci_request {
    const char *method;
    const char *host;         /* as in the Host header, with a port that is not the scheme's */
    const char *target;       /* path and query as they are sent */
    const char *date;         /* oci_date: now */
    const char *content_type; /* as it is sent; NULL: a request without a body */
    const void *body;         /* borrowed; may be empty */
    size_t body_size;
};

/* The time as the Date header has it. */
void oci_date(wall_ms_t time, char ret[OCI_DATE_MAX]);

#define OCI_DIGEST_MAX 48

/* What the header x-content-sha256 says of the body. 0 or -ENOMEM. */
int oci_content_digest(const struct oci_request *request, char ret[OCI_DIGEST_MAX]);

/* Appends the text that is signed. 0, -ENOMEM or -E2BIG. */
int oci_signing_string(const struct oci_request *request, struct strbuf *out);

/* Reads the key (and the token) of a profile. NULL with *e. The caller owns the signer. */
struct oci_signer *oci_signer_open(const struct oci_profile *profile, struct err *e);
void oci_signer_free(struct oci_signer *s);

/* Adds the headers Date and Authorization, and for a body x-content-sha256; the caller sends Content-Type and Content-Length. 0 or
 * negative with *e. */
int oci_sign(const struct oci_signer *s, const struct oci_request *request, struct strlist *headers,
             struct err *e);

#endif
