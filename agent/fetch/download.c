/* download.c - see download.h: the cache on one side, attempts on the other. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "fetch/download_state.h"

#define WAIT_MS 200 /* between looks at another run's download */

/* ---- the fetcher ---- */

int fetcher_open(struct fetcher *f, struct loop *loop, const struct fetch_settings *settings,
                 const char *cache_path, struct err *e)
{
    f->loop = loop;
    f->settings = *settings;
    (void)cache_open(cache_path, (uint64_t)settings->cache_bytes, &f->cache, &f->cache_problem);
    f->transfers = transfers_new(loop, e);
    return f->transfers != NULL ? 0 : e->code;
}

void fetcher_stop(struct fetcher *f)
{
    transfers_free(f->transfers);
    f->transfers = NULL;
}

void fetcher_close(struct fetcher *f)
{
    cache_close(&f->cache);
}

static int evict(void *context)
{
    cache_evict(context, clock_wall());
    return 0;
}

static void evicted(void *context, int result)
{
    (void)context;
    (void)result;
}

void fetcher_evict(struct fetcher *f)
{
    if (f->cache_problem.code == 0)
        (void)worker_start(f->loop, evict, evicted, &f->cache);
}

/* ---- life ---- */

static void destroy(struct download *d)
{
    loop_timer_free(d->timer);
    transfer_stop(d->transfer);
    digest_free(d->digest);
    fd_close(&d->fd);
    fd_close(&d->source_fd);
    uri_free(&d->uri);
    free(d->url);
    if (d->bearer != NULL)
        explicit_bzero(d->bearer, strlen(d->bearer));
    free(d->bearer);
    free(d);
}

static void fired(void *context)
{
    struct download *d = context;

    d->on_timer(d);
}

void download_later(struct download *d, int64_t ms, void (*call)(struct download *d))
{
    d->on_timer = call;
    loop_timer_start(d->timer, (uint64_t)ms, 0);
}

void download_work(struct download *d, worker_call call, worker_done done)
{
    struct err e = ERR_INIT;

    d->busy = true;
    if (worker_start(d->fetcher->loop, call, done, d) < 0) {
        d->busy = false;
        (void)err_oom(&e);
        download_fail(d, &e);
    }
}

bool download_came_back(struct download *d)
{
    d->busy = false;
    d->progress.bytes = d->have;
    if (d->stopped)
        destroy(d);
    return d->stopped;
}

void download_done(struct download *d, enum download_from from)
{
    const struct download_hooks hooks = d->hooks;
    const struct cache_object object = d->object;
    const struct err none = ERR_INIT;

    destroy(d);
    hooks.done(hooks.context, &object, from, &none);
}

void download_fail(struct download *d, const struct err *e)
{
    const struct download_hooks hooks = d->hooks;
    const struct err why = *e;

    destroy(d);
    hooks.done(hooks.context, NULL, DOWNLOAD_FETCHED, &why);
}

void download_stop(struct download *d)
{
    if (d == NULL)
        return;
    if (!d->busy) {
        destroy(d);
        return;
    }
    d->stopped = true;
    loop_timer_stop(d->timer);
    transfer_stop(d->transfer);
    d->transfer = NULL;
}

struct progress *download_progress(struct download *d)
{
    if (d->fd < 0 && d->waited)
        d->progress.bytes = cache_partial_bytes(&d->fetcher->cache, d->key);
    else if (d->fd >= 0 && !d->busy) /* then it is the worker's */
        d->progress.bytes = d->have;
    return &d->progress;
}

static void lower(char *to, size_t size, const char *from)
{
    (void)snprintf(to, size, "%s", from != NULL ? from : "");
    for (; *to != '\0'; to++)
        *to = (char)tolower((unsigned char)*to);
}

/* The partial file is of one URI and, when a digest is known, of one content. */
static int make_keys(struct download *d, const char *uri)
{
    AUTO_FREE char *text = NULL;

    if (asprintf(&text, "%s\n%s", uri, d->want_sha256) < 0)
        return -ENOMEM;
    return digest_text(text, d->key) < 0 || digest_text(uri, d->known_key) < 0 ? -EIO : 0;
}

struct download *download_start(struct fetcher *f, const struct download_want *want,
                                const struct download_hooks *hooks, struct err *e)
{
    struct download *d = calloc(1, sizeof(*d));
    const char *problem;
    int r;

    if (d == NULL) {
        (void)err_oom(e);
        return NULL;
    }
    if (f->cache_problem.code < 0) {
        *e = f->cache_problem;
        free(d);
        return NULL;
    }
    d->fetcher = f;
    d->hooks = *hooks;
    d->fd = d->source_fd = -1;
    d->about.total = d->progress.total = -1;
    d->began = clock_wall();
    r = uri_parse(want->uri, &d->uri, &problem);
    if (r == -EINVAL) {
        (void)err_set(e, r, BLAME_ASSIGNMENT, "%s", problem);
        destroy(d);
        return NULL;
    }
    lower(d->want_sha256, sizeof(d->want_sha256), want->sha256);
    lower(d->want_md5, sizeof(d->want_md5), want->md5);
    uri_display(want->uri, d->progress.source);
    d->bearer = want->bearer != NULL ? strdup(want->bearer) : NULL;
    d->timer = loop_timer_new(f->loop, fired, d);
    d->digest = digest_new();
    if (r < 0 || d->timer == NULL || d->digest == NULL || make_keys(d, want->uri) < 0 ||
        (want->bearer != NULL && d->bearer == NULL)) {
        (void)err_oom(e);
        destroy(d);
        return NULL;
    }
    download_later(d, 0, download_begin);
    return d;
}

/* ---- the cache ---- */

void download_hit(struct download *d)
{
    fd_close(&d->fd);
    /* An MD5 that the document gives is known of no object. */
    if (d->fetcher->settings.cache_verify || (d->want_md5[0] != '\0' && d->want_sha256[0] == '\0'))
        download_check(d);
    else
        download_done(d, DOWNLOAD_CACHED);
}

/* What another run fetched while this one waited for it is as fresh as if this one had asked. */
static bool fetched_meanwhile(struct download *d)
{
    if (d->want_sha256[0] != '\0')
        return cache_find(&d->fetcher->cache, d->want_sha256, &d->object) == 0;
    if (!d->waited || !d->has_known || d->known.at.ms < d->began.ms)
        return false;
    d->object = d->known.object;
    return true;
}

static void lock_failed(struct download *d, int code)
{
    struct err e = ERR_INIT;

    if (code == -EWOULDBLOCK) {
        d->waited = d->progress.waiting = true;
        download_later(d, WAIT_MS, download_begin);
        return;
    }
    (void)err_errno(&e, -code, BLAME_NODE, "make a file in the cache");
    download_fail(d, &e);
}

/* A known object is asked for with its version, unless a digest says already that it is another one. */
static void look_at_known(struct download *d)
{
    d->has_known = !d->ignore_known && d->want_sha256[0] == '\0' && d->uri.scheme != URI_FILE &&
                   cache_known_read(&d->fetcher->cache, d->known_key, &d->known) == 0;
}

void download_begin(struct download *d)
{
    const struct cache *c = &d->fetcher->cache;

    if (d->want_sha256[0] != '\0' && cache_find(c, d->want_sha256, &d->object) == 0) {
        download_hit(d);
        return;
    }
    d->fd = cache_partial_lock(c, d->key);
    if (d->fd < 0) {
        lock_failed(d, d->fd);
        return;
    }
    d->progress.waiting = false;
    look_at_known(d);
    if (fetched_meanwhile(d)) {
        download_hit(d);
        return;
    }
    if (d->uri.scheme != URI_FILE && cache_partial_read(c, d->key, &d->about) == 0 &&
        (validator_strong(&d->about.validator) || d->want_sha256[0] != '\0')) {
        download_reread(d);
        return;
    }
    if (download_drop(d) < 0) {
        lock_failed(d, -errno);
        return;
    }
    if (d->uri.scheme == URI_FILE)
        download_copy(d);
    else
        download_ask(d);
}

int download_drop(struct download *d)
{
    d->have = 0;
    d->about = (struct partial){.total = -1};
    d->progress.total = -1;
    if (digest_restart(d->digest) < 0 || ftruncate(d->fd, 0) < 0)
        return -errno;
    return 0;
}

int download_take(struct download *d, const void *bytes, size_t n)
{
    const char *at = bytes;
    int64_t max = d->fetcher->settings.max_bytes;

    if (d->have + n > (uint64_t)max)
        return err_set(&d->refusal, -EFBIG, BLAME_ASSIGNMENT, "it is larger than %lld bytes (fetch.maxBytes)",
                       (long long)max);
    if (digest_add(d->digest, bytes, n) < 0)
        return err_set(&d->refusal, -EIO, BLAME_NODE, "compute its digest");
    while (n > 0) {
        ssize_t written = pwrite(d->fd, at, n, (off_t)d->have);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return err_errno(&d->refusal, errno, BLAME_NODE, "write it to the cache");
        at += written;
        n -= (size_t)written;
        d->have += (uint64_t)written;
    }
    return 0;
}

/* ---- the end of the bytes ---- */

/* The name of what differs, with what was expected and got; false when nothing does. */
static bool mismatch(const struct download *d, const char *sha256, const char *md5, struct err *e)
{
    const struct {
        const char *name, *wanted, *got;
        enum blame blame;
    } pairs[] = {{"SHA-256", d->want_sha256, sha256, BLAME_ASSIGNMENT},
                 {"MD5", d->want_md5, md5, BLAME_ASSIGNMENT},
                 {"MD5 by the server's word", d->about.md5, md5, BLAME_SERVICE}};

    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
        if (pairs[i].wanted[0] != '\0' && pairs[i].got[0] != '\0' &&
            strcmp(pairs[i].wanted, pairs[i].got) != 0) {
            (void)err_set(e, -EBADMSG, pairs[i].blame,
                          "its content is not the expected one: %s should be %s and is %s", pairs[i].name,
                          pairs[i].wanted, pairs[i].got);
            return true;
        }
    if (d->want_md5[0] != '\0' && md5[0] == '\0')
        return err_set(e, -ENOTSUP, BLAME_NODE,
                       "this machine's libcrypto does not compute MD5: give a sha256") < 0;
    return false;
}

static int commit(void *context)
{
    struct download *d = context;
    const struct cache *c = &d->fetcher->cache;
    int r;

    /* First what the URI led to: with the object's name the partial file is free for whoever waits for it, and looks here. */
    if (d->uri.scheme != URI_FILE)
        (void)cache_known_write(c, d->known_key, &d->known);
    r = cache_commit(c, d->key, d->fd, &d->object);
    if (r == -EAGAIN) /* a damaged one was in its place and is gone */
        r = cache_commit(c, d->key, d->fd, &d->object);
    return r;
}

static void committed(void *context, int result)
{
    struct download *d = context;
    struct err e = ERR_INIT;

    if (download_came_back(d))
        return;
    if (result < 0) {
        (void)err_errno(&e, -result, BLAME_NODE, "keep it in the cache");
        download_fail(d, &e);
        return;
    }
    download_done(d, DOWNLOAD_FETCHED);
}

/* Once more from the start: the second time it is the content that is wrong. */
static void begin_anew(struct download *d, const struct err *why)
{
    if (d->mismatched || d->uri.scheme == URI_FILE || why->code != -EBADMSG) {
        (void)download_drop(d);
        download_fail(d, why);
        return;
    }
    d->mismatched = true;
    (void)download_drop(d);
    download_retry(d, "its content was not the expected one", -1, why->blame);
}

void download_complete(struct download *d)
{
    char sha256[SHA256_HEX_BYTES], md5[MD5_HEX_BYTES];
    struct err e = ERR_INIT;

    if (digest_end(d->digest, sha256, md5) < 0) {
        (void)err_set(&e, -EIO, BLAME_NODE, "compute its digest");
        download_fail(d, &e);
        return;
    }
    if (mismatch(d, sha256, md5, &e)) {
        begin_anew(d, &e);
        return;
    }
    (void)snprintf(d->object.sha256, sizeof(d->object.sha256), "%s", sha256);
    d->object.bytes = d->have;
    d->known = (struct cache_known){.object = d->object, .validator = d->about.validator, .at = clock_wall()};
    CRASH_POINT("cache-commit");
    download_work(d, commit, committed);
}

/* ---- attempts ---- */

static uint64_t random_number(void)
{
    uint64_t n = 0;

    if (getrandom(&n, sizeof(n), GRND_NONBLOCK) != (ssize_t)sizeof(n))
        n = (uint64_t)clock_boot().ms * 2654435761U;
    return n;
}

void download_retry(struct download *d, const char *reason, int64_t after_ms, enum blame blame)
{
    boot_ms_t now = clock_boot();
    struct err e = ERR_INIT;
    int64_t delay;

    if (d->have > d->best || d->failures == 0) {
        d->best = d->have > d->best ? d->have : d->best;
        d->failures = 0;
        d->failing_since = now;
    }
    d->failures++;
    (void)snprintf(d->reason, sizeof(d->reason), "%s", reason);
    delay = retry_delay(&d->fetcher->settings.retry, d->failures, now.ms - d->failing_since.ms, after_ms,
                        random_number());
    if (delay < 0) {
        (void)err_set(&e, -EIO, blame, "%s; given up after %lld attempts", reason,
                      (long long)d->progress.attempt);
        download_fail(d, &e);
        return;
    }
    free(d->url);
    d->url = NULL;
    d->redirects = 0;
    d->foreign = false;
    download_later(d, delay, download_ask);
}
