/* cgroup.c - see cgroup.h. */
#include "sys/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "sys/fd.h"

#define PROC_TEXT_MAX   (256U * 1024)
#define KILL_ROUNDS_MAX 1000
/* A job that may make groups of its own could nest them without end. */
#define DEPTH_MAX 64

static const char *line_end(const char *line)
{
    const char *newline = strchr(line, '\n');

    return newline != NULL ? newline : line + strlen(line);
}

int cgroup_create(const char *own_path, const char *name, struct cgroup *ret, struct err *e)
{
    struct cgroup g = CGROUP_INIT;

    (void)snprintf(g.name, sizeof(g.name), "%s", name);
    g.parent_fd = dir_open(AT_FDCWD, own_path);
    if (g.parent_fd < 0)
        return err_errno(e, -g.parent_fd, BLAME_NODE, "open the control group %s", own_path);
    if (mkdirat(g.parent_fd, name, 0755) < 0 && errno != EEXIST) {
        int saved = errno;
        cgroup_close(&g);
        return err_errno(e, saved, BLAME_NODE, "make the control group %s/%s", own_path, name);
    }
    CRASH_POINT("group-made");
    g.fd = dir_open(g.parent_fd, name);
    g.procs_fd = g.fd < 0 ? -1 : openat(g.fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (g.procs_fd < 0) {
        int saved = errno;
        cgroup_close(&g);
        return err_errno(e, saved, BLAME_NODE, "open the control group %s/%s", own_path, name);
    }
    *ret = g;
    return 0;
}

bool cgroup_populated(const struct cgroup *g)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(4096);

    return g->fd >= 0 && file_read(g->fd, "cgroup.events", &text) == 0 &&
           strstr(strbuf_str(&text), "populated 1") != NULL;
}

/* The n-th pid in the group, or 0. */
static pid_t member(const struct strbuf *procs, unsigned n)
{
    char digits[16];
    uint64_t pid;
    const char *line = strbuf_str(procs);

    for (; n > 0 && *line != '\0'; n--) {
        line = line_end(line);
        line += *line != '\0';
    }
    (void)snprintf(digits, sizeof(digits), "%.*s", (int)(line_end(line) - line), line);
    return parse_u64(digits, INT_MAX, &pid) < 0 ? 0 : (pid_t)pid;
}

/* Visits the groups below dir_fd, the deepest first. The sum of what the visitor returns, or its first failure; a group
 * that goes meanwhile is none. */
static int each_below(int dir_fd, unsigned depth, int (*visit)(int parent_fd, const char *name))
{
    int copy = depth < DEPTH_MAX ? openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;
    int sum = 0, r = 0;

    if (dir == NULL) {
        r = depth < DEPTH_MAX ? -errno : -ELOOP;
        fd_close(&copy);
        return r;
    }
    while (r >= 0 && (entry = readdir(dir)) != NULL) {
        struct stat st;
        AUTO_CLOSE int below = -1;
        if (entry->d_name[0] == '.' || fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISDIR(st.st_mode))
            continue;
        below = dir_open(dir_fd, entry->d_name);
        r = below >= 0 ? each_below(below, depth + 1, visit) : below;
        if (r >= 0) {
            sum += r;
            r = visit(dir_fd, entry->d_name);
            sum += r > 0 ? r : 0;
        }
        r = r == -ENOENT || r == -ENODEV ? 0 : r;
    }
    (void)closedir(dir);
    return r < 0 ? r : sum;
}

/* Kills the members of the group `name`, not of those below it. Their number or -errno. */
static int kill_members(int parent_fd, const char *name)
{
    AUTO(strbuf) struct strbuf procs = STRBUF_INIT(PROC_TEXT_MAX);
    char path[NAME_MAX + sizeof("/cgroup.procs")];
    pid_t pid;
    int r, count = 0;

    (void)snprintf(path, sizeof(path), "%s/cgroup.procs", name);
    r = file_read(parent_fd, path, &procs);
    if (r < 0)
        return r;
    for (; (pid = member(&procs, (unsigned)count)) > 0; count++)
        (void)kill(pid, SIGKILL);
    return count;
}

/* Before cgroup.kill: again and again until a look finds nobody, because members may fork meanwhile. */
static int kill_one_by_one(const struct cgroup *g)
{
    for (int round = 0; round < KILL_ROUNDS_MAX; round++) {
        int below = each_below(g->fd, 0, kill_members);
        int own = kill_members(g->parent_fd, g->name);
        if (below < 0 || own < 0)
            return below < 0 ? below : own;
        if (below + own == 0)
            return 0;
    }
    return -EBUSY;
}

int cgroup_kill(const struct cgroup *g)
{
    AUTO_CLOSE int fd = -1;

    if (g->fd < 0)
        return 0;
    fd = openat(g->fd, "cgroup.kill", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? kill_one_by_one(g) : -errno;
    return fd_write_all(fd, "1", 1);
}

static void read_word(pid_t pid, const char *name, char *ret, size_t size)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(256);
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    (void)file_read(AT_FDCWD, path, &text);
    (void)snprintf(ret, size, "%.*s", (int)strcspn(strbuf_str(&text), "\n"), strbuf_str(&text));
}

/* Where in the kernel it waits, or, when we may not know that of another's process, its state. */
static void read_wait(pid_t pid, char *ret, size_t size)
{
    AUTO(strbuf) struct strbuf stat = STRBUF_INIT(4096);
    char path[64], where[64];
    const char *name_end;

    read_word(pid, "wchan", where, sizeof(where));
    if (where[0] != '\0' && strcmp(where, "0") != 0) {
        (void)snprintf(ret, size, "waiting in %s", where);
        return;
    }
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    (void)file_read(AT_FDCWD, path, &stat);
    name_end = strrchr(strbuf_str(&stat), ')');
    (void)snprintf(ret, size, "state %.1s", name_end != NULL && name_end[1] == ' ' ? name_end + 2 : "?");
}

void cgroup_describe(const struct cgroup *g, char *ret, size_t size)
{
    AUTO(strbuf) struct strbuf procs = STRBUF_INIT(PROC_TEXT_MAX);
    pid_t pid;

    ret[0] = '\0';
    if (g->fd < 0 || file_read(g->fd, "cgroup.procs", &procs) < 0)
        return;
    for (unsigned i = 0; i < 4 && (pid = member(&procs, i)) > 0; i++) {
        char comm[64], wait[96];
        size_t used = strlen(ret);
        read_word(pid, "comm", comm, sizeof(comm));
        read_wait(pid, wait, sizeof(wait));
        (void)snprintf(ret + used, size - used, "%spid %d (%s, %s)", used > 0 ? ", " : "", (int)pid, comm,
                       wait);
    }
}

static int remove_group(int parent_fd, const char *name)
{
    return unlinkat(parent_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

int cgroup_remove(const struct cgroup *g)
{
    int r;

    if (g->parent_fd < 0)
        return 0;
    CRASH_POINT("group-remove");
    r = g->fd >= 0 ? each_below(g->fd, 0, remove_group) : 0;
    if (r == 0)
        r = remove_group(g->parent_fd, g->name);
    CRASH_POINT("group-removed");
    return r;
}

void cgroup_close(struct cgroup *g)
{
    fd_close(&g->procs_fd);
    fd_close(&g->fd);
    fd_close(&g->parent_fd);
}
