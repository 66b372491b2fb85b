/* download_http.c - one request after the other, until the bytes are here. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/auto.h"
#include "fetch/download_state.h"
#include "fetch/source.h"

#define REDIRECTS_MAX   5
#define STALL_BYTES     1024 /* a second: less than that is no transfer */
#define DISK_LEFT_BYTES (64ULL << 20)

/* ---- asking ---- */

static bool resumable(const struct download *d)
{
    return validator_strong(&d->about.validator) || d->want_sha256[0] != '\0';
}

static int add(struct strlist *headers, const char *name, const char *value)
{
    char line[VALIDATOR_MAX + 64];

    (void)snprintf(line, sizeof(line), "%s: %s", name, value);
    return strlist_add(headers, line);
}

/* Only the rest, of the same version; or only what is newer than what is known. */
static int add_conditions(const struct download *d, struct strlist *headers)
{
    const struct validator *v = d->have > 0 ? &d->about.validator : &d->known.validator;
    char range[64];

    if (d->have > 0) {
        (void)snprintf(range, sizeof(range), "Range: bytes=%llu-", (unsigned long long)d->have);
        if (strlist_add(headers, range) < 0)
            return -ENOMEM;
        if (!validator_strong(v))
            return 0;
        return add(headers, "If-Range", v->etag[0] != '\0' ? v->etag : v->last_modified);
    }
    if (!d->has_known)
        return 0;
    if (v->etag[0] != '\0')
        return add(headers, "If-None-Match", v->etag);
    return v->last_modified[0] != '\0' ? add(headers, "If-Modified-Since", v->last_modified) : 0;
}

static int make_request(struct download *d, struct source_request *ret, struct err *e)
{
    static const struct uri PLAIN = {.scheme = URI_HTTPS};
    const struct fetch_settings *s = &d->fetcher->settings;

    if (d->url == NULL) {
        AUTO(strbuf) struct strbuf url = STRBUF_INIT(URL_BYTES_MAX);
        if (source_url(s, &d->uri, &url, e) < 0)
            return e->code;
        d->url = strbuf_take(&url);
        if (d->url == NULL)
            return err_oom(e);
    }
    if (source_request(s, d->foreign ? &PLAIN : &d->uri, d->url, d->foreign ? NULL : d->bearer, clock_wall(),
                       ret, e) < 0)
        return e->code;
    if (ret->aws_sigv4 != NULL && !transfer_can_sign_s3())
        return err_set(e, -ENOTSUP, BLAME_NODE,
                       "this machine's libcurl cannot sign requests for S3 (7.75 or later can)");
    return add_conditions(d, &ret->headers) < 0 ? err_oom(e) : 0;
}

/* ---- the answer ---- */

static void on_header(void *context, const char *line, size_t n)
{
    struct download *d = context;

    answer_line(&d->answer, line, n, clock_wall());
}

static int fits(struct download *d, int64_t total)
{
    const struct fetch_settings *s = &d->fetcher->settings;
    struct statvfs vfs;
    uint64_t room;

    if (total < 0)
        return 0;
    if (total > s->max_bytes)
        return err_set(&d->refusal, -EFBIG, BLAME_ASSIGNMENT,
                       "it has %lld bytes, more than the %lld of fetch.maxBytes", (long long)total,
                       (long long)s->max_bytes);
    if (fstatvfs(d->fd, &vfs) < 0)
        return 0;
    room = (uint64_t)vfs.f_bavail * vfs.f_frsize;
    if ((uint64_t)total - d->have + DISK_LEFT_BYTES > room)
        return err_set(&d->refusal, -ENOSPC, BLAME_NODE,
                       "it has %lld bytes and the disk of the cache %llu left", (long long)total,
                       (unsigned long long)room);
    return 0;
}

/* The whole object comes: what is noted of it is what a later attempt goes on with. */
static int begin_whole(struct download *d)
{
    if (d->have > 0 && download_drop(d) < 0)
        return err_errno(&d->refusal, errno, BLAME_NODE, "write it to the cache");
    d->about.validator = d->answer.validator;
    d->about.total = d->progress.total = d->answer.length;
    answer_md5(&d->answer, d->uri.scheme == URI_S3, d->about.md5);
    if (fits(d, d->answer.length) < 0)
        return d->refusal.code;
    (void)cache_partial_write(&d->fetcher->cache, d->key, &d->about);
    return 0;
}

/* Called with the first byte of the body, or at its end when there is none. 0, or negative to end the transfer. */
static int decide(struct download *d)
{
    d->decided = true;
    d->use = answer_use(&d->answer, (int64_t)d->have, &d->about.validator, d->about.total);
    if (d->use == ANSWER_REPLACE)
        return begin_whole(d);
    if (d->use == ANSWER_APPEND)
        return fits(d, d->answer.range_total);
    return d->use == ANSWER_RESTART ? -EAGAIN : 0;
}

static int on_bytes(void *context, const void *bytes, size_t n)
{
    struct download *d = context;
    size_t room = ERROR_BODY_MAX - d->body_len;

    if (!d->decided && decide(d) < 0)
        return -1;
    if (d->use == ANSWER_REPLACE || d->use == ANSWER_APPEND)
        return download_take(d, bytes, n);
    /* An error's text: its beginning is enough. */
    n = n < room ? n : room;
    memcpy(d->body + d->body_len, bytes, n);
    d->body_len += n;
    return 0;
}

/* The service's word for the error: OCI's "code":"X", S3's <Code>X</Code>. Letters only, as it goes into messages. */
static void error_code(const struct download *d, char ret[64])
{
    const char *at = strstr(d->body, "\"code\"");
    size_t n = 0;

    ret[0] = '\0';
    if (at != NULL)
        at += 6 + strspn(at + 6, " :\n\"");
    else if ((at = strstr(d->body, "<Code>")) != NULL)
        at += 6;
    while (at != NULL && n < 63 && isalnum((unsigned char)at[n])) {
        ret[n] = at[n];
        n++;
    }
    ret[n] = '\0';
}

/* ---- the end of an answer ---- */

static void fail(struct download *d, enum blame blame, const char *text)
{
    struct err e = ERR_INIT;

    (void)err_set(&e, -EIO, blame, "%s", text);
    download_fail(d, &e);
}

static void follow(struct download *d, const char *location)
{
    enum source_redirect way = source_redirect(d->url, location);
    char *copy;

    if (++d->redirects > REDIRECTS_MAX) {
        fail(d, BLAME_SERVICE, "the server redirects more than 5 times");
        return;
    }
    if (way == REDIRECT_REFUSED) {
        fail(d, BLAME_SERVICE,
             "the server redirects to where it is not safe to go: from https, or to no http at all");
        return;
    }
    copy = strdup(location);
    if (copy == NULL) {
        fail(d, BLAME_NODE, "out of memory");
        return;
    }
    d->foreign = d->foreign || way == REDIRECT_FOREIGN;
    free(d->url);
    d->url = copy;
    download_later(d, 0, download_ask);
}

static const char *remedy(const struct download *d, long status, bool *ret_node)
{
    bool cloud = d->uri.scheme == URI_OCI || d->uri.scheme == URI_S3;

    *ret_node = cloud && (status == 401 || status == 403);
    if (status == 401 || status == 403)
        return d->uri.scheme == URI_OCI
                   ? ": is the node's API key right, and may it read this (auth.ociConfig)?"
               : d->uri.scheme == URI_S3 ? ": are the node's credentials right, and may they read this?"
                                         : ": does the URI still give access?";
    return status == 404 || status == 410 ? ": is the name right?" : "";
}

static void answered_error(struct download *d, const struct transfer_result *result)
{
    char code[64], text[200];
    bool node;
    const char *help;

    if (result->status >= 300 && result->status < 400 && result->location != NULL) {
        follow(d, result->location);
        return;
    }
    error_code(d, code);
    (void)snprintf(text, sizeof(text), "the server answered %ld%s%s%s", result->status,
                   code[0] != '\0' ? " (" : "", code, code[0] != '\0' ? ")" : "");
    if (retry_status(result->status, code)) {
        download_retry(d, text, d->answer.after_ms, BLAME_SERVICE);
        return;
    }
    help = remedy(d, result->status, &node);
    (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s", help);
    fail(d, node ? BLAME_NODE : BLAME_ASSIGNMENT, text);
}

static void answered_whole(struct download *d)
{
    bool told = d->about.total >= 0 || answer_ends(&d->answer);

    if (d->about.total >= 0 && d->have != (uint64_t)d->about.total) {
        download_retry(d, "the server sent less than it promised", -1, BLAME_SERVICE);
        return;
    }
    if (!told && d->want_sha256[0] == '\0' && d->want_md5[0] == '\0' && d->about.md5[0] == '\0') {
        fail(d, BLAME_SERVICE,
             "the server says neither a length nor a checksum, so that nobody can tell whether this is all: "
             "give a sha256");
        return;
    }
    download_complete(d);
}

static void answered_current(struct download *d)
{
    if (!d->has_known || cache_find(&d->fetcher->cache, d->known.object.sha256, &d->object) < 0) {
        d->has_known = false;
        download_retry(d, "what was in the cache is gone", -1, BLAME_NODE);
        return;
    }
    d->known.at = clock_wall();
    (void)cache_known_write(&d->fetcher->cache, d->known_key, &d->known);
    download_hit(d);
}

static void answered(struct download *d, const struct transfer_result *result)
{
    switch (d->use) {
    case ANSWER_REPLACE:
    case ANSWER_APPEND:
    case ANSWER_WHOLE: answered_whole(d); break;
    case ANSWER_CURRENT: answered_current(d); break;
    case ANSWER_RESTART:
        if (download_drop(d) < 0)
            fail(d, BLAME_NODE, "write it to the cache");
        else
            download_retry(d, "the object is another one than before", -1, BLAME_SERVICE);
        break;
    case ANSWER_ERROR:
    default: answered_error(d, result); break;
    }
}

static void on_done(void *context, const struct transfer_result *result)
{
    struct download *d = context;
    char text[256];

    d->transfer = NULL;
    if (result->end == TRANSFER_COMPLETE && !d->decided && decide(d) < 0 && d->refusal.text[0] != '\0') {
        download_fail(d, &d->refusal);
        return;
    }
    switch (result->end) {
    case TRANSFER_COMPLETE: answered(d, result); return;
    case TRANSFER_REFUSED:
        if (d->refusal.text[0] == '\0')
            answered(d, result);
        else
            download_fail(d, &d->refusal);
        return;
    case TRANSFER_DISTRUSTED:
    case TRANSFER_IMPOSSIBLE:
        fail(d, result->end == TRANSFER_DISTRUSTED ? BLAME_NODE : BLAME_ASSIGNMENT, result->reason);
        return;
    case TRANSFER_STALLED: (void)snprintf(text, sizeof(text), "the transfer stalled"); break;
    case TRANSFER_CUT:
    case TRANSFER_UNREACHABLE:
    default: (void)snprintf(text, sizeof(text), "%s", result->reason); break;
    }
    download_retry(d, text, -1, BLAME_SERVICE);
}

void download_ask(struct download *d)
{
    const struct fetch_settings *s = &d->fetcher->settings;
    const struct transfer_events events = {on_header, on_bytes, on_done, d};
    AUTO(source_request) struct source_request r = {0};
    struct transfer_request request = {.connect_ms = s->connect_ms,
                                       .stall_ms = s->stall_ms,
                                       .stall_bytes = STALL_BYTES,
                                       .metadata = s->metadata,
                                       .ca_file = s->ca_file[0] != '\0' ? s->ca_file : NULL};
    struct err e = ERR_INIT;

    if (d->have > 0 && !resumable(d) && download_drop(d) < 0) {
        fail(d, BLAME_NODE, "write it to the cache");
        return;
    }
    if (make_request(d, &r, &e) < 0) {
        download_fail(d, &e);
        return;
    }
    d->answer = (struct answer){.length = -1};
    d->decided = false;
    d->body_len = 0;
    memset(d->body, 0, sizeof(d->body));
    if (d->redirects == 0)
        d->progress.attempt++;
    if (d->reason[0] != '\0')
        d->hooks.resumed(d->hooks.context, d->progress.attempt, (int64_t)d->have, d->reason);
    d->reason[0] = '\0';
    request.url = r.url;
    request.headers = &r.headers;
    request.aws_sigv4 = r.aws_sigv4;
    request.user_password = r.user_password;
    d->transfer = transfer_start(d->fetcher->transfers, &request, &events, &e);
    if (d->transfer == NULL)
        download_fail(d, &e);
}
