/*
 * tree.c - the landing folder: creates files, folders and links beneath one directory and nowhere else.
 */
#include "unpack/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "unpack/beneath.h"

int tree_write_failed(int errnum, struct err *e)
{
    switch (errnum) {
    case ENOSPC: return err_set(e, -ENOSPC, BLAME_NODE, "no space left in the job's home");
    case EDQUOT: return err_set(e, -EDQUOT, BLAME_NODE, "no space left in the job's home (quota)");
    case EFBIG: return err_set(e, -EFBIG, BLAME_ASSIGNMENT, "it is larger than all files together may be");
    case EEXIST: return err_set(e, -EEXIST, BLAME_ASSIGNMENT, "the name is already taken");
    case ELOOP: return err_set(e, -ELOOP, BLAME_ASSIGNMENT, "it lies below a symbolic link");
    case ENOTDIR:
        return err_set(e, -ENOTDIR, BLAME_ASSIGNMENT, "it lies below something that is not a folder");
    case ENAMETOOLONG: return err_set(e, -ENAMETOOLONG, BLAME_ASSIGNMENT, "its name is too long");
    case EILSEQ: return err_set(e, -EILSEQ, BLAME_ASSIGNMENT, "the file system does not accept its name");
    default: return err_errno(e, errnum, BLAME_NODE, "write");
    }
}

void tree_close(struct tree *t)
{
    fd_close(&t->root);
    fd_close(&t->parent);
}

/* Walks `path` one folder at a time from dir, making what is missing. fd or -errno. */
static int make_folders(int dir, const char *path)
{
    char part[NAME_MAX + 1];
    int at = fcntl(dir, F_DUPFD_CLOEXEC, 0);

    if (at < 0)
        return -errno;
    while (*path != '\0') {
        size_t n = strcspn(path, "/");
        int next = -ENAMETOOLONG;
        if (n <= NAME_MAX) {
            memcpy(part, path, n);
            part[n] = '\0';
            next = 0;
            if (mkdirat(at, part, 0755) < 0 && errno != EEXIST)
                next = -errno;
        }
        if (next == 0)
            next = beneath_open(at, part, O_RDONLY | O_DIRECTORY, 0, false);
        (void)close(at);
        if (next < 0)
            return next;
        at = next;
        path += n;
        path += *path == '/';
    }
    return at;
}

int tree_open(int home, const char *into, struct tree *ret, struct err *e)
{
    int root = make_folders(home, into);

    if (root < 0) {
        (void)tree_write_failed(-root, e);
        return err_context(e, "folder '%s' for the artifact", into);
    }
    *ret = (struct tree){.root = root, .parent = -1};
    return 0;
}

/* Splits the path: *ret_base is its last part (inside `path`), *ret_dir a descriptor of its folder, borrowed.
 */
static int enter_parent(struct tree *t, const char *path, int *ret_dir, const char **ret_base)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash != NULL ? (size_t)(slash - path) : 0;
    struct member_path parent;
    int fd = -1;

    *ret_base = slash != NULL ? slash + 1 : path;
    if (n == 0) {
        *ret_dir = t->root;
        return 0;
    }
    if (t->parent >= 0 && strncmp(t->parent_path.text, path, n) == 0 && t->parent_path.text[n] == '\0') {
        *ret_dir = t->parent;
        return 0;
    }
    memcpy(parent.text, path, n);
    parent.text[n] = '\0';
    fd = beneath_open(t->root, parent.text, O_RDONLY | O_DIRECTORY, 0, false);
    if (fd == -ENOENT)
        fd = make_folders(t->root, parent.text);
    if (fd < 0)
        return fd;
    fd_close(&t->parent);
    t->parent = fd;
    memcpy(t->parent_path.text, parent.text, n + 1);
    *ret_dir = fd;
    return 0;
}

int tree_mkdir(struct tree *t, const char *path, struct err *e)
{
    AUTO_CLOSE int fd = -1;
    const char *base = NULL;
    int dir = -1;
    int r = enter_parent(t, path, &dir, &base);

    if (r < 0)
        return tree_write_failed(-r, e);
    if (mkdirat(dir, base, 0755) == 0)
        return 0;
    if (errno != EEXIST)
        return tree_write_failed(errno, e);
    fd = beneath_open(dir, base, O_PATH | O_DIRECTORY, 0, false);
    return fd >= 0 ? 0 : tree_write_failed(EEXIST, e);
}

int tree_create(struct tree *t, const char *path, unsigned mode, int *ret_fd, struct err *e)
{
    const char *base = NULL;
    int dir = -1;
    int r = enter_parent(t, path, &dir, &base);

    if (r == 0)
        r = beneath_open(dir, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode, false);
    if (r < 0)
        return tree_write_failed(-r, e);
    *ret_fd = r;
    return 0;
}

int tree_symlink(struct tree *t, const char *path, const char *target, struct err *e)
{
    const char *base = NULL;
    int dir = -1;
    int r = enter_parent(t, path, &dir, &base);

    if (r == 0 && symlinkat(target, dir, base) < 0)
        r = -errno;
    return r < 0 ? tree_write_failed(-r, e) : 0;
}

int tree_hardlink(struct tree *t, const char *path, const char *target, struct err *e)
{
    const char *slash = strrchr(target, '/');
    struct member_path folder = {.text = "."};
    AUTO_CLOSE int from = -1;
    const char *base = NULL;
    struct stat st;
    int dir = -1;
    int r = 0;

    if (slash != NULL) {
        memcpy(folder.text, target, (size_t)(slash - target));
        folder.text[slash - target] = '\0';
    }
    from = beneath_open(t->root, folder.text, O_RDONLY | O_DIRECTORY, 0, false);
    if (slash != NULL)
        target = slash + 1;
    /* A regular file only: a symbolic link under a second name would start from another folder than the one
     * for which its target was checked. Nobody else writes in the tree, so the name cannot change between the
     * two calls. */
    if (from < 0 || fstatat(from, target, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT,
                       "it is a hard link to a file that is not in the archive before it");
    r = enter_parent(t, path, &dir, &base);
    if (r == 0 && linkat(from, target, dir, base, 0) < 0)
        r = -errno;
    return r < 0 ? tree_write_failed(-r, e) : 0;
}

void tree_set_mtime(struct tree *t, const char *path, struct timespec mtime)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, mtime};
    const char *base = NULL;
    int dir = -1;

    if (enter_parent(t, path, &dir, &base) == 0)
        (void)utimensat(dir, base, times, AT_SYMLINK_NOFOLLOW);
}

int tree_open_file(int root, const char *path, int *ret_fd)
{
    AUTO_CLOSE int fd = beneath_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, true);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return -ENOENT;
    *ret_fd = take_fd(&fd);
    return 0;
}
