/* cache.c - see cache.h: objects and the way in. */
#include "fetch/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/base64.h"
#include "base/crash_point.h"
#include "base/parse.h"
#include "sys/fd.h"

#define FOLDER_MODE    0750
#define OBJECT_MODE    0440
#define NAME_BYTES_MAX 96

static int open_folder(int dir_fd, const char *name, int *ret, struct err *e)
{
    if (mkdirat(dir_fd, name, FOLDER_MODE) < 0 && errno != EEXIST)
        return err_errno(e, errno, BLAME_NODE, "make the cache's folder %s", name);
    *ret = dir_open(dir_fd, name);
    return *ret < 0 ? err_errno(e, -*ret, BLAME_NODE, "open the cache's folder %s", name) : 0;
}

int cache_open(const char *path, uint64_t max_bytes, struct cache *ret, struct err *e)
{
    struct cache c = CACHE_INIT;
    AUTO_CLOSE int dir_fd = dir_open(AT_FDCWD, path);

    if (dir_fd < 0)
        return err_errno(e, -dir_fd, BLAME_NODE, "open the cache %s", path);
    c.max_bytes = max_bytes;
    if (open_folder(dir_fd, "objects", &c.objects_fd, e) < 0 ||
        open_folder(dir_fd, "index", &c.index_fd, e) < 0 ||
        open_folder(dir_fd, "partial", &c.partial_fd, e) < 0) {
        cache_close(&c);
        return e->code;
    }
    *ret = c;
    return 0;
}

void cache_close(struct cache *c)
{
    fd_close(&c->objects_fd);
    fd_close(&c->index_fd);
    fd_close(&c->partial_fd);
}

/* ---- objects ---- */

static void object_name(const struct cache_object *object, char ret[NAME_BYTES_MAX])
{
    (void)snprintf(ret, NAME_BYTES_MAX, "%s.%llu", object->sha256, (unsigned long long)object->bytes);
}

/* Whether the name is an object's. */
static bool parse_name(const char *name, struct cache_object *ret)
{
    const size_t digits = SHA256_HEX_BYTES - 1;

    if (strlen(name) <= digits || name[digits] != '.')
        return false;
    (void)snprintf(ret->sha256, sizeof(ret->sha256), "%.64s", name);
    return hex_valid(ret->sha256, digits) && parse_u64(name + digits + 1, INT64_MAX, &ret->bytes) == 0;
}

/* Whether it is as long as its name says; one that is not is removed. */
static bool sound(const struct cache *c, const char *name, const struct cache_object *object)
{
    struct stat st;

    if (fstatat(c->objects_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    if (S_ISREG(st.st_mode) && (uint64_t)st.st_size == object->bytes)
        return true;
    (void)unlinkat(c->objects_fd, name, 0);
    return false;
}

static DIR *list(int fd)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;

    if (dir == NULL && copy >= 0)
        (void)close(copy);
    return dir;
}

int cache_peek(const struct cache *c, const char *sha256, struct cache_object *ret)
{
    DIR *dir = list(c->objects_fd);
    const struct dirent *entry;
    int r = -ENOENT;

    while (dir != NULL && r < 0 && (entry = readdir(dir)) != NULL) {
        struct cache_object object;
        if (!parse_name(entry->d_name, &object) || strcmp(object.sha256, sha256) != 0 ||
            !sound(c, entry->d_name, &object))
            continue;
        *ret = object;
        r = 0;
    }
    if (dir != NULL)
        (void)closedir(dir);
    return r;
}

int cache_find(const struct cache *c, const char *sha256, struct cache_object *ret)
{
    char name[NAME_BYTES_MAX];
    int r = cache_peek(c, sha256, ret);

    if (r < 0)
        return r;
    object_name(ret, name);
    (void)utimensat(c->objects_fd, name, NULL, 0);
    return 0;
}

int cache_read(const struct cache *c, const struct cache_object *object)
{
    char name[NAME_BYTES_MAX];
    int fd;

    object_name(object, name);
    fd = openat(c->objects_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? -errno : fd;
}

int cache_give(const struct cache *c, const struct cache_object *object, int dir_fd, const char *name)
{
    char from[NAME_BYTES_MAX];

    object_name(object, from);
    CRASH_POINT("cache-give");
    if (unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT)
        return -errno;
    if (linkat(c->objects_fd, from, dir_fd, name, 0) < 0)
        return -errno;
    CRASH_POINT("cache-given");
    return 0;
}

void cache_drop(const struct cache *c, const struct cache_object *object)
{
    char name[NAME_BYTES_MAX];

    object_name(object, name);
    (void)unlinkat(c->objects_fd, name, 0);
}

/* ---- partial files ---- */

int cache_partial_lock(const struct cache *c, const char *key)
{
    /* Whoever had it may have given it its object's name, or removed it, between our open and our lock. */
    for (int attempt = 0; attempt < 100; attempt++) {
        AUTO_CLOSE int fd = openat(c->partial_fd, key, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
        struct stat ours, named;
        if (fd < 0)
            return -errno;
        CRASH_POINT("cache-partial-made");
        if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &ours) < 0)
            return -errno;
        if (fstatat(c->partial_fd, key, &named, AT_SYMLINK_NOFOLLOW) == 0 && named.st_ino == ours.st_ino)
            return take_fd(&fd);
    }
    return -EWOULDBLOCK;
}

uint64_t cache_partial_bytes(const struct cache *c, const char *key)
{
    struct stat st;

    return fstatat(c->partial_fd, key, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)st.st_size : 0;
}

static void about_name(const char *key, char ret[NAME_BYTES_MAX])
{
    (void)snprintf(ret, NAME_BYTES_MAX, "%.64s.about", key);
}

/* The name is the commit: everything before it may be repeated. */
int cache_commit(const struct cache *c, const char *key, int fd, const struct cache_object *object)
{
    char name[NAME_BYTES_MAX], about[NAME_BYTES_MAX];
    struct stat st;

    object_name(object, name);
    about_name(key, about);
    if (fstat(fd, &st) < 0)
        return -errno;
    if ((uint64_t)st.st_size != object->bytes)
        return -EIO;
    if (fsync(fd) < 0)
        return -errno;
    CRASH_POINT("cache-synced");
    if (renameat2(c->partial_fd, key, c->objects_fd, name, RENAME_NOREPLACE) < 0) {
        /* Another URI led to the same content before. */
        if (errno != EEXIST || !sound(c, name, object))
            return errno == EEXIST ? -EAGAIN : -errno;
        (void)unlinkat(c->partial_fd, key, 0);
    }
    CRASH_POINT("cache-committed");
    /* Not before: whoever takes up a partial file must be able to write it. */
    (void)fchmod(fd, OBJECT_MODE);
    (void)unlinkat(c->partial_fd, about, 0);
    return fsync(c->objects_fd) < 0 ? -errno : 0;
}
