/* image_cache_keep.c - see image_cache.h: what was fetched is kept, and goes again. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "fetch/image_cache.h"
#include "fetch/image_cache_files.h"
#include "job/image_ref.h"
#include "sys/fd.h"

#define KEY_SIZE    64
#define LAYOUTS_MAX 4096

static bool key_valid(const char *name)
{
    return strlen(name) == KEY_SIZE && strspn(name, "0123456789abcdef") == KEY_SIZE;
}

/* Calls `each` for every entry of a folder. The first failure ends it. */
static int for_each(int at, const char *folder, int (*each)(int dir_fd, const char *name, void *context),
                    void *context)
{
    int fd = openat(at, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    int r = 0;

    if (dir == NULL) {
        r = -errno;
        if (fd >= 0)
            (void)close(fd);
        return r;
    }
    while (r == 0 && (entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.')
            r = each(fd, entry->d_name, context);
    (void)closedir(dir);
    return r;
}

/* ---- keeping ---- */

struct kept {
    int blobs, layout_blobs; /* borrowed: the cache's and the new layout's */
};

static int sync_path(int at, const char *name)
{
    AUTO_CLOSE int fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* To the disk first; its name among the good ones comes after. Who unpacks it is another user. */
static int keep_blob(int dir_fd, const char *name, void *context)
{
    const struct kept *k = context;

    if (!key_valid(name))
        return 0;
    if (fchmodat(dir_fd, name, 0644, 0) < 0)
        return -errno;
    if (sync_path(dir_fd, name) < 0)
        return -errno;
    CRASH_POINT("blob-synced");
    if (linkat(dir_fd, name, k->blobs, name, 0) < 0 && errno != EEXIST)
        return -errno;
    return linkat(dir_fd, name, k->layout_blobs, name, 0) < 0 && errno != EEXIST ? -errno : 0;
}

static int keep_blobs(const struct image_cache *c, const char *digest, int layout)
{
    AUTO_CLOSE int blobs = dir_open(c->fd, "blobs");
    AUTO_CLOSE int layout_blobs = -1;
    struct kept k = {.blobs = blobs};
    int r;

    if ((mkdirat(layout, "blobs", 0755) < 0 && errno != EEXIST) ||
        mkdirat(layout, "blobs/sha256", 0755) < 0 || fchmodat(layout, "blobs", 0755, 0) < 0 ||
        fchmodat(layout, "blobs/sha256", 0755, 0) < 0)
        return -errno;
    layout_blobs = dir_open(layout, "blobs/sha256");
    if (blobs < 0 || layout_blobs < 0)
        return -EIO;
    k.layout_blobs = layout_blobs;
    r = for_each(c->fd, image_name("pull.", digest, "/blobs/sha256").text, keep_blob, &k);
    if (r == 0 && (fsync(blobs) < 0 || fsync(layout_blobs) < 0))
        r = -errno;
    return r;
}

int image_cache_publish(const struct image_cache *c, const char *digest)
{
    static const char *const FILES[] = {"index.json", "oci-layout"};
    struct image_name from = image_name("pull.", digest, "/layout"), to = image_name("layouts/", digest, "");
    AUTO_CLOSE int layout = dir_open(c->fd, from.text);
    int r = layout < 0 ? layout : keep_blobs(c, digest, layout);

    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(FILES); i++)
        r = fchmodat(layout, FILES[i], 0644, 0) < 0 ? -errno : sync_path(layout, FILES[i]);
    if (r == 0 && (fchmod(layout, 0755) < 0 || fsync(layout) < 0))
        r = -errno;
    CRASH_POINT("layout-synced");
    /* One that is there already was fetched again to have its signature looked at. */
    if (r == 0 && renameat(c->fd, from.text, c->fd, to.text) < 0 && errno != EEXIST && errno != ENOTEMPTY)
        r = -errno;
    if (r == 0)
        r = sync_path(c->fd, "layouts");
    CRASH_POINT("layout-named");
    image_cache_abandon(c, digest);
    return r;
}

/* ---- removing ---- */

struct layout {
    char key[KEY_SIZE + 1];
    struct timespec used;
};

struct layouts {
    struct layout *item; /* owned */
    size_t count;
};

static int add_layout(int dir_fd, const char *name, void *context)
{
    struct layouts *l = context;
    struct stat st;

    if (!key_valid(name) || l->count == LAYOUTS_MAX || fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    memcpy(l->item[l->count].key, name, KEY_SIZE + 1);
    l->item[l->count++].used = st.st_mtim;
    return 0;
}

static int by_use(const void *a, const void *b)
{
    const struct layout *x = a, *y = b;

    if (x->used.tv_sec != y->used.tv_sec)
        return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
    return (x->used.tv_nsec > y->used.tv_nsec) - (x->used.tv_nsec < y->used.tv_nsec);
}

static int add_bytes(int dir_fd, const char *name, void *context)
{
    int64_t *total = context;
    struct stat st;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        *total += st.st_size;
    return 0;
}

/* A blob that no layout and nobody who fetches has a link to. */
static int remove_unused(int dir_fd, const char *name, void *context)
{
    struct stat st;

    (void)context;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_nlink == 1)
        (void)unlinkat(dir_fd, name, 0);
    return 0;
}

/* Removes a layout that nobody holds. */
static bool remove_layout(int layouts, const char *key)
{
    AUTO_CLOSE int fd = dir_open(layouts, key);
    char old[KEY_SIZE + 8] = ".old.";

    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
        return false;
    memcpy(old + 5, key, KEY_SIZE + 1);
    (void)tree_remove(layouts, old);
    if (renameat(layouts, key, layouts, old) < 0)
        return false;
    CRASH_POINT("layout-removed");
    return tree_remove(layouts, old) == 0;
}

/* What somebody who was killed had half fetched; and aliases that lead nowhere. */
static int sweep_entry(int dir_fd, const char *name, void *context)
{
    const struct image_cache *c = context;
    char digest[IMAGE_DIGEST_SIZE] = "sha256:", target[IMAGE_DIGEST_SIZE];
    ssize_t n;

    if (strncmp(name, "pull.", 5) == 0 && key_valid(name + 5)) {
        AUTO_CLOSE int lock = -1;
        memcpy(digest + 7, name + 5, KEY_SIZE + 1);
        lock = image_cache_lock(c, digest);
        if (lock >= 0)
            (void)tree_remove(dir_fd, name);
    }
    if (strncmp(name, "alias.", 6) != 0 || !key_valid(name + 6))
        return 0;
    n = readlinkat(dir_fd, name, target, sizeof(target) - 1);
    if (n > 0)
        target[n] = '\0';
    if (n <= 0 || !image_digest_valid(target) ||
        faccessat(dir_fd, image_name("layouts/", target, "").text, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        (void)unlinkat(dir_fd, name, 0);
    return 0;
}

int image_cache_evict(const struct image_cache *c, int64_t max_bytes)
{
    AUTO_FREE struct layout *item = calloc(LAYOUTS_MAX, sizeof(*item));
    struct image_cache copy = *c;
    struct layouts l = {.item = item};
    AUTO_CLOSE int layouts = dir_open(c->fd, "layouts");
    int64_t total = 0;
    int r;

    if (item == NULL || layouts < 0)
        return item == NULL ? -ENOMEM : layouts;
    (void)for_each(c->fd, ".", sweep_entry, &copy);
    r = for_each(c->fd, "layouts", add_layout, &l);
    if (r < 0)
        return r;
    qsort(l.item, l.count, sizeof(*l.item), by_use);
    for (size_t i = 0;; i++) {
        (void)for_each(c->fd, "blobs", remove_unused, NULL);
        total = 0;
        r = for_each(c->fd, "blobs", add_bytes, &total);
        if (r < 0 || total <= max_bytes || i == l.count)
            return r;
        (void)remove_layout(layouts, l.item[i].key);
    }
}

static int discard_blob(int dir_fd, const char *name, void *context)
{
    (void)dir_fd;
    if (key_valid(name))
        (void)unlinkat(*(int *)context, name, 0);
    return 0;
}

void image_cache_discard(const struct image_cache *c, const char *digest)
{
    AUTO_CLOSE int blobs = dir_open(c->fd, "blobs");
    AUTO_CLOSE int layouts = dir_open(c->fd, "layouts");

    if (blobs < 0 || layouts < 0)
        return;
    (void)for_each(c->fd, image_name("layouts/", digest, "/blobs/sha256").text, discard_blob, &blobs);
    (void)remove_layout(layouts, image_key(digest));
}
