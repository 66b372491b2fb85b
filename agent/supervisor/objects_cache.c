/* objects_cache.c - see objects_cache.h. */
#include "supervisor/objects_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/fd.h"

#define NOTES_NAME "vfsMeta"
#define FILES_NAME "vfs"
#define TAIL_BYTES 64
/* A disk that does not answer is not waited for; the next look may find out. */
#define LOOK_MS 30000

int objects_note_is_clean(const char *text, size_t n)
{
    static const char CLEAN[] = "\"Dirty\": false";

    return memmem(text, n, CLEAN, sizeof(CLEAN) - 1) != NULL;
}

void objects_pending_text(const struct objects_pending *p, char *ret, size_t size)
{
    static const char *const UNITS[] = {"bytes", "KB", "MB", "GB", "TB"};
    double bytes = (double)p->bytes;
    size_t unit = 0;

    for (; bytes >= 1000 && unit + 1 < ARRAY_SIZE(UNITS); unit++)
        bytes /= 1000;
    (void)snprintf(ret, size, "%lld file%s, %.*f %s", (long long)p->files, p->files == 1 ? "" : "s", unit == 0 ? 0 : 1,
                   bytes, UNITS[unit]);
}

/* ---- in the process of its own ---- */

/* A note that is being written is not clean. */
static bool is_clean(const char *path)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    char tail[TAIL_BYTES];
    off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
    ssize_t n = end > 0 ? pread(fd, tail, sizeof(tail), end > TAIL_BYTES ? end - TAIL_BYTES : 0) : -1;

    return n > 0 && objects_note_is_clean(tail, (size_t)n);
}

static void add_name(struct objects_pending *p, const char *name)
{
    size_t used = strlen(p->names);
    size_t n = strlen(name);

    if (used + n + sizeof(", ...") + 2 > sizeof(p->names)) {
        if (used < 3 || strcmp(p->names + used - 3, "...") != 0)
            (void)snprintf(p->names + used, sizeof(p->names) - used, "%s...", used > 0 ? ", " : "");
        return;
    }
    if (used > 0)
        used += (size_t)snprintf(p->names + used, sizeof(p->names) - used, ", ");
    for (size_t i = 0; i <= n; i++) {
        unsigned char c = (unsigned char)name[i];
        p->names[used + i] = (char)(c == '\0' || (c >= 0x20 && c < 0x7F) ? c : '?');
    }
}

static void add_file(struct objects_pending *p, const char *below, size_t shown_from)
{
    char path[PATH_MAX];
    struct stat st;
    const char *name = below;

    (void)snprintf(path, sizeof(path), FILES_NAME "/%s", below);
    p->files++;
    if (lstat(path, &st) == 0)
        p->bytes += st.st_size;
    for (size_t i = 0; i <= shown_from && strchr(name, '/') != NULL; i++)
        name = strchr(name, '/') + 1;
    add_name(p, name);
}

static int look(int cache_fd, size_t shown_from, struct objects_pending *ret)
{
    char *const top[] = {(char[]){NOTES_NAME}, NULL};
    FTSENT *found;
    FTS *walk;

    *ret = (struct objects_pending){.files = 0};
    if (fchdir(cache_fd) < 0)
        return -errno;
    walk = fts_open(top, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (walk == NULL)
        return -errno;
    while ((found = fts_read(walk)) != NULL) {
        bool is_file = found->fts_info == FTS_F || found->fts_info == FTS_NSOK;
        if (is_file && !is_clean(found->fts_path))
            add_file(ret, found->fts_path + sizeof(NOTES_NAME), shown_from);
    }
    (void)fts_close(walk);
    return 0;
}

static _Noreturn void look_main(int cache_fd, const struct user_ids *owner, size_t shown_from, int answer_fd)
{
    struct objects_pending pending;
    struct err e = ERR_INIT;

    if (privilege_drop(*owner, &e) < 0 || look(cache_fd, shown_from, &pending) < 0)
        _exit(1);
    (void)!write(answer_fd, &pending, sizeof(pending));
    _exit(0);
}

/* ---- in the room ---- */

int objects_pending_read(int cache_fd, const struct user_ids *owner, size_t shown_from, struct objects_pending *ret,
                         struct err *e)
{
    AUTO_CLOSE int answer = -1;
    AUTO_CLOSE int theirs = -1;
    struct pollfd p;
    int ends[2];
    ssize_t n = -1;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(e, errno, BLAME_NODE, "make a pipe");
    answer = ends[0];
    theirs = ends[1];
    pid = fork();
    if (pid < 0)
        return err_errno(e, errno, BLAME_NODE, "fork");
    if (pid == 0)
        look_main(cache_fd, owner, shown_from, theirs);
    fd_close(&theirs);
    p = (struct pollfd){.fd = answer, .events = POLLIN};
    if (poll(&p, 1, LOOK_MS) == 1)
        n = read(answer, ret, sizeof(*ret));
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    if (n != (ssize_t)sizeof(*ret))
        return err_set(e, -EIO, BLAME_NODE, "the cache of the bucket could not be read");
    ret->names[sizeof(ret->names) - 1] = '\0';
    return 0;
}
