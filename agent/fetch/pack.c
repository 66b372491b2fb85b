/* pack.c - see pack.h. */
#include "fetch/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/strbuf.h"

#define PACK_DEPTH_MAX 64

struct packer {
    struct archive *archive;
    unsigned long long bytes, max_bytes;
    struct strbuf path; /* of what is being packed */
    struct err *e;
};

static int pack_failed(struct packer *p, const char *what)
{
    return err_set(p->e, -EIO, BLAME_NODE, "%s %s: %s", what, strbuf_str(&p->path),
                   archive_error_string(p->archive));
}

static int write_content(struct packer *p, int fd, long long size)
{
    char chunk[65536];

    while (size > 0) {
        size_t want = size < (long long)sizeof(chunk) ? (size_t)size : sizeof(chunk);
        ssize_t n = read(fd, chunk, want);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(p->e, errno, BLAME_NODE, "read %s", strbuf_str(&p->path));
        if (n == 0)
            return err_set(p->e, -EIO, BLAME_ASSIGNMENT, "%s became shorter while it was packed",
                           strbuf_str(&p->path));
        if (archive_write_data(p->archive, chunk, (size_t)n) != n)
            return pack_failed(p, "pack");
        size -= n;
    }
    return 0;
}

static int write_header(struct packer *p, const struct stat *st, const char *link)
{
    struct archive_entry *entry = archive_entry_new();
    int r = 0;

    if (entry == NULL)
        return err_oom(p->e);
    archive_entry_set_pathname(entry, strbuf_str(&p->path));
    archive_entry_set_filetype(entry, st->st_mode & S_IFMT);
    archive_entry_set_perm(entry, st->st_mode & 0777);
    archive_entry_set_mtime(entry, st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
    archive_entry_set_size(entry, S_ISREG(st->st_mode) ? st->st_size : 0);
    if (link != NULL)
        archive_entry_set_symlink(entry, link);
    if (archive_write_header(p->archive, entry) != ARCHIVE_OK)
        r = pack_failed(p, "pack");
    archive_entry_free(entry);
    return r;
}

static int pack_file(struct packer *p, int at, const char *name)
{
    AUTO_CLOSE int fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    int r;

    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(p->e, errno, BLAME_ASSIGNMENT, "open %s", strbuf_str(&p->path));
    p->bytes += (unsigned long long)st.st_size;
    if (p->bytes > p->max_bytes)
        return err_set(p->e, -E2BIG, BLAME_ASSIGNMENT,
                       "the directory holds more than the limit of %llu bytes", p->max_bytes);
    r = write_header(p, &st, NULL);
    return r == 0 ? write_content(p, fd, st.st_size) : r;
}

static int pack_link(struct packer *p, int at, const char *name, const struct stat *st)
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(at, name, target, sizeof(target) - 1);

    if (n < 0)
        return err_errno(p->e, errno, BLAME_ASSIGNMENT, "read the link %s", strbuf_str(&p->path));
    target[n] = '\0';
    return write_header(p, st, target);
}

static int pack_entries(struct packer *p, int dir_fd, int depth);

static int pack_subdirectory(struct packer *p, int at, const char *name, const struct stat *st, int depth)
{
    AUTO_CLOSE int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    int r;

    if (fd < 0)
        return err_errno(p->e, errno, BLAME_ASSIGNMENT, "open %s", strbuf_str(&p->path));
    r = write_header(p, st, NULL);
    return r == 0 ? pack_entries(p, fd, depth + 1) : r;
}

static bool left_out(const char *name)
{
    static const char *const NAMES[] = {".", "..", ".git", "__pycache__"};

    for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++)
        if (strcmp(NAMES[i], name) == 0)
            return true;
    return false;
}

static int pack_one(struct packer *p, int at, const char *name, int depth)
{
    struct stat st;
    size_t before = p->path.len;
    int r;

    if (before > 0)
        (void)strbuf_addch(&p->path, '/');
    if (strbuf_addstr(&p->path, name) < 0)
        return err_set(p->e, -ENAMETOOLONG, BLAME_ASSIGNMENT, "the path %.200s/... is too long",
                       strbuf_str(&p->path));
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        r = err_errno(p->e, errno, BLAME_ASSIGNMENT, "look at %s", strbuf_str(&p->path));
    else if (S_ISREG(st.st_mode))
        r = pack_file(p, at, name);
    else if (S_ISDIR(st.st_mode))
        r = pack_subdirectory(p, at, name, &st, depth);
    else if (S_ISLNK(st.st_mode))
        r = pack_link(p, at, name, &st);
    else
        r = err_set(p->e, -EINVAL, BLAME_ASSIGNMENT, "%s is neither a file nor a directory nor a link",
                    strbuf_str(&p->path));
    p->path.len = before;
    if (p->path.data != NULL)
        p->path.data[before] = '\0';
    return r;
}

static int pack_entries(struct packer *p, int dir_fd, int depth)
{
    struct dirent **names = NULL;
    int n, r = 0;

    if (depth > PACK_DEPTH_MAX)
        return err_set(p->e, -E2BIG, BLAME_ASSIGNMENT, "%s is deeper than %d folders", strbuf_str(&p->path),
                       PACK_DEPTH_MAX);
    n = scandirat(dir_fd, ".", &names, NULL, alphasort);
    if (n < 0)
        return err_errno(p->e, errno, BLAME_ASSIGNMENT, "list %s", strbuf_str(&p->path));
    for (int i = 0; i < n; i++) {
        if (r == 0 && !left_out(names[i]->d_name))
            r = pack_one(p, dir_fd, names[i]->d_name, depth);
        free_auto(&names[i]);
    }
    free_auto(&names);
    return r;
}

int pack_directory(int dir_fd, const char *top, int out_fd, unsigned long long max_bytes, struct err *e)
{
    struct packer p = {.max_bytes = max_bytes, .path = STRBUF_INIT(PATH_MAX), .e = e};
    struct stat st;
    int r = 0;

    p.archive = archive_write_new();
    if (p.archive == NULL)
        return err_oom(e);
    /* Names are bytes, as the kernel has them: what does not fit the locale is packed all the same. */
    if (archive_write_set_format_pax_restricted(p.archive) != ARCHIVE_OK ||
        archive_write_set_options(p.archive, "hdrcharset=BINARY") != ARCHIVE_OK ||
        archive_write_open_fd(p.archive, out_fd) != ARCHIVE_OK)
        r = pack_failed(&p, "open the archive for");
    if (r == 0 && top != NULL) {
        (void)strbuf_addstr(&p.path, top);
        r = fstat(dir_fd, &st) < 0 ? err_errno(e, errno, BLAME_NODE, "look at %s", top)
                                   : write_header(&p, &st, NULL);
    }
    if (r == 0)
        r = pack_entries(&p, dir_fd, 0);
    if (r == 0 && archive_write_close(p.archive) != ARCHIVE_OK)
        r = pack_failed(&p, "finish");
    (void)archive_write_free(p.archive);
    strbuf_free(&p.path);
    return r;
}
