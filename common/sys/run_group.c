/* run_group.c - see run_group.h: where the groups are, and their making and removal. */
#include "sys/run_group.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/strbuf.h"
#include "sys/fd.h"

#define PROC_TEXT_MAX (256U * 1024)
#define OWN_TOP       "runlet"
/* What a delegated supervisor keeps when its job takes all it can: memory that is not reclaimed from it, as far as its unit
 * was given any, and ten times the usual share of the CPU. */
#define SUPERVISOR_MEMORY_MIN "33554432"
#define SUPERVISOR_CPU_WEIGHT "1000"

static const char *const V2_NAMES[CONTROLLER_COUNT] = {
    [CONTROLLER_MEMORY] = "memory", [CONTROLLER_CPU] = "cpu", [CONTROLLER_PIDS] = "pids",
    [CONTROLLER_CPUSET] = "cpuset", [CONTROLLER_IO] = "io",   [CONTROLLER_CPUACCT] = NULL,
    [CONTROLLER_DEVICES] = NULL,
};

static const char *const V1_NAMES[CONTROLLER_COUNT] = {
    [CONTROLLER_MEMORY] = "memory",   [CONTROLLER_CPU] = "cpu",  [CONTROLLER_PIDS] = "pids",
    [CONTROLLER_CPUSET] = "cpuset",   [CONTROLLER_IO] = "blkio", [CONTROLLER_CPUACCT] = "cpuacct",
    [CONTROLLER_DEVICES] = "devices",
};

/* ---- where they are ---- */

/* Whether the list of words, which `separators` divide, has the word. */
static bool has_word(const char *list, size_t n, const char *word, const char *separators)
{
    size_t size = strlen(word);

    for (size_t i = 0; i < n;) {
        size_t len = 0;
        while (i + len < n && strchr(separators, list[i + len]) == NULL)
            len++;
        if (len == size && memcmp(list + i, word, size) == 0)
            return true;
        i += len + 1;
    }
    return false;
}

/* The next line of *text without its newline; false at the end. */
static bool next_line(const char **text, const char **ret, size_t *ret_size)
{
    const char *line = *text;

    if (*line == '\0')
        return false;
    *ret_size = strcspn(line, "\n");
    *ret = line;
    *text = line + *ret_size + (line[*ret_size] == '\n');
    return true;
}

/* The path of this process in the hierarchy whose second field of /proc/self/cgroup has the name. */
static bool own_path(const char *self_cgroup, const char *controller, const char **ret, size_t *ret_size)
{
    const char *line;
    size_t n;

    while (next_line(&self_cgroup, &line, &n)) {
        const char *first = memchr(line, ':', n);
        const char *second = first != NULL ? memchr(first + 1, ':', n - (size_t)(first + 1 - line)) : NULL;
        size_t list = second != NULL ? (size_t)(second - first - 1) : 0;
        if (second == NULL)
            continue;
        if (controller[0] == '\0' ? list == 0 && line[0] == '0'
                                  : has_word(first + 1, list, controller, ",")) {
            *ret = second + 1;
            *ret_size = n - (size_t)(second + 1 - line);
            return true;
        }
    }
    return false;
}

/* One line of mountinfo(5): its root, mount point, type and super options. */
struct mount_line {
    const char *root, *point, *type, *options;
    size_t root_size, point_size, type_size, options_size;
};

static void take_field(const char **at, const char *end, const char **ret, size_t *ret_size)
{
    const char *blank = memchr(*at, ' ', (size_t)(end - *at));

    *ret = *at;
    *ret_size = (size_t)((blank != NULL ? blank : end) - *at);
    *at = blank != NULL ? blank + 1 : end;
}

static bool mount_line_parse(const char *line, size_t n, struct mount_line *ret)
{
    const char *end = line + n;
    const char *dash = memmem(line, n, " - ", 3);
    const char *at = line, *skip;
    size_t skipped;

    if (dash == NULL)
        return false;
    for (int i = 0; i < 3; i++)
        take_field(&at, dash, &skip, &skipped);
    take_field(&at, dash, &ret->root, &ret->root_size);
    take_field(&at, dash, &ret->point, &ret->point_size);
    at = dash + 3;
    take_field(&at, end, &ret->type, &ret->type_size);
    take_field(&at, end, &skip, &skipped);
    take_field(&at, end, &ret->options, &ret->options_size);
    return ret->point_size > 0;
}

static bool is_type(const struct mount_line *m, const char *type)
{
    return m->type_size == strlen(type) && memcmp(m->type, type, m->type_size) == 0;
}

/* The mount point, and what of the path lies below the mount's own root. "" when it does not fit. */
static void join(const struct mount_line *m, const char *path, size_t n, char *ret, size_t size)
{
    if (m->root_size > 1 && n >= m->root_size && memcmp(path, m->root, m->root_size) == 0) {
        path += m->root_size;
        n -= m->root_size;
    }
    if (n == 1 && path[0] == '/')
        n = 0;
    ret[0] = '\0';
    if (m->point_size + n < size)
        (void)snprintf(ret, size, "%.*s%.*s", (int)m->point_size, m->point, (int)n, path);
}

void cgroup_places_parse(const char *mountinfo, const char *self_cgroup, struct cgroup_places *ret)
{
    const char *line, *path;
    size_t n, path_size;

    *ret = (struct cgroup_places){0};
    while (next_line(&mountinfo, &line, &n)) {
        struct mount_line m;
        if (!mount_line_parse(line, n, &m))
            continue;
        if (is_type(&m, "cgroup2") && ret->unified_top[0] == '\0' &&
            own_path(self_cgroup, "", &path, &path_size)) {
            join(&m, "", 0, ret->unified_top, sizeof(ret->unified_top));
            join(&m, path, path_size, ret->unified_own, sizeof(ret->unified_own));
        }
        for (unsigned c = 0; is_type(&m, "cgroup") && c < CONTROLLER_COUNT; c++)
            if (ret->v1_own[c][0] == '\0' && has_word(m.options, m.options_size, V1_NAMES[c], ",") &&
                own_path(self_cgroup, V1_NAMES[c], &path, &path_size))
                join(&m, path, path_size, ret->v1_own[c], sizeof(ret->v1_own[c]));
    }
}

/*
 * A mount of version 2 that is in no folder, for a machine (or a container) where it is in none: the hierarchy is there all
 * the same, and programs on a group and its kill need no controller. fd, which lives as long as the process does, or -errno:
 * without the right to mount, or before Linux 5.2.
 */
static int unified_unmounted(void)
{
    AUTO_CLOSE int context = (int)syscall(SYS_fsopen, "cgroup2", 1 /* FSOPEN_CLOEXEC */);
    long mount;

    if (context < 0 || syscall(SYS_fsconfig, context, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0) < 0)
        return -errno;
    mount = syscall(SYS_fsmount, context, 1 /* FSMOUNT_CLOEXEC */, 0);
    return mount < 0 ? -errno : (int)mount;
}

static void find_unmounted(const char *self_cgroup, struct cgroup_places *ret)
{
    const char *path;
    size_t n;
    int fd;

    if (!own_path(self_cgroup, "", &path, &n))
        return;
    fd = unified_unmounted();
    if (fd < 0)
        return;
    (void)snprintf(ret->unified_top, sizeof(ret->unified_top), "/proc/self/fd/%d/.", fd);
    (void)snprintf(ret->unified_own, sizeof(ret->unified_own), "/proc/self/fd/%d%.*s/.", fd, (int)n, path);
}

void cgroup_places_read(struct cgroup_places *ret)
{
    AUTO(strbuf) struct strbuf mounts = STRBUF_INIT(PROC_TEXT_MAX);
    AUTO(strbuf) struct strbuf own = STRBUF_INIT(PROC_TEXT_MAX);

    *ret = (struct cgroup_places){0};
    if (file_read(AT_FDCWD, "/proc/self/mountinfo", &mounts) == 0 &&
        file_read(AT_FDCWD, "/proc/self/cgroup", &own) == 0)
        cgroup_places_parse(strbuf_str(&mounts), strbuf_str(&own), ret);
    if (ret->unified_top[0] == '\0' && own.len > 0)
        find_unmounted(strbuf_str(&own), ret);
}

/* ---- making them ---- */

static bool folder_has(int dir_fd, const char *file, const char *controller)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(4096);

    return file_read(dir_fd, file, &text) == 0 && has_word(strbuf_str(&text), text.len, controller, " \n");
}

/* Gives the children of the group every controller it can. What it cannot, its children do not have. */
static void enable_controllers(int dir_fd)
{
    for (unsigned c = 0; c < CONTROLLER_COUNT; c++) {
        AUTO_CLOSE int fd = -1;
        char text[32];
        int n;
        if (V2_NAMES[c] == NULL || !folder_has(dir_fd, "cgroup.controllers", V2_NAMES[c]) ||
            folder_has(dir_fd, "cgroup.subtree_control", V2_NAMES[c]))
            continue;
        fd = openat(dir_fd, "cgroup.subtree_control", O_WRONLY | O_CLOEXEC);
        n = snprintf(text, sizeof(text), "+%s", V2_NAMES[c]);
        if (fd >= 0)
            (void)fd_write_all(fd, text, (size_t)n);
    }
}

/* A service manager marks a group that it leaves to its unit. */
static bool is_delegated(const char *folder)
{
    char value[4];

    return getxattr(folder, "trusted.delegate", value, sizeof(value)) == 1 ||
           getxattr(folder, "user.delegate", value, sizeof(value)) == 1;
}

static void put_if_there(int dir_fd, const char *file, const char *text)
{
    AUTO_CLOSE int fd = openat(dir_fd, file, O_WRONLY | O_CLOEXEC);

    if (fd >= 0)
        (void)fd_write_all(fd, text, strlen(text));
}

/* Makes room for limits in a delegated group: only a group without processes of its own can give its children
 * controllers, so the caller moves into one of them. */
static void settle(const char *own)
{
    struct cgroup supervisor = CGROUP_INIT;
    struct err e = ERR_INIT;
    AUTO_CLOSE int dir = dir_open(AT_FDCWD, own);

    if (dir < 0 || cgroup_create(own, "supervisor", &supervisor, &e) < 0)
        return;
    if (fd_write_all(supervisor.procs_fd, "0", 1) == 0) {
        enable_controllers(dir);
        put_if_there(supervisor.fd, "memory.min", SUPERVISOR_MEMORY_MIN);
        put_if_there(supervisor.fd, "cpu.weight", SUPERVISOR_CPU_WEIGHT);
    }
    cgroup_close(&supervisor);
}

/* The folder below which a group with controllers can be made without standing in anybody's way; "" when there is none. */
static void find_top(const struct cgroup_places *places, char *ret, size_t size)
{
    AUTO_CLOSE int top = dir_open(AT_FDCWD, places->unified_top);
    AUTO_CLOSE int own = -1;
    bool any = false;

    ret[0] = '\0';
    for (unsigned c = 0; top >= 0 && c < CONTROLLER_COUNT; c++)
        any = any || (V2_NAMES[c] != NULL && folder_has(top, "cgroup.controllers", V2_NAMES[c]));
    if (!any || (mkdirat(top, OWN_TOP, 0755) < 0 && errno != EEXIST))
        return;
    enable_controllers(top);
    own = dir_open(top, OWN_TOP);
    if (own < 0)
        return;
    enable_controllers(own);
    (void)snprintf(ret, size, "%s/" OWN_TOP, places->unified_top);
}

/* Without a hierarchy, or without the right to use it, the run has no group of version 2. */
static int passed_over(int r, struct err *e)
{
    if (r != -EROFS && r != -EACCES && r != -EPERM && r != -ENOENT)
        return r;
    *e = ERR_INIT;
    return 0;
}

/* Which controllers the run's group of version 2 has. False when there is none. */
static bool take_controllers(struct run_group *g)
{
    bool any = false;

    for (unsigned c = 0; c < CONTROLLER_COUNT; c++) {
        g->v2_has[c] = V2_NAMES[c] != NULL && folder_has(g->unified.fd, "cgroup.controllers", V2_NAMES[c]);
        any = any || g->v2_has[c];
    }
    return any;
}

static int create_unified(const struct cgroup_places *places, const char *name, struct run_group *g,
                          struct err *e)
{
    char top[sizeof(places->unified_top) + 16];
    int r;

    if (places->unified_own[0] == '\0')
        return 0;
    if (is_delegated(places->unified_own)) {
        settle(places->unified_own);
        r = cgroup_create(places->unified_own, name, &g->unified, e);
        if (r == 0 && take_controllers(g))
            return 0;
        /* Others live in the unit, as a daemon that shares it with its supervisors: it can give nothing. */
        (void)cgroup_remove(&g->unified);
        cgroup_close(&g->unified);
        *e = ERR_INIT;
    }
    find_top(places, top, sizeof(top));
    r = cgroup_create(top[0] != '\0' ? top : places->unified_own, name, &g->unified, e);
    if (r == 0)
        (void)take_controllers(g);
    return passed_over(r, e);
}

/* A new cpuset of version 1 has neither CPUs nor memory, and nothing can join it. */
static int inherit(int parent_fd, int fd, const char *file)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(4096);
    AUTO_CLOSE int to = openat(fd, file, O_WRONLY | O_CLOEXEC);
    int r = file_read(parent_fd, file, &text);

    if (r < 0 || to < 0)
        return r < 0 ? r : -errno;
    return fd_write_all(to, text.data, text.len);
}

static int create_v1(const char *own, enum cgroup_controller c, const char *name, struct cgroup *ret,
                     struct err *e)
{
    int r = cgroup_create(own, name, ret, e);

    if (r == 0 && c == CONTROLLER_CPUSET) {
        r = inherit(ret->parent_fd, ret->fd, "cpuset.cpus");
        if (r == 0)
            r = inherit(ret->parent_fd, ret->fd, "cpuset.mems");
        if (r < 0)
            (void)err_errno(e, -r, BLAME_NODE, "give the control group %s/%s its CPUs", own, name);
    }
    return passed_over(r, e);
}

/* Which controllers of version 1 the programs that help a run are held by. */
static bool is_for_helpers(enum cgroup_controller c)
{
    return c == CONTROLLER_MEMORY || c == CONTROLLER_PIDS;
}

static int create(const struct cgroup_places *places, const char *name, bool helpers, struct run_group *ret,
                  struct err *e)
{
    struct run_group g = RUN_GROUP_INIT;
    int r;

    (void)snprintf(g.suffix, sizeof(g.suffix), "/%s", name);
    r = create_unified(places, name, &g, e);
    for (unsigned c = 0; r == 0 && c < CONTROLLER_COUNT; c++)
        if (!g.v2_has[c] && places->v1_own[c][0] != '\0' &&
            (!helpers || is_for_helpers((enum cgroup_controller)c)))
            r = create_v1(places->v1_own[c], (enum cgroup_controller)c, name, &g.v1[c], e);
    if (r < 0) {
        (void)run_group_remove(&g);
        run_group_close(&g);
        return r;
    }
    *ret = g;
    return 0;
}

int run_group_create(const struct cgroup_places *places, const char *run_id, struct run_group *ret,
                     struct err *e)
{
    char name[256];

    (void)snprintf(name, sizeof(name), "runlet.%s", run_id);
    return create(places, name, false, ret, e);
}

int run_group_create_helpers(const struct cgroup_places *places, const char *run_id, struct run_group *ret,
                             struct err *e)
{
    char name[256];

    (void)snprintf(name, sizeof(name), "runlet-helpers.%s", run_id);
    return create(places, name, true, ret, e);
}

int run_group_join(const struct run_group *g)
{
    int r = g->unified.procs_fd >= 0 ? fd_write_all(g->unified.procs_fd, "0", 1) : 0;

    for (unsigned c = 0; r == 0 && c < CONTROLLER_COUNT; c++)
        if (g->v1[c].procs_fd >= 0)
            r = fd_write_all(g->v1[c].procs_fd, "0", 1);
    return r;
}

const char *run_group_backend(const struct run_group *g, enum cgroup_controller controller)
{
    if (controller == CONTROLLER_COUNT)
        return NULL;
    if (g->v2_has[controller])
        return "cgroup-v2";
    return g->v1[controller].fd >= 0 ? "cgroup-v1" : NULL;
}

/* A group that holds the run's processes, of whatever hierarchy; CGROUP_INIT when there is none. */
static const struct cgroup *any_group(const struct run_group *g)
{
    const struct cgroup *found = &g->unified;

    for (unsigned c = 0; found->fd < 0 && c < CONTROLLER_COUNT; c++)
        found = &g->v1[c];
    return found;
}

int run_group_kill(const struct run_group *g)
{
    return cgroup_kill(any_group(g));
}

bool run_group_has(const struct run_group *g, pid_t pid)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(PROC_TEXT_MAX);
    char path[32];

    (void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
    if (g->suffix[0] == '\0' || file_read(AT_FDCWD, path, &text) < 0)
        return false;
    for (const char *at = strbuf_str(&text); (at = strstr(at, g->suffix)) != NULL; at++) {
        char next = at[strlen(g->suffix)];
        if (next == '\n' || next == '/' || next == '\0')
            return true;
    }
    return false;
}

void run_group_describe(const struct run_group *g, char *ret, size_t size)
{
    cgroup_describe(any_group(g), ret, size);
}

int run_group_clear(const struct run_group *g, int64_t wait_ms)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    boot_ms_t until = {clock_boot().ms + wait_ms};
    int r;

    while ((r = run_group_remove(g)) == -EBUSY && clock_boot().ms < until.ms) {
        (void)run_group_kill(g);
        (void)nanosleep(&pause, NULL);
    }
    return r;
}

int run_group_remove(const struct run_group *g)
{
    int first = cgroup_remove(&g->unified);

    for (unsigned c = 0; c < CONTROLLER_COUNT; c++) {
        int r = cgroup_remove(&g->v1[c]);
        first = first < 0 ? first : r;
    }
    return first;
}

void run_group_close(struct run_group *g)
{
    cgroup_close(&g->unified);
    for (unsigned c = 0; c < CONTROLLER_COUNT; c++)
        cgroup_close(&g->v1[c]);
}
