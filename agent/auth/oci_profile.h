/*
 * oci_profile.h - an API key as OCI's command line keeps it in ~/.oci/config.
 */
#ifndef AUTH_OCI_PROFILE_H
#define AUTH_OCI_PROFILE_H

#include "base/err.h"

struct oci_profile {
    char *tenancy, *user, *fingerprint; /* owned */
    char *key_file;                     /* owned: absolute */
    char *pass_phrase;                  /* owned; NULL: the key is not encrypted */
    char *token_file; /* owned: security_token_file; then tenancy, user and fingerprint are not needed */
    char *region;     /* owned; NULL when it names none */
};

void oci_profile_free(struct oci_profile *p);
#define oci_profile_auto oci_profile_free

/* Reads the profile of that name. A key_file that begins with "~/" is below $HOME, another relative one beside the
 * configuration. *ret must be zero, and is again on failure. 0, or negative with *e, which names the file and the missing key but shows no value. */
int oci_profile_read(const char *path, const char *name, struct oci_profile *ret, struct err *e);

#endif
