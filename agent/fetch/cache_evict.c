/* cache_evict.c - see cache_evict in cache.h. */
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
#include "base/base64.h"
#include "base/crash_point.h"
#include "fetch/cache.h"
#include "fetch/eviction.h"

#define PARTIAL_KEPT_MS (24LL * 3600 * 1000)

struct listing {
    struct cache_entry *entry; /* owned; tag: index into name */
    char (*name)[96];          /* owned */
    size_t count, cap;
};

static int64_t time_of(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
}

static int grow(struct listing *l)
{
    size_t cap = l->cap == 0 ? 64 : l->cap * 2;
    void *entry = realloc(l->entry, cap * sizeof(*l->entry));
    void *name;

    if (entry == NULL)
        return -ENOMEM;
    l->entry = entry;
    name = realloc(l->name, cap * sizeof(*l->name));
    if (name == NULL)
        return -ENOMEM;
    l->name = name;
    l->cap = cap;
    return 0;
}

static DIR *open_list(int fd)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;

    if (dir == NULL && copy >= 0)
        (void)close(copy);
    return dir;
}

static void collect(int fd, struct listing *l)
{
    DIR *dir = open_list(fd);
    const struct dirent *entry;
    struct stat st;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (strlen(entry->d_name) >= sizeof(l->name[0]) || entry->d_name[0] == '.' ||
            fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
            continue;
        if (l->count == l->cap && grow(l) < 0)
            break;
        l->entry[l->count] = (struct cache_entry){.bytes = (uint64_t)st.st_size,
                                                  .used_at = time_of(&st),
                                                  .in_use = st.st_nlink > 1,
                                                  .tag = l->count};
        (void)snprintf(l->name[l->count], sizeof(l->name[0]), "%.95s", entry->d_name);
        l->count++;
    }
    if (dir != NULL)
        (void)closedir(dir);
}

static void evict_objects(const struct cache *c)
{
    struct listing l = {0};

    collect(c->objects_fd, &l);
    (void)eviction_plan(l.entry, l.count, c->max_bytes);
    for (size_t i = 0; i < l.count; i++)
        if (l.entry[i].goes) {
            CRASH_POINT("cache-evict");
            (void)unlinkat(c->objects_fd, l.name[l.entry[i].tag], 0);
        }
    free(l.entry);
    free(l.name);
}

/* Whoever fetches it holds its lock. */
static void drop_partial(const struct cache *c, const char *key)
{
    AUTO_CLOSE int fd = openat(c->partial_fd, key, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char about[128];

    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
        return;
    (void)snprintf(about, sizeof(about), "%.64s.about", key);
    (void)unlinkat(c->partial_fd, about, 0);
    (void)unlinkat(c->partial_fd, key, 0);
}

static void evict_partials(const struct cache *c, wall_ms_t now)
{
    struct listing l = {0};

    collect(c->partial_fd, &l);
    for (size_t i = 0; i < l.count; i++)
        if (hex_valid(l.name[i], SHA256_HEX_BYTES - 1) && now.ms - l.entry[i].used_at > PARTIAL_KEPT_MS)
            drop_partial(c, l.name[i]);
    free(l.entry);
    free(l.name);
}

static void forget_gone(const struct cache *c)
{
    struct listing l = {0};
    struct cache_known known;

    collect(c->index_fd, &l);
    for (size_t i = 0; i < l.count; i++)
        if (cache_known_peek(c, l.name[i], &known) < 0)
            (void)unlinkat(c->index_fd, l.name[i], 0);
    free(l.entry);
    free(l.name);
}

void cache_evict(const struct cache *c, wall_ms_t now)
{
    evict_objects(c);
    evict_partials(c, now);
    forget_gone(c);
}
