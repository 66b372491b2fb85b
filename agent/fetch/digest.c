/* digest.c - see digest.h. */
#include "fetch/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"

struct digest {
    EVP_MD_CTX *sha256, *md5; /* owned */
    bool has_md5;
};

struct digest *digest_new(void)
{
    struct digest *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return NULL;
    d->sha256 = EVP_MD_CTX_new();
    d->md5 = EVP_MD_CTX_new();
    if (d->sha256 == NULL || d->md5 == NULL || digest_restart(d) < 0) {
        digest_free(d);
        return NULL;
    }
    return d;
}

void digest_free(struct digest *d)
{
    if (d == NULL)
        return;
    EVP_MD_CTX_free(d->sha256);
    EVP_MD_CTX_free(d->md5);
    free(d);
}

int digest_restart(struct digest *d)
{
    d->has_md5 = EVP_DigestInit_ex(d->md5, EVP_md5(), NULL) == 1;
    return EVP_DigestInit_ex(d->sha256, EVP_sha256(), NULL) == 1 ? 0 : -EIO;
}

int digest_add(struct digest *d, const void *bytes, size_t n)
{
    if (d->has_md5 && EVP_DigestUpdate(d->md5, bytes, n) != 1)
        return -EIO;
    return EVP_DigestUpdate(d->sha256, bytes, n) == 1 ? 0 : -EIO;
}

int digest_end(struct digest *d, char sha256[SHA256_HEX_BYTES], char md5[33])
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    md5[0] = '\0';
    if (d->has_md5) {
        if (EVP_DigestFinal_ex(d->md5, bytes, &n) != 1 || n != 16)
            return -EIO;
        hex_encode(bytes, n, md5);
    }
    if (EVP_DigestFinal_ex(d->sha256, bytes, &n) != 1 || n != 32)
        return -EIO;
    hex_encode(bytes, n, sha256);
    return 0;
}

int digest_text(const char *text, char sha256[SHA256_HEX_BYTES])
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (EVP_Digest(text, strlen(text), bytes, &n, EVP_sha256(), NULL) != 1 || n != 32)
        return -EIO;
    hex_encode(bytes, n, sha256);
    return 0;
}
