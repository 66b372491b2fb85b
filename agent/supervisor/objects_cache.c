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
#include "base/parse.h"
#include "sys/fd.h"

#define NOTES_NAME "vfsMeta"
#define FILES_NAME "vfs"
#define TAIL_BYTES 64
#define NOTE_BYTES 512
#define TICKS_MS   20
/* A disk that does not answer is not waited for; the next look may find out. */
#define LOOK_MS 30000

int objects_note_is_clean(const char *text, size_t n)
{
    static const char CLEAN[] = "\"Dirty\": false";

    return memmem(text, n, CLEAN, sizeof(CLEAN) - 1) != NULL;
}

int64_t objects_note_size(const char *text, size_t n)
{
    static const char KEY[] = "\"Size\": ";
    const char *at = memmem(text, n, KEY, sizeof(KEY) - 1);
    char digits[24];
    size_t i = 0;
    int64_t size;

    if (at == NULL)
        return -1;
    for (at += sizeof(KEY) - 1; at < text + n && i < sizeof(digits) - 1 && *at >= '0' && *at <= '9'; at++)
        digits[i++] = *at;
    digits[i] = '\0';
    return parse_i64(digits, 0, INT64_MAX, &size) == 0 ? size : -1;
}

void objects_pending_text(const struct objects_pending *p, char *ret, size_t size)
{
    static const char *const UNITS[] = {"bytes", "KB", "MB", "GB", "TB"};
    double bytes = (double)p->bytes;
    size_t unit = 0;

    for (; bytes >= 1000 && unit + 1 < ARRAY_SIZE(UNITS); unit++)
        bytes /= 1000;
    (void)snprintf(ret, size, "%lld file%s, %.*f %s", (long long)p->files, p->files == 1 ? "" : "s",
                   unit == 0 ? 0 : 1, bytes, UNITS[unit]);
}

/* ---- in the process of its own ---- */

/* What there is to know of a file by its note. */
struct note {
    bool clean; /* one that is being written is not */
    int64_t size;
    struct timespec at;
};

static struct note read_note(const char *path)
{
    struct note note = {.size = -1};
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    char text[NOTE_BYTES];
    struct stat st;
    ssize_t n;

    if (fd < 0 || fstat(fd, &st) < 0)
        return note;
    note.at = st.st_mtim;
    n = pread(fd, text, sizeof(text), 0);
    note.size = n > 0 ? objects_note_size(text, (size_t)n) : -1;
    n = pread(fd, text, TAIL_BYTES, st.st_size > TAIL_BYTES ? st.st_size - TAIL_BYTES : 0);
    note.clean = n > 0 && objects_note_is_clean(text, (size_t)n);
    return note;
}

/* rclone sets a file's time itself, finer than the ticks by which the kernel sets the note's. */
static bool later(struct timespec a, struct timespec b)
{
    return (a.tv_sec - b.tv_sec) * 1000 + (a.tv_nsec - b.tv_nsec) / 1000000 > TICKS_MS;
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

static void add_file(struct objects_pending *p, const struct note *note, const char *below, size_t shown_from)
{
    char path[PATH_MAX];
    struct stat st = {.st_size = 0};
    bool there;
    const char *name = below;

    (void)snprintf(path, sizeof(path), FILES_NAME "/%s", below);
    there = lstat(path, &st) == 0;
    p->files++;
    p->bytes += st.st_size;
    if (!there || st.st_size != note->size || later(st.st_mtim, note->at))
        p->open++;
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
        struct note note;
        if (found->fts_info != FTS_F)
            continue;
        note = read_note(found->fts_path);
        if (!note.clean)
            add_file(ret, &note, found->fts_path + sizeof(NOTES_NAME), shown_from);
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

int objects_pending_read(int cache_fd, const struct user_ids *owner, size_t shown_from,
                         struct objects_pending *ret, struct err *e)
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
