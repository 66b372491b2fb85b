/* store.c - see store.h. */
#include "image/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "base/parse.h"
#include "image/unpack.h"
#include "sys/fd.h"

#define KEY_SIZE   64
#define NAME_SIZE  (KEY_SIZE + 16)
#define STORED_MAX 4096
/* Looked at when an image is measured; a larger one counts as what was seen. */
#define FILES_MAX 10000000
/* Between letting an exclusive lock go and having a shared one somebody may remove what was made. */
#define TRIES_MAX 5

struct stored {
    char key[KEY_SIZE + 1];
    struct timespec used;
    uint64_t bytes;
};

struct name {
    char text[NAME_SIZE];
};

static struct name named(const char *prefix, const char *key, const char *suffix)
{
    struct name n;

    (void)snprintf(n.text, sizeof(n.text), "%s%s%s", prefix, key, suffix);
    return n;
}

static bool key_valid(const char *key)
{
    return strlen(key) == KEY_SIZE && strspn(key, "0123456789abcdef") == KEY_SIZE;
}

/* The lock of an image that nobody makes, removes or uses; -EWOULDBLOCK otherwise. */
static int lock_idle(const char *key)
{
    AUTO_CLOSE int fd =
        openat(FD_STORE, named("", key, ".lock").text, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
        return -errno;
    return take_fd(&fd);
}

static DIR *open_store(void)
{
    int fd = openat(FD_STORE, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (dir == NULL && fd >= 0)
        (void)close(fd);
    return dir;
}

/* ---- removing ---- */

/* What somebody who was killed had half made or half removed. */
static void sweep(const char *own_key)
{
    DIR *dir = open_store();
    const struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        const char *key = entry->d_name + 5;
        AUTO_CLOSE int lock = -1;
        if (strncmp(entry->d_name, ".new.", 5) != 0 && strncmp(entry->d_name, ".old.", 5) != 0)
            continue;
        if (!key_valid(key))
            continue;
        if (strcmp(key, own_key) != 0) {
            lock = lock_idle(key);
            if (lock < 0)
                continue;
        }
        (void)tree_remove(FD_STORE, entry->d_name);
    }
    if (dir != NULL)
        (void)closedir(dir);
}

static uint64_t size_of(const char *key)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(64);
    AUTO_CLOSE int fd = dir_open(FD_STORE, key);
    uint64_t bytes = 0;
    const char *rest;

    if (fd >= 0 && file_read(fd, "size", &text) == 0 &&
        parse_leading_u64(strbuf_str(&text), &bytes, &rest) == 0)
        return bytes;
    return 0;
}

static int by_use(const void *a, const void *b)
{
    const struct stored *x = a, *y = b;

    if (x->used.tv_sec != y->used.tv_sec)
        return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
    return (x->used.tv_nsec > y->used.tv_nsec) - (x->used.tv_nsec < y->used.tv_nsec);
}

/* Fills the list, the longest unused first, and returns what all take together. */
static uint64_t list(struct stored *stored, size_t *ret_count)
{
    DIR *dir = open_store();
    const struct dirent *entry;
    uint64_t total = 0;
    size_t n = 0;

    while (dir != NULL && n < STORED_MAX && (entry = readdir(dir)) != NULL) {
        struct stat st;
        if (!key_valid(entry->d_name) || fstatat(FD_STORE, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        memcpy(stored[n].key, entry->d_name, KEY_SIZE + 1);
        stored[n].used = st.st_mtim;
        stored[n].bytes = size_of(entry->d_name);
        total += stored[n++].bytes;
    }
    if (dir != NULL)
        (void)closedir(dir);
    qsort(stored, n, sizeof(*stored), by_use);
    *ret_count = n;
    return total;
}

/* Removes images that nobody uses, the longest unused first, until all together take no more than max_bytes. */
static void evict(uint64_t max_bytes)
{
    AUTO_FREE struct stored *stored = calloc(STORED_MAX, sizeof(*stored));
    size_t count = 0;
    uint64_t total = stored != NULL ? list(stored, &count) : 0;

    for (size_t i = 0; i < count && total > max_bytes; i++) {
        struct name old = named(".old.", stored[i].key, "");
        AUTO_CLOSE int lock = lock_idle(stored[i].key);
        if (lock < 0)
            continue;
        CRASH_POINT("image-evict");
        if (renameat(FD_STORE, stored[i].key, FD_STORE, old.text) < 0)
            continue;
        CRASH_POINT("image-evicted");
        total -= stored[i].bytes;
        (void)tree_remove(FD_STORE, old.text);
    }
}

/* ---- making ---- */

/* A folder of the image's own root user, in which umoci works; nothing else is in it. */
static int make_workplace(const struct order *o, int new_fd, struct err *e)
{
    AUTO_CLOSE int fd = -1;

    if (mkdirat(new_fd, "work", 0700) < 0)
        return err_errno(e, errno, BLAME_NODE, "make a folder for the image");
    fd = dir_open(new_fd, "work");
    if (fd < 0 || fchown(fd, o->first_id, o->first_id) < 0)
        return err_errno(e, errno, BLAME_NODE, "make a folder for the image");
    return take_fd(&fd);
}

/* Everything to the disk; then it gets its name. */
static int publish(const struct order *o, int new_fd, int work_fd, struct err *e)
{
    AUTO_CLOSE int fs = -1;
    char size[32];
    int n, r;

    if (renameat(work_fd, "fs", new_fd, "fs") < 0 || unlinkat(new_fd, "work", AT_REMOVEDIR) < 0)
        return err_errno(e, errno, BLAME_NODE, "take the unpacked image over");
    fs = dir_open(new_fd, "fs");
    if (fs < 0)
        return err_set(e, -ENOTDIR, BLAME_ASSIGNMENT, "the root of the unpacked image is no folder");
    n = snprintf(size, sizeof(size), "%" PRIu64 "\n", tree_bytes(fs, FILES_MAX));
    r = file_replace(new_fd, "size", size, (size_t)n, 0600);
    CRASH_POINT("image-sync");
    if (r < 0 || syncfs(new_fd) < 0)
        return err_errno(e, r < 0 ? -r : errno, BLAME_NODE, "write the unpacked image to the disk");
    CRASH_POINT("image-synced");
    if (renameat(FD_STORE, named(".new.", o->key, "").text, FD_STORE, o->key) < 0 || fsync(FD_STORE) < 0)
        return err_errno(e, errno, BLAME_NODE, "give the unpacked image its name");
    CRASH_POINT("image-named");
    return 0;
}

static int make(const struct order *o, struct err *e)
{
    struct name name = named(".new.", o->key, "");
    AUTO_CLOSE int new_fd = -1;
    AUTO_CLOSE int work = -1;
    int r;

    if (mkdirat(FD_STORE, name.text, 0700) < 0)
        return err_errno(e, errno, BLAME_NODE, "make a folder for the image");
    new_fd = dir_open(FD_STORE, name.text);
    if (new_fd < 0)
        return err_errno(e, -new_fd, BLAME_NODE, "open the image's folder");
    work = make_workplace(o, new_fd, e);
    r = work < 0 ? work : unpack(o, work, e);
    if (r == 0)
        r = publish(o, new_fd, work, e);
    if (r < 0)
        (void)tree_remove(FD_STORE, name.text);
    return r;
}

static bool is_there(const struct order *o)
{
    struct stat st;

    return fstatat(FD_STORE, o->key, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* With the exclusive lock. */
static int make_if_missing(const struct order *o, bool *ret_made, struct err *e)
{
    int r;

    if (is_there(o))
        return 0;
    sweep(o->key);
    evict(o->max_bytes);
    r = make(o, e);
    if (r == -ENOSPC) {
        /* All that nobody uses makes room, once. */
        *e = ERR_INIT;
        evict(0);
        r = make(o, e);
    }
    if (r == 0) {
        *ret_made = true;
        evict(o->max_bytes);
    }
    return r;
}

static int lock(int how, struct err *e)
{
    while (flock(FD_LOCK, how) < 0)
        if (errno != EINTR)
            return err_errno(e, errno, BLAME_NODE, "lock the image");
    return 0;
}

int store_ensure(const struct order *o, bool *ret_made, struct err *e)
{
    for (int i = 0; i < TRIES_MAX; i++) {
        if (lock(LOCK_SH, e) < 0)
            return e->code;
        if (is_there(o)) {
            (void)utimensat(FD_STORE, o->key, NULL, AT_SYMLINK_NOFOLLOW);
            return 0;
        }
        if (lock(LOCK_EX, e) < 0 || make_if_missing(o, ret_made, e) < 0)
            return e->code;
    }
    return err_set(e, -EBUSY, BLAME_NODE,
                   "the unpacked image was removed again and again (images.cacheSize)");
}
