/*
 * oci_sign.h - requests signed as OCI's services want it: HTTP signatures (draft-cavage), version 1, RSA with SHA-256.
 *
 * Signed are date, request target and host: what requests without a body need. The service refuses a date that is more
 * than five minutes off, so every attempt is signed anew.
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
    const char *method; /* GET, HEAD or DELETE */
    const char *host;   /* as in the Host header, with a port that is not the scheme's */
    const char *target; /* path and query as they are sent */
    const char *date;   /* oci_date: now */
};

/* The time as the Date header has it. */
void oci_date(wall_ms_t time, char ret[OCI_DATE_MAX]);

/* Appends the text that is signed. */
int oci_signing_string(const struct oci_request *request, struct strbuf *out);

/* Reads the key (and the token) of a profile. NULL with *e. The caller owns the signer. */
struct oci_signer *oci_signer_open(const struct oci_profile *profile, struct err *e);
void oci_signer_free(struct oci_signer *s);

/* Adds the headers Date and Authorization. 0 or negative with *e. */
int oci_sign(const struct oci_signer *s, const struct oci_request *request, struct strlist *headers,
             struct err *e);

#endif
