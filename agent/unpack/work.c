/*
 * work.c - the whole order, carried out: placements, then variables, then the entry file.
 */
#include "unpack/work.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "sys/fd.h"
#include "unpack/extract.h"
#include "unpack/resolve.h"
#include "unpack/tree.h"

void outcome_free(struct outcome *o)
{
    jobruntime_free(&o->runtime);
    free(o->entry_file);
    free(o->main_class);
    *o = (struct outcome){0};
}

static int copy_plain(int from, int to, uint64_t *copied, struct err *e)
{
    char block[65536];

    for (;;) {
        ssize_t n = read(from, block, sizeof(block));
        int w = 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, errno, BLAME_NODE, "read");
        if (n == 0)
            return 0;
        w = fd_write_all(to, block, (size_t)n);
        if (w < 0)
            return tree_write_failed(-w, e);
        *copied += (uint64_t)n;
    }
}

/* In the kernel where it can, which shares blocks on file systems that know how. */
static int copy_data(int from, int to, uint64_t *copied, struct err *e)
{
    for (;;) {
        ssize_t n = copy_file_range(from, NULL, to, NULL, 1U << 30, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG))
            return tree_write_failed(errno, e);
        /* 0 before anything was copied: some kernels answer so for files that only read(2) can see. */
        if (n < 0 || (n == 0 && *copied == 0))
            return copy_plain(from, to, copied, e);
        if (n == 0)
            return 0;
        *copied += (uint64_t)n;
    }
}

static int place_file(int fd, const char *name, struct tree *t, const struct unpack_limits *limits,
                      struct unpack_usage *u, struct err *e)
{
    AUTO_CLOSE int to = -1;
    uint64_t copied = 0;
    struct stat st;
    int r = 0;

    if (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return err_errno(e, errno, BLAME_NODE, "%s", name);
    u->members++;
    u->bytes += (uint64_t)st.st_size;
    u->packed = u->inflated = 0;
    r = usage_check(u, limits, e);
    if (r == 0)
        r = tree_create(t, name, 0644, &to, e);
    CRASH_POINT("file-made");
    if (r == 0)
        r = copy_data(fd, to, &copied, e);
    CRASH_POINT("file-copied");
    u->files += r == 0;
    return r < 0 ? err_context(e, "%s", name) : 0;
}

static int place(const struct order *o, size_t i, int home, int fd, struct unpack_usage *u, struct err *e)
{
    const struct placement *p = &o->placement[i];
    AUTO(tree) struct tree t = {.root = -1, .parent = -1};
    int r = tree_open(home, p->into, &t, e);

    if (r < 0)
        return r;
    if (p->form == PLACE_FILE)
        return place_file(fd, p->name, &t, &o->limits, u, e);
    return extract_archive(fd, p->name, &t, &o->limits, u, e);
}

static const char *archive_name(const struct order *o)
{
    for (size_t i = 0; i < o->placement_count; i++)
        if (o->placement[i].form == PLACE_ARCHIVE)
            return o->placement[i].name;
    return NULL;
}

static int find_entry(const struct order *o, int home, struct outcome *out, struct err *e)
{
    bool archive = o->entry_kind == ENTRY_ARCHIVE;
    AUTO(tree) struct tree landing = {.root = -1, .parent = -1};
    const char *name = archive_name(o);
    int r = tree_open(home, archive ? JOB_DECOMPRESSED : "", &landing, e);

    if (r == 0 && archive)
        r = jobruntime_load(landing.root, &out->runtime, e);
    if (r == 0)
        r = entry_resolve(landing.root, o->entrypoint, &out->runtime, &out->entry_file, e);
    if (r == 0)
        r = entry_class(landing.root, out->entry_file, &out->main_class, e);
    if (r < 0 && name != NULL)
        return err_context(e, "%s", name);
    return r;
}

int work_do(const struct order *o, int home, const int *fds, struct outcome *ret, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < o->placement_count; i++)
        r = place(o, i, home, fds[i], &ret->usage, e);
    if (r == 0)
        r = find_entry(o, home, ret, e);
    if (r < 0)
        outcome_free(ret);
    return r;
}
