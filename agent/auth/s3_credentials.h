/*
 * s3_credentials.h - a key for S3 and what speaks it, from a credentials file or the agent's environment. The signing
 * itself is libcurl's.
 */
#ifndef AUTH_S3_CREDENTIALS_H
#define AUTH_S3_CREDENTIALS_H

#include "base/err.h"

struct s3_credentials {
    char *key_id, *secret; /* owned; key_id NULL: none, requests stay unsigned */
    char *session_token;   /* owned; NULL: none */
    char *region;          /* owned; NULL when nothing names one */
};

void s3_credentials_free(struct s3_credentials *c);
#define s3_credentials_auto s3_credentials_free

/* Reads the profile of a file such as ~/.aws/credentials. With path "" the environment's AWS_ACCESS_KEY_ID,
 * AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_REGION, of which none may be set. 0 or negative with *e. */
int s3_credentials_read(const char *path, const char *profile, struct s3_credentials *ret, struct err *e);

#endif
