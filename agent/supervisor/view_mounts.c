/* view_mounts.c - see view_mounts.h. */
#include "supervisor/view_mounts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "base/strlist.h"
#include "supervisor/nfs.h"
#include "supervisor/run_directory.h"
#include "supervisor/view_parts.h"
#include "sys/fd.h"
#include "sys/mounts.h"

#define QUIET          (MS_NOSUID | MS_NODEV)
#define SHADOW_OPTIONS "mode=0755,size=1m,nr_inodes=4k"
/* A folder with more in it than this is not shown again entry by entry. */
#define ENTRIES_MAX 1000
#define ROOT_NAME   SCRATCH_NAME "/root"

static size_t depth(const char *target)
{
    size_t n = 0;

    for (; *target != '\0'; target++)
        n += *target == '/';
    return n;
}

void view_mounts_order(const struct plan *plan, size_t ret[JOB_MOUNTS_MAX])
{
    for (size_t i = 0; i < plan->mount_count; i++) {
        size_t k = i;
        for (; k > 0 && depth(plan->mount[ret[k - 1]].target) > depth(plan->mount[i].target); k--)
            ret[k] = ret[k - 1];
        ret[k] = i;
    }
}

/* ---- folders that are missing ---- */

/* Shows the entry `name` of the folder `from_fd` in the folder `to` as well. */
static int show_again(int from_fd, const char *name, const char *to, struct err *e)
{
    char path[PATH_MAX], source[PATH_MAX], link[PATH_MAX];
    AUTO_CLOSE int fd = openat(from_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    AUTO_CLOSE int made = -1;
    struct stat st;
    ssize_t n;

    (void)snprintf(path, sizeof(path), "%s/%s", to, name);
    if (fd < 0 || fstat(fd, &st) < 0)
        return view_failed(e, "open", path);
    if (S_ISLNK(st.st_mode)) {
        n = readlinkat(from_fd, name, link, sizeof(link) - 1);
        link[n > 0 ? n : 0] = '\0';
        return n > 0 && symlink(link, path) == 0 ? 0 : view_failed(e, "make the link", path);
    }
    if (S_ISDIR(st.st_mode)) {
        if (mkdir(path, 0755) < 0)
            return view_failed(e, "make", path);
    } else {
        made = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (made < 0)
            return view_failed(e, "make", path);
    }
    (void)snprintf(source, sizeof(source), "/proc/self/fd/%d", fd);
    if (mount(source, path, NULL, MS_BIND | MS_REC, NULL) < 0)
        return view_failed(e, "bind", path);
    return 0;
}

/* Shows everything that is in the open folder in the folder `to` as well. */
static int show_all_again(int from_fd, const char *to, struct err *e)
{
    const struct dirent *entry;
    size_t count = 0;
    int copy = openat(from_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    int r = 0;

    if (dir == NULL)
        return view_failed(e, "list what is in", to);
    while (r == 0 && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        r = ++count > ENTRIES_MAX
                ? err_set(e, -E2BIG, BLAME_NODE, "%s has too many entries to mount something new in it", to)
                : show_again(from_fd, entry->d_name, to, e);
    }
    (void)closedir(dir);
    return r;
}

/* Covers the folder with one in which everything that was there is seen again, so that more can be made in it. */
static int shadow(const char *folder, struct strlist *shadows, struct err *e)
{
    AUTO_CLOSE int old = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (old < 0)
        return view_failed(e, "open", folder);
    if (mount("tmpfs", folder, "tmpfs", QUIET, SHADOW_OPTIONS) < 0)
        return view_failed(e, "cover", folder);
    CRASH_POINT_OF("shadowed", folder);
    if (strlist_add(shadows, folder) < 0)
        return err_oom(e);
    return show_all_again(old, folder, e);
}

/* ---- a root with more in it ---- */

static size_t first_folder(const char *target, char ret[NAME_MAX + 2])
{
    size_t n = 1 + strcspn(target + 1, "/");

    memcpy(ret, target, n);
    ret[n] = '\0';
    return n;
}

static bool root_has_all(const struct plan *plan)
{
    char first[NAME_MAX + 2];

    for (size_t i = 0; i < plan->mount_count; i++) {
        (void)first_folder(plan->mount[i].target, first);
        if (access(first, F_OK) < 0)
            return false;
    }
    return true;
}

static int enter_root(const char *root, struct err *e)
{
    if (chdir(root) < 0)
        return view_failed(e, "enter", root);
    /* The old root comes to lie on the new one, and goes. Where we are in a chroot already, that is as far as it goes. */
    if (syscall(SYS_pivot_root, ".", ".") == 0) {
        if (umount2(".", MNT_DETACH) < 0)
            return view_failed(e, "leave the old", "/");
    } else if (errno != EINVAL || chroot(".") < 0) {
        return view_failed(e, "make the root of", root);
    }
    return chdir("/") == 0 ? 0 : view_failed(e, "enter", "/");
}

int view_mounts_root(const struct plan *plan, const char *run_path, struct err *e)
{
    char root[RUN_PATH_MAX + 16], path[RUN_PATH_MAX + NAME_MAX + 32], first[NAME_MAX + 2];
    AUTO_CLOSE int old = -1;

    if (root_has_all(plan))
        return 0;
    (void)snprintf(root, sizeof(root), "%s/" ROOT_NAME, run_path);
    old = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (old < 0 || mkdir(root, 0755) < 0)
        return view_failed(e, "make", root);
    if (mount("tmpfs", root, "tmpfs", QUIET, SHADOW_OPTIONS) < 0)
        return view_failed(e, "mount", root);
    /* Not to be seen in the folders that are shown again in it. */
    if (mount(NULL, root, NULL, MS_UNBINDABLE, NULL) < 0)
        return view_failed(e, "keep to itself", root);
    if (show_all_again(old, root, e) < 0)
        return e->code;
    for (size_t i = 0; i < plan->mount_count; i++) {
        (void)first_folder(plan->mount[i].target, first);
        (void)snprintf(path, sizeof(path), "%s%s", root, first);
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            return view_failed(e, "make", path);
    }
    if (enter_root(root, e) < 0)
        return e->code;
    CRASH_POINT("root-extended");
    return mount(NULL, "/", NULL, MS_PRIVATE, NULL) == 0 ? 0 : view_failed(e, "part", "/");
}

/* ---- the mounts ---- */

int view_mounts_open(const struct policy *policy, const struct plan *plan, const char *run_path,
                     struct view_mounts *ret, struct err *e)
{
    AUTO_CLOSE int run = open(run_path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    *ret = (struct view_mounts){.policy = policy, .plan = plan};
    for (size_t i = 0; i < JOB_MOUNTS_MAX; i++)
        ret->fd[i] = -1;
    if (plan->mount_count > 0 && run < 0)
        return view_failed(e, "open", run_path);
    for (size_t i = 0; i < plan->mount_count; i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), STORAGE_PLACE, i);
        ret->fd[i] = openat(run, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (ret->fd[i] < 0)
            return view_failed(e, "open what was mounted for", plan->mount[i].target);
        ret->empty[i] = mount_id_of(ret->fd[i]) == mount_id_of(run);
    }
    return 0;
}

/* Whether the path is in what the job or others fill: nothing there is to be followed. */
static bool is_foreign(const struct view_mounts *m, const char *path)
{
    if (mount_target_within(path, JOB_HOME))
        return true;
    for (size_t i = 0; i < m->plan->mount_count; i++)
        if (mount_target_within(path, m->plan->mount[i].target))
            return true;
    return false;
}

/* Makes the folder `name` of the open folder, whose path is `around`. */
static int make_missing(const struct view_mounts *m, int around_fd, const char *around, const char *path,
                        struct strlist *shadows, struct err *e)
{
    const char *name = strrchr(path, '/') + 1;

    if (mkdirat(around_fd, name, 0755) == 0) {
        if (mount_target_within(path, JOB_HOME) &&
            fchownat(around_fd, name, policy_uid(m->policy, m->plan), policy_gid(m->policy, m->plan),
                     AT_SYMLINK_NOFOLLOW) < 0)
            return view_failed(e, "give the job's user", path);
        return 0;
    }
    if (errno != EROFS || is_foreign(m, around))
        return view_failed(e, "make", path);
    if (shadow(around, shadows, e) < 0)
        return e->code;
    return mkdir(path, 0755) == 0 ? 0 : view_failed(e, "make", path);
}

/* Opens the target, made where it is missing. */
static int open_target(const struct view_mounts *m, const char *target, struct strlist *shadows,
                       struct err *e)
{
    AUTO_CLOSE int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    char around[MOUNT_TARGET_MAX] = "/", path[MOUNT_TARGET_MAX];

    for (size_t n = 0; at >= 0 && target[n] != '\0';) {
        const char *name = target + n + 1;
        int flags = O_PATH | O_DIRECTORY | O_CLOEXEC | (is_foreign(m, around) ? O_NOFOLLOW : 0);
        int next;
        n += 1 + strcspn(name, "/");
        (void)snprintf(path, sizeof(path), "%.*s", (int)n, target);
        name = strrchr(path, '/') + 1;
        next = openat(at, name, flags);
        if (next < 0 && errno == ENOENT) {
            if (make_missing(m, at, around, path, shadows, e) < 0)
                return e->code;
            /* By its path: what is around may be covered now. */
            next = is_foreign(m, around) ? openat(at, name, flags) : open(path, flags);
        }
        if (next < 0)
            return view_failed(e, "open", path);
        fd_close(&at);
        at = next;
        (void)snprintf(around, sizeof(around), "%s", path);
    }
    return at >= 0 ? take_fd(&at) : view_failed(e, "open", "/");
}

static int place(const struct view_mounts *m, size_t i, struct strlist *shadows, struct err *e)
{
    const struct plan_mount *asked = &m->plan->mount[i];
    bool read_only = asked->read_only || m->empty[i];
    AUTO_CLOSE int target = open_target(m, asked->target, shadows, e);
    char source[64], to[64];

    if (target < 0)
        return e->code;
    (void)snprintf(source, sizeof(source), "/proc/self/fd/%d", m->fd[i]);
    (void)snprintf(to, sizeof(to), "/proc/self/fd/%d", target);
    if (mount(source, to, NULL, MS_BIND, NULL) < 0)
        return view_failed(e, "bind", asked->target);
    CRASH_POINT_OF("storage-placed", asked->target);
    if (mount(NULL, asked->target, NULL, MS_REMOUNT | MS_BIND | QUIET | (read_only ? MS_RDONLY : 0), NULL) <
        0)
        return view_failed(e, "set the mount options of", asked->target);
    return 0;
}

int view_mounts_place(struct view_mounts *m, struct err *e)
{
    AUTO(strlist) struct strlist shadows = {0};
    size_t order[JOB_MOUNTS_MAX];
    int r = 0;

    view_mounts_order(m->plan, order);
    for (size_t i = 0; r == 0 && i < m->plan->mount_count; i++)
        r = place(m, order[i], &shadows, e);
    for (size_t i = 0; r == 0 && i < shadows.count; i++)
        if (mount(NULL, shadows.item[i], NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | QUIET, NULL) < 0)
            r = view_failed(e, "make read-only", shadows.item[i]);
    for (size_t i = 0; i < m->plan->mount_count; i++)
        fd_close(&m->fd[i]);
    return r;
}
