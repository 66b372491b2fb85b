/* oci_sign.c - see oci_sign.h. */
#include "auth/oci_sign.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "base/base64.h"
#include "sys/fd.h"

#define KEY_BYTES_MAX   (64U * 1024)
#define TOKEN_BYTES_MAX (16U * 1024)
#define SIGNED_MAX      (16U * 1024)

struct oci_signer {
    EVP_PKEY *key; /* owned */
    char *key_id;  /* owned */
};

void oci_date(wall_ms_t time, char ret[OCI_DATE_MAX])
{
    time_t seconds = (time_t)(time.ms / 1000);
    struct tm tm = {0};

    /* No program of ours sets a locale, so the names are English. */
    (void)gmtime_r(&seconds, &tm);
    (void)strftime(ret, OCI_DATE_MAX, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

int oci_content_digest(const struct oci_request *request, char ret[OCI_DIGEST_MAX])
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(OCI_DIGEST_MAX - 1);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;

    if (EVP_Digest(request->body_size > 0 ? request->body : "", request->body_size, digest, &size,
                   EVP_sha256(), NULL) != 1 ||
        base64_encode(digest, size, &text) < 0)
        return -ENOMEM;
    (void)snprintf(ret, OCI_DIGEST_MAX, "%s", strbuf_str(&text));
    return 0;
}

int oci_signing_string(const struct oci_request *request, struct strbuf *out)
{
    char digest[OCI_DIGEST_MAX];

    (void)strbuf_addf(out, "date: %s\n(request-target): ", request->date);
    for (const char *p = request->method; *p != '\0'; p++)
        (void)strbuf_addch(out, (char)tolower((unsigned char)*p));
    (void)strbuf_addf(out, " %s\nhost: %s", request->target, request->host);
    if (request->content_type == NULL)
        return out->failed;
    if (oci_content_digest(request, digest) < 0)
        return -ENOMEM;
    return strbuf_addf(out, "\ncontent-length: %zu\ncontent-type: %s\nx-content-sha256: %s",
                       request->body_size, request->content_type, digest);
}

/* ---- the key ---- */

static int give_pass_phrase(char *to, int size, int writing, void *context)
{
    const char *phrase = context;
    size_t n = phrase != NULL ? strlen(phrase) : 0;

    (void)writing;
    if (n == 0 || n > (size_t)size)
        return -1;
    for (size_t i = 0; i < n; i++)
        to[i] = phrase[i]; /* it ends where the return value says */
    return (int)n;
}

/* Links are followed: whoever rotates keys may do it by a link. */
static int read_whole(const char *path, struct strbuf *out)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    return fd < 0 ? -errno : fd_read_all(fd, out);
}

static int read_key(const struct oci_profile *profile, struct oci_signer *s, struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(KEY_BYTES_MAX);
    int r = read_whole(profile->key_file, &text);
    BIO *bio;

    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "read the API key %s", profile->key_file);
    bio = BIO_new_mem_buf(strbuf_str(&text), (int)text.len);
    if (bio != NULL)
        s->key = PEM_read_bio_PrivateKey(bio, NULL, give_pass_phrase, profile->pass_phrase);
    (void)BIO_free(bio);
    if (text.data != NULL)
        explicit_bzero(text.data, text.len);
    if (s->key == NULL)
        return err_set(e, -EINVAL, BLAME_NODE, "%s is not a private key in PEM form%s", profile->key_file,
                       profile->pass_phrase != NULL ? ", or its pass_phrase is wrong"
                                                    : ", or needs a pass_phrase in the profile");
    if (EVP_PKEY_base_id(s->key) != EVP_PKEY_RSA)
        return err_set(e, -EINVAL, BLAME_NODE, "%s is not an RSA key", profile->key_file);
    return 0;
}

static int make_key_id(const struct oci_profile *p, struct oci_signer *s, struct err *e)
{
    AUTO(strbuf) struct strbuf token = STRBUF_INIT(TOKEN_BYTES_MAX);
    int n;

    if (p->token_file == NULL) {
        n = asprintf(&s->key_id, "%s/%s/%s", p->tenancy, p->user, p->fingerprint);
    } else {
        int r = read_whole(p->token_file, &token);
        if (r < 0)
            return err_errno(e, -r, BLAME_NODE, "read the security token %s", p->token_file);
        n = asprintf(&s->key_id, "ST$%.*s", (int)strcspn(strbuf_str(&token), " \r\n"), strbuf_str(&token));
    }
    if (n < 0) {
        s->key_id = NULL;
        return err_oom(e);
    }
    if (strpbrk(s->key_id, "\"\r\n") != NULL)
        return err_set(e, -EINVAL, BLAME_NODE,
                       "the profile of the API key holds a character that no key id has");
    return 0;
}

struct oci_signer *oci_signer_open(const struct oci_profile *profile, struct err *e)
{
    struct oci_signer *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        (void)err_oom(e);
        return NULL;
    }
    if (read_key(profile, s, e) < 0 || make_key_id(profile, s, e) < 0) {
        oci_signer_free(s);
        return NULL;
    }
    return s;
}

void oci_signer_free(struct oci_signer *s)
{
    if (s == NULL)
        return;
    EVP_PKEY_free(s->key);
    free(s->key_id);
    free(s);
}

/* ---- signing ---- */

static int sign_text(const struct oci_signer *s, const struct strbuf *text, struct strbuf *out, struct err *e)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char signature[1024]; /* RSA of 8192 bits */
    size_t n = sizeof(signature);
    bool ok = context != NULL && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, s->key) == 1 &&
              EVP_DigestSign(context, signature, &n, (const unsigned char *)text->data, text->len) == 1;

    EVP_MD_CTX_free(context);
    if (!ok)
        return err_set(e, -EIO, BLAME_NODE, "sign the request with the API key");
    return base64_encode(signature, n, out) < 0 ? err_oom(e) : 0;
}

int oci_sign(const struct oci_signer *s, const struct oci_request *request, struct strlist *headers,
             struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(SIGNED_MAX);
    AUTO(strbuf) struct strbuf signature = STRBUF_INIT(SIGNED_MAX);
    AUTO(strbuf) struct strbuf header = STRBUF_INIT(3 * SIGNED_MAX);
    bool body = request->content_type != NULL;
    char date[OCI_DATE_MAX + 8], digest[OCI_DIGEST_MAX] = "", digest_line[OCI_DIGEST_MAX + 24];

    (void)snprintf(date, sizeof(date), "Date: %s", request->date);
    if (body && oci_content_digest(request, digest) < 0)
        return err_oom(e);
    (void)snprintf(digest_line, sizeof(digest_line), "x-content-sha256: %s", digest);
    if (oci_signing_string(request, &text) < 0)
        return err_set(e, -E2BIG, BLAME_ASSIGNMENT, "the request is too long to be signed");
    if (sign_text(s, &text, &signature, e) < 0)
        return e->code;
    (void)strbuf_addf(
        &header,
        "Authorization: Signature version=\"1\",headers=\"date (request-target) host%s\",keyId=\"%s\","
        "algorithm=\"rsa-sha256\",signature=\"%s\"",
        body ? " content-length content-type x-content-sha256" : "", s->key_id, strbuf_str(&signature));
    if (header.failed != 0 || strlist_add(headers, date) < 0 ||
        strlist_add(headers, strbuf_str(&header)) < 0 || (body && strlist_add(headers, digest_line) < 0))
        return err_oom(e);
    return 0;
}
