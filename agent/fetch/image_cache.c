/* image_cache.c - see image_cache.h: finding and opening, fetching. */
#include "fetch/image_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "base/crash_point.h"
#include "fetch/digest.h"
#include "fetch/image_cache_files.h"
#include "format/read.h"
#include "job/image_ref.h"
#include "sys/fd.h"

/* Manifests and configurations are pages of text. */
#define TEXT_MAX DOCUMENT_BYTES_MAX

const char *image_key(const char *digest)
{
    return digest + strlen("sha256:");
}

struct image_name image_name(const char *prefix, const char *digest, const char *suffix)
{
    struct image_name n;

    (void)snprintf(n.text, sizeof(n.text), "%s%s%s", prefix, image_key(digest), suffix);
    return n;
}

/* ---- opening ---- */

/* A blob that is small and must be what its name says. */
static int read_blob(int layout, const char *digest, struct strbuf *ret)
{
    char hex[SHA256_HEX_BYTES];

    if (!image_digest_valid(digest) ||
        file_read(layout, image_name("blobs/sha256/", digest, "").text, ret) < 0 ||
        memchr(strbuf_str(ret), '\0', ret->len) != NULL || digest_text(strbuf_str(ret), hex) < 0 ||
        strcmp(hex, image_key(digest)) != 0)
        return -EBADMSG;
    return 0;
}

/* The digest of the one manifest in the layout's index. */
static int read_index(int layout, char ret[IMAGE_DIGEST_SIZE])
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(TEXT_MAX);
    AUTO(diag) struct diag_list diags = {0};
    AUTO(node) struct node *root = NULL;
    const struct node *list, *digest;

    if (file_read(layout, "index.json", &text) < 0)
        return -EBADMSG;
    root = json_read(strbuf_str(&text), text.len, &diags);
    list = root != NULL ? node_get(root, "manifests") : NULL;
    digest =
        list != NULL && list->kind == NODE_SEQ && list->count == 1 ? node_get(list->item[0], "digest") : NULL;
    if (digest == NULL || digest->kind != NODE_STRING || !image_digest_valid(digest->text))
        return -EBADMSG;
    memcpy(ret, digest->text, IMAGE_DIGEST_SIZE);
    return 0;
}

static int read_layout(int layout, struct image_config *ret, struct err *e)
{
    AUTO(strbuf) struct strbuf manifest = STRBUF_INIT(TEXT_MAX);
    AUTO(strbuf) struct strbuf config = STRBUF_INIT(TEXT_MAX);
    AUTO(image_manifest) struct image_manifest m = {0};
    char digest[IMAGE_DIGEST_SIZE];

    if (read_index(layout, digest) < 0 || read_blob(layout, digest, &manifest) < 0)
        return err_set(e, -EUCLEAN, BLAME_NODE, "the image in the cache is damaged");
    if (image_manifest_read(strbuf_str(&manifest), manifest.len, image_architecture(), &m, e) < 0)
        return e->code;
    for (size_t i = 0; i < m.layer_count; i++) {
        struct stat st;
        if (fstatat(layout, image_name("blobs/sha256/", m.layer[i].digest, "").text, &st,
                    AT_SYMLINK_NOFOLLOW) < 0 ||
            st.st_size != m.layer[i].bytes)
            return err_set(e, -EUCLEAN, BLAME_NODE, "a layer of the image in the cache is damaged");
    }
    if (m.is_list || read_blob(layout, m.config.digest, &config) < 0)
        return err_set(e, -EUCLEAN, BLAME_NODE, "the image in the cache is damaged");
    return image_config_read(strbuf_str(&config), config.len, ret, e);
}

/* The folder, if it is still the one of that name once it is locked. */
static int open_locked(const struct image_cache *c, const char *name)
{
    AUTO_CLOSE int fd = dir_open(c->fd, name);
    struct stat ours, there;

    if (fd < 0)
        return fd;
    if (flock(fd, LOCK_SH | LOCK_NB) < 0 || fstat(fd, &ours) < 0 ||
        fstatat(c->fd, name, &there, AT_SYMLINK_NOFOLLOW) < 0 || ours.st_ino != there.st_ino)
        return -ENOENT;
    (void)futimens(fd, NULL);
    return take_fd(&fd);
}

int image_cache_hold(const struct image_cache *c, const char *digest)
{
    return open_locked(c, image_name("layouts/", digest, "").text);
}

/* What an alias says; otherwise the digest itself. */
static void resolve(const struct image_cache *c, const char *digest, char ret[IMAGE_DIGEST_SIZE])
{
    char target[IMAGE_DIGEST_SIZE];
    ssize_t n = readlinkat(c->fd, image_name("alias.", digest, "").text, target, sizeof(target) - 1);

    (void)snprintf(ret, IMAGE_DIGEST_SIZE, "%s", digest);
    if (n <= 0)
        return;
    target[n] = '\0';
    if (image_digest_valid(target))
        (void)snprintf(ret, IMAGE_DIGEST_SIZE, "%s", target);
}

int image_cache_open(const struct image_cache *c, const char *digest, struct image_config *ret, struct err *e)
{
    struct image_config config = {0};
    char own[IMAGE_DIGEST_SIZE];
    AUTO_CLOSE int fd = -1;
    int r;

    resolve(c, digest, own);
    fd = open_locked(c, image_name("layouts/", own, "").text);
    if (fd < 0)
        return fd == -ENOENT ? -ENOENT : err_errno(e, -fd, BLAME_NODE, "open the image %s in the cache", own);
    r = read_layout(fd, &config, e);
    if (r == -EUCLEAN) {
        fd_close(&fd);
        image_cache_discard(c, own);
        *e = ERR_INIT;
        return -ENOENT;
    }
    if (r < 0)
        return r;
    config.digest = strdup(own);
    if (config.digest == NULL) {
        image_config_free(&config);
        return err_oom(e);
    }
    *ret = config;
    return take_fd(&fd);
}

void image_cache_alias(const struct image_cache *c, const char *list, const char *digest)
{
    struct image_name name = image_name("alias.", list, "");

    (void)unlinkat(c->fd, name.text, 0);
    if (symlinkat(digest, c->fd, name.text) < 0)
        log_debug("the name of image %s could not be kept", digest);
}

/* ---- fetching ---- */

int image_cache_lock(const struct image_cache *c, const char *digest)
{
    AUTO_CLOSE int fd =
        openat(c->fd, image_name("lock.", digest, "").text, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);

    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
        return -errno;
    return take_fd(&fd);
}

static int make_folders(const struct image_cache *c, const char *digest, int *ret_blobs)
{
    static const char *const SUFFIXES[] = {"", "/tmp", "/blobs", "/blobs/sha256"};

    for (size_t i = 0; i < ARRAY_SIZE(SUFFIXES); i++)
        if (mkdirat(c->fd, image_name("pull.", digest, SUFFIXES[i]).text, 0750) < 0)
            return -errno;
    for (size_t i = 0; i < ARRAY_SIZE(IMAGE_CACHE_FOLDERS); i++)
        if (mkdirat(c->fd, IMAGE_CACHE_FOLDERS[i], 0750) < 0 && errno != EEXIST)
            return -errno;
    *ret_blobs = dir_open(c->fd, image_name("pull.", digest, "/blobs/sha256").text);
    return *ret_blobs < 0 ? *ret_blobs : 0;
}

/* Links the blob, if it is here, and tells how much of it is not. */
static int64_t take_blob(const struct image_cache *c, int blobs, const struct image_blob *b)
{
    struct stat st;

    if (linkat(c->fd, image_name("blobs/", b->digest, "").text, blobs, image_key(b->digest), 0) == 0) {
        if (fstatat(blobs, image_key(b->digest), &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size == b->bytes)
            return 0;
        (void)unlinkat(blobs, image_key(b->digest), 0);
    } else if (errno == EEXIST) {
        return 0; /* an image may have a layer twice */
    }
    return b->bytes;
}

int image_cache_prepare(const struct image_cache *c, const char *digest, const struct image_manifest *m,
                        int64_t *ret_missing, struct err *e)
{
    AUTO_CLOSE int blobs = -1;
    int64_t missing;
    int r;

    image_cache_abandon(c, digest);
    r = make_folders(c, digest, &blobs);
    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "make a folder for the image in %s", c->path);
    CRASH_POINT("pull-made");
    missing = take_blob(c, blobs, &m->config);
    for (size_t i = 0; i < m->layer_count; i++)
        missing += take_blob(c, blobs, &m->layer[i]);
    *ret_missing = missing;
    return 0;
}

int64_t image_cache_pulled(const struct image_cache *c, const char *digest)
{
    AUTO_CLOSE int fd = dir_open(c->fd, image_name("pull.", digest, "").text);

    return fd < 0 ? 0 : (int64_t)tree_bytes(fd, 4 * IMAGE_LAYERS_MAX);
}

void image_cache_abandon(const struct image_cache *c, const char *digest)
{
    (void)tree_remove(c->fd, image_name("pull.", digest, "").text);
}
