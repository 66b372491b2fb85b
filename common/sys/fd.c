/* fd.c - see fd.h. */
#include "sys/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "base/parse.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

int fd_write_all(int fd, const void *bytes, size_t n)
{
    const char *p = bytes;

    while (n > 0) {
        ssize_t written = write(fd, p, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        p += written;
        n -= (size_t)written;
    }
    return 0;
}

int fd_read_all(int fd, struct strbuf *out)
{
    char chunk[16384];

    for (;;) {
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return 0;
        if (strbuf_add(out, chunk, (size_t)n) < 0)
            return out->failed;
    }
}

int file_read(int dir_fd, const char *name, struct strbuf *out)
{
    AUTO_CLOSE int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    return fd < 0 ? -errno : fd_read_all(fd, out);
}

int file_replace(int dir_fd, const char *name, const void *bytes, size_t n, mode_t mode)
{
    char temporary[NAME_MAX + 1];
    AUTO_CLOSE int fd = -1;
    int r;

    (void)snprintf(temporary, sizeof(temporary), ".%s.new", name);
    (void)unlinkat(dir_fd, temporary, 0);
    fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return -errno;
    CRASH_POINT_OF("file-made", name);
    r = fd_write_all(fd, bytes, n);
    CRASH_POINT_OF("file-written", name);
    if (r == 0 && fsync(fd) < 0)
        r = -errno;
    CRASH_POINT_OF("file-synced", name);
    if (r == 0 && renameat(dir_fd, temporary, dir_fd, name) < 0)
        r = -errno;
    if (r < 0) {
        (void)unlinkat(dir_fd, temporary, 0);
        return r;
    }
    CRASH_POINT_OF("file-renamed", name);
    r = fsync(dir_fd) < 0 ? -errno : 0;
    CRASH_POINT_OF("file-kept", name);
    return r;
}

int dir_open(int dir_fd, const char *path)
{
    int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

int dir_ensure(const char *path, mode_t mode, uid_t uid, gid_t gid, struct err *e)
{
    AUTO_CLOSE int fd = -1;
    struct stat st;

    if (mkdir(path, mode) < 0 && errno != EEXIST)
        return err_errno(e, errno, BLAME_NODE, "make the directory %s", path);
    fd = dir_open(AT_FDCWD, path);
    if (fd < 0)
        return err_errno(e, -fd, BLAME_NODE, "open the directory %s", path);
    if (fstat(fd, &st) < 0)
        return err_errno(e, errno, BLAME_NODE, "look at the directory %s", path);
    if (uid != (uid_t)-1 && (st.st_uid != uid || st.st_gid != gid) && fchown(fd, uid, gid) < 0)
        return err_errno(e, errno, BLAME_NODE, "give the directory %s to %u:%u", path, uid, gid);
    if ((st.st_mode & 07777) != mode && (uid != (uid_t)-1 || st.st_uid == geteuid()) && fchmod(fd, mode) < 0)
        return err_errno(e, errno, BLAME_NODE, "set the mode of the directory %s", path);
    return 0;
}

static int remove_entries(int dir_fd, dev_t device);

/* Opens a directory for removal; one that its owner made unreadable is made readable first. */
static int open_for_removal(int dir_fd, const char *name)
{
    int fd = dir_open(dir_fd, name);

    if (fd == -EACCES && fchmodat(dir_fd, name, 0700, 0) == 0)
        fd = dir_open(dir_fd, name);
    return fd;
}

static int remove_one(int dir_fd, const char *name, dev_t device)
{
    AUTO_CLOSE int fd = -1;
    struct stat st;
    int r, first = 0;

    if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -errno;
    fd = open_for_removal(dir_fd, name);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_dev != device)
        return -EXDEV;
    r = remove_entries(fd, device);
    if (r < 0)
        first = r;
    if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT && first == 0)
        first = -errno;
    return first;
}

static int remove_entries(int dir_fd, dev_t device)
{
    int copy = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;
    int first = 0;

    if (dir == NULL) {
        int saved = errno;
        if (copy >= 0)
            (void)close(copy);
        return -saved;
    }
    while ((entry = readdir(dir)) != NULL) {
        int r;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        r = remove_one(dir_fd, entry->d_name, device);
        if (r < 0 && first == 0)
            first = r;
    }
    (void)closedir(dir);
    return first;
}

int tree_remove(int dir_fd, const char *name)
{
    struct stat st;
    int r;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -errno;
    CRASH_POINT_OF("tree-remove", name);
    r = remove_one(dir_fd, name, st.st_dev);
    CRASH_POINT_OF("tree-removed", name);
    return r;
}

static uint64_t count_bytes(int dir_fd, size_t *left)
{
    int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;
    uint64_t sum = 0;

    if (dir == NULL) {
        if (copy >= 0)
            (void)close(copy);
        return 0;
    }
    while (*left > 0 && (entry = readdir(dir)) != NULL) {
        struct stat st;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        (*left)--;
        if (fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        sum += (uint64_t)st.st_blocks * 512;
        if (S_ISDIR(st.st_mode)) {
            AUTO_CLOSE int below = dir_open(dir_fd, entry->d_name);
            if (below >= 0)
                sum += count_bytes(below, left);
        }
    }
    (void)closedir(dir);
    return sum;
}

uint64_t tree_bytes(int dir_fd, size_t max_entries)
{
    size_t left = max_entries;

    return count_bytes(dir_fd, &left);
}

static int close_range_call(unsigned first, unsigned last)
{
#ifdef SYS_close_range
    return (int)syscall(SYS_close_range, first, last, 0);
#else
    (void)first;
    (void)last;
    errno = ENOSYS;
    return -1;
#endif
}

/* Before Linux 5.9 there is no close_range(2): the open ones are listed. Closing while listing is allowed for
 * procfs. */
static void close_listed(int from, const int *keep, size_t keep_count)
{
    DIR *dir = opendir("/proc/self/fd");
    const struct dirent *entry;

    if (dir == NULL)
        return;
    while ((entry = readdir(dir)) != NULL) {
        uint64_t fd;
        bool kept = false;
        if (parse_u64(entry->d_name, INT_MAX, &fd) < 0 || (int)fd < from || (int)fd == dirfd(dir))
            continue;
        for (size_t i = 0; i < keep_count; i++)
            kept = kept || keep[i] == (int)fd;
        if (!kept)
            (void)close((int)fd);
    }
    (void)closedir(dir);
}

void fd_close_from(int from, const int *keep, size_t keep_count)
{
    int next = from;

    for (size_t i = 0; i < keep_count; i++) {
        if (keep[i] < next)
            continue;
        if (keep[i] > next && close_range_call((unsigned)next, (unsigned)keep[i] - 1) < 0) {
            close_listed(from, keep, keep_count);
            return;
        }
        next = keep[i] + 1;
    }
    if (close_range_call((unsigned)next, ~0U) < 0)
        close_listed(from, keep, keep_count);
}

int fd_set_nonblocking(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0)
        return -errno;
    flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

int fd_set_cloexec(int fd, bool on)
{
    return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) < 0 ? -errno : 0;
}

int fd_sealed(const char *name, const void *bytes, size_t n)
{
    AUTO_CLOSE int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int r;

    if (fd < 0)
        return -errno;
    r = fd_write_all(fd, bytes, n);
    if (r < 0)
        return r;
    if (lseek(fd, 0, SEEK_SET) < 0 || fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) < 0)
        return -errno;
    return take_fd(&fd);
}

bool fd_is_sealed(int fd)
{
    int seals = fcntl(fd, F_GET_SEALS);

    return seals >= 0 && (seals & SEALS) == SEALS;
}
