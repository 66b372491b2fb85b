/* source.c - see source.h. */
#include "fetch/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "auth/oci_sign.h"
#include "auth/s3_credentials.h"
#include "base/auto.h"
#include "base/strbuf.h"

#define S3_REGION_DEFAULT "us-east-1"
#define HEADER_MAX        (16U * 1024)

void source_request_free(struct source_request *r)
{
    if (r->user_password != NULL)
        explicit_bzero(r->user_password, strlen(r->user_password));
    free(r->url);
    strlist_free(&r->headers);
    free(r->aws_sigv4);
    free(r->user_password);
    *r = (struct source_request){0};
}

/* ---- URLs ---- */

static size_t without_slash(const char *endpoint)
{
    size_t n = strlen(endpoint);

    while (n > 0 && endpoint[n - 1] == '/')
        n--;
    return n;
}

static int put_oci(const struct fetch_settings *s, const struct uri *u, struct strbuf *out, struct err *e)
{
    AUTO(oci_profile) struct oci_profile profile = {0};
    const char *region = u->region;

    if (s->oci_endpoint[0] != '\0') {
        (void)strbuf_add(out, s->oci_endpoint, without_slash(s->oci_endpoint));
    } else {
        if (region == NULL && s->oci_config[0] != '\0') {
            if (oci_profile_read(s->oci_config, s->oci_profile, &profile, e) < 0)
                return e->code;
            region = profile.region;
        }
        if (region == NULL)
            return err_set(
                e, -EINVAL, BLAME_ASSIGNMENT,
                "the region is not known: add ?region=REGION to the URI, or 'region' to the node's OCI "
                "profile (auth.ociConfig)");
        (void)strbuf_addf(out, "https://objectstorage.%s.oraclecloud.com", region);
    }
    (void)strbuf_addf(out, "/n/%s/b/%s/o/", u->name_space, u->bucket);
    return uri_encode(u->path, "/", out);
}

static const char *s3_region(const struct fetch_settings *s, const struct uri *u,
                             const struct s3_credentials *c)
{
    if (u->region != NULL)
        return u->region;
    if (s->s3_region[0] != '\0')
        return s->s3_region;
    return c->region != NULL ? c->region : S3_REGION_DEFAULT;
}

static int put_s3(const struct fetch_settings *s, const struct uri *u, struct strbuf *out, struct err *e)
{
    AUTO(s3_credentials) struct s3_credentials c = {0};

    if (s->s3_endpoint[0] != '\0') {
        (void)strbuf_add(out, s->s3_endpoint, without_slash(s->s3_endpoint));
        (void)strbuf_addf(out, "/%s/", u->bucket);
    } else {
        if (s3_credentials_read(s->s3_credentials, s->s3_profile, &c, e) < 0)
            return e->code;
        (void)strbuf_addf(out, "https://%s.s3.%s.amazonaws.com/", u->bucket, s3_region(s, u, &c));
    }
    return uri_encode(u->path, "/", out);
}

int source_url(const struct fetch_settings *s, const struct uri *u, struct strbuf *out, struct err *e)
{
    int r;

    switch (u->scheme) {
    case URI_HTTP: r = strbuf_addf(out, "http://%s%s", u->host, u->path); break;
    case URI_HTTPS: r = strbuf_addf(out, "https://%s%s", u->host, u->path); break;
    case URI_OCI: r = put_oci(s, u, out, e); break;
    case URI_S3: r = put_s3(s, u, out, e); break;
    default: return err_set(e, -EINVAL, BLAME_BUG, "a file has no URL");
    }
    if (r == -E2BIG && e->text[0] == '\0')
        return err_set(e, r, BLAME_ASSIGNMENT, "the URI is too long");
    return r == -ENOMEM ? err_oom(e) : r;
}

/* ---- credentials ---- */

/* The part of a URL from its path on. */
static const char *target_of(const char *url)
{
    const char *slashes = strstr(url, "://");
    const char *path = slashes != NULL ? strchr(slashes + 3, '/') : NULL;

    return path != NULL ? path : "/";
}

static int sign_oci(const struct fetch_settings *s, const char *url, wall_ms_t now,
                    struct source_request *ret, struct err *e)
{
    AUTO(oci_profile) struct oci_profile profile = {0};
    AUTO_FREE char *host = NULL;
    char date[OCI_DATE_MAX];
    struct oci_request request = {.method = "GET", .target = target_of(url), .date = date};
    struct oci_signer *signer;
    const char *authority = strstr(url, "://");
    int r;

    if (s->oci_config[0] == '\0')
        return 0;
    if (authority == NULL)
        return err_set(e, -EINVAL, BLAME_NODE, "auth.ociEndpoint is no URL");
    if (oci_profile_read(s->oci_config, s->oci_profile, &profile, e) < 0)
        return e->code;
    host = strndup(authority + 3, strcspn(authority + 3, "/?"));
    if (host == NULL)
        return err_oom(e);
    request.host = host;
    oci_date(now, date);
    signer = oci_signer_open(&profile, e);
    if (signer == NULL)
        return e->code;
    r = oci_sign(signer, &request, &ret->headers, e);
    oci_signer_free(signer);
    return r;
}

static int sign_s3(const struct fetch_settings *s, const struct uri *u, struct source_request *ret,
                   struct err *e)
{
    AUTO(s3_credentials) struct s3_credentials c = {0};
    AUTO(strbuf) struct strbuf header = STRBUF_INIT(HEADER_MAX);

    if (s3_credentials_read(s->s3_credentials, s->s3_profile, &c, e) < 0)
        return e->code;
    if (c.key_id == NULL)
        return 0;
    if (asprintf(&ret->aws_sigv4, "aws:amz:%s:s3", s3_region(s, u, &c)) < 0)
        ret->aws_sigv4 = NULL;
    if (asprintf(&ret->user_password, "%s:%s", c.key_id, c.secret) < 0)
        ret->user_password = NULL;
    if (ret->aws_sigv4 == NULL || ret->user_password == NULL)
        return err_oom(e);
    if (c.session_token == NULL)
        return 0;
    (void)strbuf_addf(&header, "x-amz-security-token: %s", c.session_token);
    return header.failed != 0 || strlist_add(&ret->headers, strbuf_str(&header)) < 0 ? err_oom(e) : 0;
}

static int add_bearer(const char *bearer, struct source_request *ret, struct err *e)
{
    AUTO(strbuf) struct strbuf header = STRBUF_INIT(HEADER_MAX);

    if (bearer == NULL)
        return 0;
    (void)strbuf_addf(&header, "Authorization: Bearer %s", bearer);
    return header.failed != 0 || strlist_add(&ret->headers, strbuf_str(&header)) < 0 ? err_oom(e) : 0;
}

int source_request(const struct fetch_settings *s, const struct uri *u, const char *url, const char *bearer,
                   wall_ms_t now, struct source_request *ret, struct err *e)
{
    AUTO(source_request) struct source_request r = {0};
    int code = 0;

    r.url = strdup(url);
    if (r.url == NULL || strlist_add(&r.headers, "User-Agent: runlet/" RUNLET_VERSION) < 0)
        return err_oom(e);
    if (u->scheme == URI_OCI)
        code = sign_oci(s, url, now, &r, e);
    else if (u->scheme == URI_S3)
        code = sign_s3(s, u, &r, e);
    else
        code = add_bearer(bearer, &r, e);
    if (code < 0)
        return code;
    *ret = r;
    r = (struct source_request){0};
    return 0;
}

enum source_redirect source_redirect(const char *from, const char *to)
{
    AUTO(uri) struct uri a = {0};
    AUTO(uri) struct uri b = {0};
    const char *problem;

    if (uri_parse(from, &a, &problem) < 0 || uri_parse(to, &b, &problem) < 0)
        return REDIRECT_REFUSED;
    if (a.host == NULL || b.host == NULL)
        return REDIRECT_REFUSED;
    if (b.scheme != URI_HTTPS && (b.scheme != URI_HTTP || a.scheme != URI_HTTP))
        return REDIRECT_REFUSED;
    return a.scheme == b.scheme && strcasecmp(a.host, b.host) == 0 ? REDIRECT_SAME : REDIRECT_FOREIGN;
}

/* ---- files ---- */

/* How many bytes of the path lead to what is below the root; 0 when it is not below it. */
static size_t below(const char *path, const char *root)
{
    size_t n = strlen(root);

    while (n > 0 && root[n - 1] == '/')
        n--;
    return strncmp(path, root, n) == 0 && path[n] == '/' ? n + 1 : 0;
}

static int open_component(int *dir, const char *name, size_t n, bool last)
{
    char component[256];
    int fd;

    if (n == 0 || (n == 1 && name[0] == '.'))
        return last ? -EISDIR : 0;
    if (n >= sizeof(component) || (n == 2 && strncmp(name, "..", 2) == 0))
        return -EINVAL;
    (void)snprintf(component, sizeof(component), "%.*s", (int)n, name);
    fd = openat(*dir, component,
                last ? O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY
                     : O_PATH | O_CLOEXEC | O_NOFOLLOW | O_DIRECTORY);
    if (fd < 0)
        return -errno;
    fd_close(dir);
    *dir = fd;
    return 0;
}

static int walk(int root, const char *rest)
{
    AUTO_CLOSE int fd = root;
    int r = 0;

    while (r == 0) {
        size_t n = strcspn(rest, "/");
        bool last = rest[n] == '\0';
        r = open_component(&fd, rest, n, last);
        if (last)
            break;
        rest += n + 1;
    }
    return r < 0 ? r : take_fd(&fd);
}

int source_open_file(const struct fetch_settings *s, const char *path, struct err *e)
{
    for (const char *at = s->file_roots; *(at += strspn(at, " ")) != '\0'; at += strcspn(at, " ")) {
        AUTO_FREE char *root = strndup(at, strcspn(at, " "));
        size_t led = root != NULL ? below(path, root) : 0;
        AUTO_CLOSE int fd = -1;
        struct stat st;
        int dir;
        if (led == 0)
            continue;
        dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
            return err_errno(e, errno, BLAME_NODE, "open %s (fetch.fileRoots)", root);
        fd = walk(dir, path + led);
        if (fd < 0)
            return err_errno(e, -fd, fd == -ENOENT || fd == -ELOOP ? BLAME_ASSIGNMENT : BLAME_NODE,
                             "open the file");
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
            return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "it is not a regular file");
        return take_fd(&fd);
    }
    return err_set(e, -EACCES, BLAME_ASSIGNMENT,
                   "this node reads no files for jobs outside of the folders in fetch.fileRoots");
}
