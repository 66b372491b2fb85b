/*
 * digest.h - SHA-256, and MD5 where a server still speaks of it, of bytes as they come.
 */
#ifndef FETCH_DIGEST_H
#define FETCH_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#define SHA256_HEX_BYTES 65

struct digest;

/* NULL without memory, or when this machine's libcrypto has no SHA-256. MD5 may be switched off (FIPS): then there is none. */
struct digest *digest_new(void);
void digest_free(struct digest *d);

/* Begins anew. 0 or -EIO. */
int digest_restart(struct digest *d);
int digest_add(struct digest *d, const void *bytes, size_t n);

/* Ends it: lower-case hexadecimal; md5 is "" when there is none. 0 or -EIO. */
int digest_end(struct digest *d, char sha256[SHA256_HEX_BYTES], char md5[33]);

/* The SHA-256 of a text. 0 or -EIO. */
int digest_text(const char *text, char sha256[SHA256_HEX_BYTES]);

#endif
