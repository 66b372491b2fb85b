/* credentials.c - see credentials.h. */
#include "assignment/http/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "auth/oci_sign.h"
#include "base/auto.h"
#include "sys/fd.h"

#define TOKEN_BYTES_MAX (16U * 1024)

/* A token goes into a header: one word of visible characters. */
static int check_token(const char *path, const char *token, size_t n, struct err *e)
{
    if (n == 0)
        return err_set(e, -EINVAL, BLAME_NODE, "http.tokenFile: %s holds no token", path);
    for (size_t i = 0; i < n; i++)
        if (token[i] <= ' ' || token[i] > '~')
            return err_set(e, -EINVAL, BLAME_NODE, "http.tokenFile: %s holds more than one word", path);
    return 0;
}

/* Links are followed: whoever rotates tokens may do it by a link. */
static int add_bearer(const char *path, struct strlist *headers, struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(TOKEN_BYTES_MAX);
    AUTO(strbuf) struct strbuf line = STRBUF_INIT(TOKEN_BYTES_MAX + 32);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    int r = fd < 0 ? -errno : fd_read_all(fd, &text);
    size_t n;

    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "http.tokenFile: read %s", path);
    n = text.len;
    while (n > 0 && strchr(" \r\n\t", text.data[n - 1]) != NULL)
        n--;
    if (check_token(path, strbuf_str(&text), n, e) < 0)
        return e->code;
    (void)strbuf_addf(&line, "Authorization: Bearer %.*s", (int)n, text.data);
    r = line.failed != 0 ? line.failed : strlist_add(headers, strbuf_str(&line));
    explicit_bzero(text.data, text.len);
    if (line.data != NULL)
        explicit_bzero(line.data, line.len);
    return r < 0 ? err_oom(e) : 0;
}

static int add_signature(const struct credentials_request *r, struct strlist *headers, struct err *e)
{
    AUTO(oci_profile) struct oci_profile profile = {0};
    AUTO_FREE char *host = NULL;
    const char *authority = strstr(r->url, "://");
    char date[OCI_DATE_MAX];
    struct oci_request request = {.method = r->method, .date = date};
    struct oci_signer *signer;
    int failed;

    if (authority == NULL)
        return err_set(e, -EINVAL, BLAME_NODE, "http.endpoint is no URL");
    authority += 3;
    host = strndup(authority, strcspn(authority, "/?"));
    if (host == NULL)
        return err_oom(e);
    request.host = host;
    request.target = authority + strcspn(authority, "/?");
    if (r->body != NULL) {
        request.content_type = CONTROL_CONTENT_TYPE;
        request.body = strbuf_str(r->body);
        request.body_size = r->body->len;
    }
    if (oci_profile_read(r->settings->oci_config, r->settings->oci_profile, &profile, e) < 0)
        return e->code;
    oci_date(r->now, date);
    signer = oci_signer_open(&profile, e);
    if (signer == NULL)
        return e->code;
    failed = oci_sign(signer, &request, headers, e);
    oci_signer_free(signer);
    return failed;
}

int credentials_add(const struct credentials_request *r, struct strlist *headers, struct err *e)
{
    if (strcmp(r->settings->auth, "bearer") == 0)
        return add_bearer(r->settings->token_file, headers, e);
    if (strcmp(r->settings->auth, "oci") == 0)
        return add_signature(r, headers, e);
    return 0;
}
