/* uri.c - see uri.h. */
#include "base/uri.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"

static const char *const PREFIXES[URI_SCHEME_COUNT] = {
    [URI_FILE] = "file:", [URI_HTTP] = "http://", [URI_HTTPS] = "https://",
    [URI_OCI] = "oci://", [URI_S3] = "s3://",
};

void uri_free(struct uri *u)
{
    free(u->host);
    free(u->bucket);
    free(u->name_space);
    free(u->region);
    free(u->path);
    *u = (struct uri){0};
}

bool uri_has_scheme(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");

    return n >= 2 && isalpha((unsigned char)text[0]) && text[n] == ':';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* malloc'd; NULL with *ret_bad when an escape is none, or stands for NUL. */
static char *decode(const char *text, size_t n, bool *ret_bad)
{
    char *out = malloc(n + 1);
    size_t len = 0;

    for (size_t i = 0; out != NULL && i < n; i++) {
        int high, low;
        if (text[i] != '%') {
            out[len++] = text[i];
            continue;
        }
        high = i + 2 < n ? hex_digit(text[i + 1]) : -1;
        low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        if (low < 0 || (high == 0 && low == 0)) {
            *ret_bad = true;
            free(out);
            return NULL;
        }
        out[len++] = (char)(high * 16 + low);
        i += 2;
    }
    if (out != NULL)
        out[len] = '\0';
    return out;
}

/* ---- each kind ---- */

static const char *parse_file(const char *rest, struct uri *u)
{
    bool bad = false;

    if (strncmp(rest, "//localhost/", 12) == 0)
        rest += 11;
    else if (strncmp(rest, "//", 2) == 0)
        rest += 2;
    if (rest[0] != '/')
        return "a file: URI needs an absolute path, as in file:///data/model.zip";
    if (strpbrk(rest, "?#") != NULL)
        return "a file: URI has neither a query nor a fragment";
    u->path = decode(rest, strlen(rest), &bad);
    return bad ? "'%' must be followed by two hexadecimal digits" : NULL;
}

static const char *parse_http(const char *rest, struct uri *u)
{
    size_t n = strcspn(rest, "/?#");

    if (memchr(rest, '@', n) != NULL)
        return "a name or password does not belong into a URI";
    if (n == 0 || rest[0] == ':')
        return "the host is missing";
    if (strchr(rest, '#') != NULL)
        return "a fragment ('#...') has no meaning here";
    if (strchr(rest, ' ') != NULL)
        return "a blank in the path is written %20";
    u->host = strndup(rest, n);
    u->path = rest[n] == '/' ? strdup(rest + n) : NULL;
    if (rest[n] != '/' && asprintf(&u->path, "/%s", rest + n) < 0)
        u->path = NULL;
    return NULL;
}

static bool word_valid(const char *s, const char *others)
{
    for (const char *p = s; *p != '\0'; p++)
        if (!isalnum((unsigned char)*p) && strchr(others, *p) == NULL)
            return false;
    return s[0] != '\0';
}

/* BUCKET[@NAMESPACE]/OBJECT, with the region behind a question mark: other ones belong to the object's name. */
static const char *parse_object(const char *rest, bool oci, struct uri *u)
{
    const char *region = strstr(rest, "?region=");
    size_t n = strcspn(rest, "/"), end = region != NULL ? (size_t)(region - rest) : strlen(rest);
    const char *at = memchr(rest, '@', n);

    if (oci && at == NULL)
        return "expected oci://BUCKET@NAMESPACE/OBJECT";
    if (n + 1 >= end)
        return oci ? "expected oci://BUCKET@NAMESPACE/OBJECT: the object is missing"
                   : "expected s3://BUCKET/KEY: the key is missing";
    u->bucket = strndup(rest, at != NULL && oci ? (size_t)(at - rest) : n);
    u->name_space = oci ? strndup(at + 1, n - (size_t)(at + 1 - rest)) : NULL;
    u->path = strndup(rest + n + 1, end - n - 1);
    u->region = region != NULL ? strdup(region + 8) : NULL;
    if (u->bucket != NULL && !word_valid(u->bucket, "._-"))
        return "a bucket's name has letters, digits, '.', '_' and '-' only";
    if (u->name_space != NULL && !word_valid(u->name_space, "_-"))
        return "a namespace has letters, digits, '_' and '-' only";
    if (u->region != NULL && !word_valid(u->region, "-"))
        return "a region is a word such as eu-frankfurt-1";
    return NULL;
}

static const char *parse_rest(enum uri_scheme scheme, const char *rest, struct uri *u)
{
    switch (scheme) {
    case URI_FILE: return parse_file(rest, u);
    case URI_HTTP:
    case URI_HTTPS: return parse_http(rest, u);
    case URI_OCI: return parse_object(rest, true, u);
    case URI_S3: return parse_object(rest, false, u);
    case URI_SCHEME_COUNT: break;
    }
    return "unknown scheme";
}

static bool complete(const struct uri *u)
{
    if (u->path == NULL)
        return false;
    switch (u->scheme) {
    case URI_HTTP:
    case URI_HTTPS: return u->host != NULL;
    case URI_OCI: return u->bucket != NULL && u->name_space != NULL;
    case URI_S3: return u->bucket != NULL;
    default: return true;
    }
}

int uri_parse(const char *text, struct uri *ret, const char **ret_problem)
{
    AUTO(uri) struct uri u = {.scheme = URI_SCHEME_COUNT};
    const char *rest = NULL;

    for (size_t i = 0; i < URI_SCHEME_COUNT; i++)
        if (strncasecmp(text, PREFIXES[i], strlen(PREFIXES[i])) == 0) {
            u.scheme = (enum uri_scheme)i;
            rest = text + strlen(PREFIXES[i]);
        }
    *ret_problem = NULL;
    if (strlen(text) > URI_BYTES_MAX)
        *ret_problem = "the URI is longer than 4096 bytes";
    for (const char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7F)
            *ret_problem = "a control character is not allowed in a URI";
    if (*ret_problem == NULL)
        *ret_problem = rest == NULL
                           ? "expected a URI that begins with file:, http://, https://, oci:// or s3://"
                           : parse_rest(u.scheme, rest, &u);
    if (*ret_problem != NULL)
        return -EINVAL;
    if (!complete(&u))
        return -ENOMEM;
    *ret = u;
    u = (struct uri){0};
    return 0;
}

char *uri_name(const struct uri *u)
{
    bool http = u->scheme == URI_HTTP || u->scheme == URI_HTTPS;
    size_t n = http ? strcspn(u->path, "?") : strlen(u->path), start = n;
    bool bad = false;
    char *name;

    while (start > 0 && u->path[start - 1] != '/')
        start--;
    if (!http)
        return strndup(u->path + start, n - start);
    name = decode(u->path + start, n - start, &bad);
    return bad ? strdup("") : name;
}

void uri_display(const char *text, char ret[URI_DISPLAY_MAX])
{
    size_t end = strcspn(text, "?#"), used = 0, skip_from = 0, skip_to = 0;
    const char *slashes = strstr(text, "://");
    bool oci = strncasecmp(text, "oci:", 4) == 0;

    /* What stands before '@' in an authority is a name and a password, but in oci: a bucket. */
    if (!oci && slashes != NULL && (size_t)(slashes - text) < end) {
        size_t begin = (size_t)(slashes - text) + 3;
        for (size_t i = begin; i < end && text[i] != '/'; i++)
            if (text[i] == '@') {
                skip_from = begin;
                skip_to = i + 1;
            }
    }
    for (size_t i = 0; i < end && used < URI_DISPLAY_MAX - 4; i++) {
        unsigned char c = (unsigned char)text[i];
        if (i >= skip_from && i < skip_to)
            continue;
        ret[used++] = c < 0x20 || c == 0x7F ? '?' : (char)c;
        if (used == URI_DISPLAY_MAX - 4 && i + 1 < end) {
            memcpy(ret + used, "...", 3);
            used += 3;
        }
    }
    ret[used] = '\0';
}

int uri_encode(const char *text, const char *keep, struct strbuf *out)
{
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if ((c < 0x80 && isalnum(c)) || strchr("-._~", c) != NULL || strchr(keep, c) != NULL)
            (void)strbuf_addch(out, *p);
        else
            (void)strbuf_addf(out, "%%%02X", c);
    }
    return out->failed;
}
