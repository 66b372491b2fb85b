/* download_copy.c - bytes that are read from a disk, some megabytes at a time on another thread. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "fetch/download_state.h"
#include "fetch/source.h"

#define PIECE_BYTES (256U * 1024)
#define STEP_BYTES  (8U << 20)

static ssize_t read_some(int fd, char *to, size_t size)
{
    ssize_t n;

    do
        n = read(fd, to, size);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* One step: reads from source_fd and hands each piece on. */
static int step(struct download *d, int (*take)(struct download *d, const void *bytes, size_t n))
{
    AUTO_FREE char *piece = malloc(PIECE_BYTES);
    size_t done = 0;

    if (piece == NULL)
        return err_oom(&d->refusal);
    while (done < STEP_BYTES) {
        ssize_t n = read_some(d->source_fd, piece, PIECE_BYTES);
        if (n < 0)
            return err_errno(&d->refusal, (int)-n, BLAME_NODE, "read it");
        if (n == 0) {
            d->source_ended = true;
            return 0;
        }
        if (take(d, piece, (size_t)n) < 0)
            return d->refusal.code;
        done += (size_t)n;
    }
    return 0;
}

static int digest_only(struct download *d, const void *bytes, size_t n)
{
    if (digest_add(d->digest, bytes, n) < 0)
        return err_set(&d->refusal, -EIO, BLAME_NODE, "compute its digest");
    d->have += n;
    return 0;
}

/* ---- file: ---- */

static int copy_step(void *context)
{
    return step(context, download_take);
}

static void copied(void *context, int result)
{
    struct download *d = context;

    if (download_came_back(d))
        return;
    if (result < 0)
        download_fail(d, &d->refusal);
    else if (d->source_ended)
        download_complete(d);
    else
        download_work(d, copy_step, copied);
}

void download_copy(struct download *d)
{
    struct err e = ERR_INIT;
    off_t size;

    d->progress.attempt++;
    d->source_fd = source_open_file(&d->fetcher->settings, d->uri.path, &e);
    if (d->source_fd < 0) {
        download_fail(d, &e);
        return;
    }
    size = lseek(d->source_fd, 0, SEEK_END);
    (void)lseek(d->source_fd, 0, SEEK_SET);
    d->progress.total = size;
    d->source_ended = false;
    download_work(d, copy_step, copied);
}

/* ---- bytes of a former attempt ---- */

static int reread_step(void *context)
{
    return step(context, digest_only);
}

static void reread(void *context, int result)
{
    struct download *d = context;

    if (download_came_back(d))
        return;
    if (result == 0 && !d->source_ended) {
        download_work(d, reread_step, reread);
        return;
    }
    fd_close(&d->source_fd);
    if (result < 0 && download_drop(d) < 0) {
        download_fail(d, &d->refusal);
        return;
    }
    d->refusal = ERR_INIT;
    d->progress.total = d->about.total;
    d->best = d->have;
    download_ask(d);
}

void download_reread(struct download *d)
{
    d->source_ended = false;
    d->source_fd = fcntl(d->fd, F_DUPFD_CLOEXEC, 0);
    if (d->source_fd < 0 || lseek(d->source_fd, 0, SEEK_SET) < 0) {
        (void)err_errno(&d->refusal, errno, BLAME_NODE, "read what is here already");
        download_fail(d, &d->refusal);
        return;
    }
    download_work(d, reread_step, reread);
}

/* ---- an object of the cache, before it is used ---- */

static void checked(void *context, int result)
{
    struct download *d = context;
    char sha256[SHA256_HEX_BYTES], md5[MD5_HEX_BYTES];
    bool sound;

    if (download_came_back(d))
        return;
    if (result == 0 && !d->source_ended) {
        download_work(d, reread_step, checked);
        return;
    }
    fd_close(&d->source_fd);
    sound = result == 0 && digest_end(d->digest, sha256, md5) == 0 && strcmp(sha256, d->object.sha256) == 0;
    if (sound && (d->want_md5[0] == '\0' || strcmp(md5, d->want_md5) == 0)) {
        download_done(d, DOWNLOAD_CACHED);
        return;
    }
    if (!sound)
        cache_drop(&d->fetcher->cache, &d->object);
    d->ignore_known = true;
    d->refusal = ERR_INIT;
    d->have = 0;
    download_begin(d);
}

void download_check(struct download *d)
{
    d->source_fd = cache_read(&d->fetcher->cache, &d->object);
    d->source_ended = false;
    d->have = 0;
    if (d->source_fd < 0 || digest_restart(d->digest) < 0) {
        (void)err_set(&d->refusal, d->source_fd < 0 ? d->source_fd : -EIO, BLAME_NODE,
                      "look at what is in the cache");
        download_fail(d, &d->refusal);
        return;
    }
    download_work(d, reread_step, checked);
}
