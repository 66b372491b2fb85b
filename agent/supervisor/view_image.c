/* view_image.c - see view_image.h. */
#include "supervisor/view_image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "supervisor/image.h"
#include "supervisor/notice.h"
#include "supervisor/view_dev.h"
#include "supervisor/view_mounts.h"
#include "supervisor/view_parts.h"
#include "sys/fd.h"
#include "sys/mounts.h"

#define FILE_BYTES_MAX (64U * 1024)

static const char *const WRITABLE[] = {"/",        JOB_HOME,      JOB_NOTICE_DIR, "/proc",
                                       "/dev/shm", "/dev/mqueue", "/dev/pts",     NULL};

enum { SOURCE_SCRATCH, SOURCE_HOME, SOURCE_NOTICE, SOURCES };

/* What is brought into the image from outside, opened before the outside is left. */
struct luggage {
    struct view_source source[SOURCES]; /* owned descriptors */
    struct view_nodes nodes;            /* owned */
    struct view_mounts mounts;          /* owned */
    int sys_fd;                         /* owned */
    struct strbuf resolver, hosts;      /* owned */
    char host_name[65];
};

static int pack(const struct policy *policy, const struct plan *plan, const struct run_directory *run,
                struct luggage *l, struct err *e)
{
    char real[PATH_MAX], run_path[RUN_PATH_MAX];

    (void)snprintf(run_path, sizeof(run_path), "%s/%s", policy->runs_dir, run->name);
    if (view_mounts_open(policy, plan, run_path, &l->mounts, e) < 0)
        return e->code;
    if (view_open_sources(policy, run, l->source, SOURCES, e) < 0 ||
        view_dev_open(&plan->sandbox.devices, &l->nodes, e) < 0)
        return e->code;
    l->sys_fd = open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (l->sys_fd < 0)
        return view_failed(e, "open", "/sys");
    /* A machine that resolves no names has none of these, and neither has the job then. */
    if (realpath("/etc/resolv.conf", real) != NULL)
        (void)file_read(AT_FDCWD, real, &l->resolver);
    (void)file_read(AT_FDCWD, "/etc/hosts", &l->hosts);
    (void)gethostname(l->host_name, sizeof(l->host_name) - 1);
    return 0;
}

static void unpack(struct luggage *l)
{
    for (size_t i = 0; i < SOURCES; i++)
        fd_close(&l->source[i].fd);
    view_dev_close(&l->nodes);
    fd_close(&l->sys_fd);
    strbuf_free(&l->resolver);
    strbuf_free(&l->hosts);
}

/* ---- the root ---- */

static int make_folder(int at, const char *name, mode_t mode)
{
    AUTO_CLOSE int fd = -1;

    if (mkdirat(at, name, mode) < 0 && errno != EEXIST)
        return -errno;
    fd = dir_open(at, name);
    return fd < 0 ? fd : take_fd(&fd);
}

/* Where the run's writes go: on its own disk where it has one. */
static int make_storage(int scratch_path_fd, struct err *e)
{
    AUTO_CLOSE int scratch = openat(scratch_path_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_CLOSE int disk = scratch >= 0 ? dir_open(scratch, "disk") : -1;
    AUTO_CLOSE int storage = make_folder(disk >= 0 ? disk : scratch, "image", 0700);

    if (storage < 0)
        return err_errno(e, -storage, BLAME_NODE, "make a folder for what the run writes");
    return take_fd(&storage);
}

/* Descriptor of the mounted root. */
static int mount_overlay(const struct policy *policy, const struct plan *plan, int scratch_fd, struct err *e)
{
    char lower_path[IMAGE_PATH_MAX], options[256], target[64];
    AUTO_CLOSE int storage = make_storage(scratch_fd, e);
    AUTO_CLOSE int upper = -1;
    AUTO_CLOSE int work = -1;
    AUTO_CLOSE int root = -1;
    AUTO_CLOSE int lower = -1;
    struct stat st;

    if (storage < 0)
        return storage;
    image_path(policy, plan, lower_path);
    lower = open(lower_path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (lower < 0 || fstat(lower, &st) < 0)
        return view_failed(e, "open", lower_path);
    upper = make_folder(storage, "upper", 0755);
    work = make_folder(storage, "work", 0700);
    root = make_folder(storage, "root", 0700);
    if (upper < 0 || work < 0 || root < 0)
        return view_failed(e, "make folders for", "what the run writes");
    /* The merged root has owner and mode of the upper folder. */
    if (fchown(upper, st.st_uid, st.st_gid) < 0 || fchmod(upper, st.st_mode & 07777) < 0)
        return view_failed(e, "prepare", "the image's root");
    (void)snprintf(
        options, sizeof(options),
        "lowerdir=/proc/self/fd/%d,upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d,redirect_dir=off,"
        "metacopy=off,index=off",
        lower, upper, work);
    (void)snprintf(target, sizeof(target), "/proc/self/fd/%d", root);
    if (mount("overlay", target, "overlay", MS_NOSUID | MS_NODEV, options) < 0)
        return err_errno(e, errno, BLAME_NODE,
                         "mount the image by overlayfs, with the run's storage (directories.state) above it");
    CRASH_POINT("image-mounted");
    fd_close(&root);
    root = dir_open(storage, "root");
    return root < 0 ? err_errno(e, -root, BLAME_NODE, "open the image's root") : take_fd(&root);
}

/* The new root becomes "/"; the old one lies over it, out of every path's reach, until it is left. */
static int change_root(int root_fd, int *ret_old, struct err *e)
{
    AUTO_CLOSE int old = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (old < 0 || fchdir(root_fd) < 0)
        return view_failed(e, "enter", "the image");
    if (mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV, NULL) < 0)
        return view_failed(e, "make writable", "the image");
    if (syscall(SYS_pivot_root, ".", ".") < 0)
        return view_failed(e, "change the root to", "the image");
    CRASH_POINT("root-changed");
    *ret_old = take_fd(&old);
    return 0;
}

static int leave_old_root(int old_fd, struct err *e)
{
    if (fchdir(old_fd) < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return view_failed(e, "leave", "the machine's file systems");
    CRASH_POINT("old-root-left");
    return 0;
}

/* ---- inside ---- */

/* Opens the folder `path` of the image, and makes what is missing of it. Links in it are refused: what is mounted on it must
 * be where the job looks for it. */
static int open_folder(const struct policy *policy, const char *path, struct err *e)
{
    AUTO_CLOSE int at = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char name[NAME_MAX + 1];

    for (const char *p = path + strspn(path, "/"); at >= 0 && *p != '\0'; p += strspn(p, "/")) {
        size_t n = strcspn(p, "/");
        int next;
        if (n > NAME_MAX)
            return err_set(e, -ENAMETOOLONG, BLAME_ASSIGNMENT, "%s: a name is too long", path);
        memcpy(name, p, n);
        name[n] = '\0';
        p += n;
        if (mkdirat(at, name, 0755) == 0) {
            if (fchownat(at, name, policy->image_first_id, policy->image_first_id, AT_SYMLINK_NOFOLLOW) < 0)
                return view_failed(e, "make", path);
        } else if (errno != EEXIST) {
            return view_failed(e, "make", path);
        }
        next = dir_open(at, name);
        if (next < 0)
            return err_set(e, next, BLAME_ASSIGNMENT,
                           "the image's %s is, or lies behind, something else than a folder", path);
        fd_close(&at);
        at = next;
    }
    return at < 0 ? view_failed(e, "open", path) : take_fd(&at);
}

static int need_folder(const struct policy *policy, const char *path, struct err *e)
{
    AUTO_CLOSE int fd = open_folder(policy, path, e);

    return fd < 0 ? fd : 0;
}

/* A file that every run finds anew, whatever the image has under its name. */
static int write_file(const struct policy *policy, int dir_fd, const char *name, const char *text, size_t n,
                      struct err *e)
{
    AUTO_CLOSE int fd = -1;

    if (unlinkat(dir_fd, name, 0) < 0 && errno == EISDIR)
        return err_set(e, -EISDIR, BLAME_ASSIGNMENT, "the image's /etc/%s is a folder", name);
    fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0 || fd_write_all(fd, text, n) < 0 ||
        fchown(fd, policy->image_first_id, policy->image_first_id) < 0 || fchmod(fd, 0644) < 0)
        return view_failed(e, "write the image's", name);
    return 0;
}

static int write_files(const struct policy *policy, const struct luggage *l, struct err *e)
{
    AUTO_CLOSE int etc = open_folder(policy, "/etc", e);
    char host_name[sizeof(l->host_name) + 1];
    int n = snprintf(host_name, sizeof(host_name), "%s\n", l->host_name);

    if (etc < 0)
        return etc;
    if (write_file(policy, etc, "resolv.conf", strbuf_str(&l->resolver), l->resolver.len, e) < 0 ||
        write_file(policy, etc, "hosts", strbuf_str(&l->hosts), l->hosts.len, e) < 0)
        return e->code;
    return write_file(policy, etc, "hostname", host_name, (size_t)n, e);
}

static int mount_sys(int sys_fd, struct err *e)
{
    char source[64];

    (void)snprintf(source, sizeof(source), "/proc/self/fd/%d", sys_fd);
    /* With everything on it, which is read-only by now; the bind takes that over. */
    return mount(source, "/sys", NULL, MS_BIND | MS_REC, NULL) < 0 ? view_failed(e, "bind", "/sys") : 0;
}

/* TMPDIR is there, for everybody. */
static int make_tmp(const struct policy *policy, struct err *e)
{
    struct stat st;
    AUTO_CLOSE int fd = -1;

    if (lstat("/tmp", &st) == 0)
        return 0;
    fd = open_folder(policy, "/tmp", e);
    if (fd < 0)
        return fd;
    return fchmod(fd, 01777) < 0 ? view_failed(e, "make", "/tmp") : 0;
}

/* The working directory is made when the image does not have it. */
static int make_directory(const struct policy *policy, const char *path, struct err *e)
{
    struct stat st;

    return path == NULL || stat(path, &st) == 0 ? 0 : need_folder(policy, path, e);
}

static int furnish(const struct policy *policy, const struct plan *plan, struct luggage *l, struct err *e)
{
    const struct user_ids owner = {policy_uid(policy, plan), policy_gid(policy, plan)};
    static const char *const MOUNTED[] = {"/proc", "/dev", "/sys", JOB_HOME, JOB_NOTICE_DIR};

    for (size_t i = 0; i < ARRAY_SIZE(MOUNTED); i++)
        if (need_folder(policy, MOUNTED[i], e) < 0)
            return e->code;
    if (write_files(policy, l, e) < 0 || make_tmp(policy, e) < 0 ||
        make_directory(policy, plan->directory, e) < 0)
        return e->code;
    /* First, since binds go by its descriptors. */
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        return view_failed(e, "mount", "/proc");
    CRASH_POINT("mounted:/proc");
    if (view_dev_fill(&l->nodes, owner, e) < 0 || mount_sys(l->sys_fd, e) < 0 || view_mask(e) < 0)
        return e->code;
    for (size_t i = SOURCE_HOME; i < SOURCES; i++)
        if (view_bind(l->source[i].fd, l->source[i].target, l->source[i].flags, e) < 0)
            return e->code;
    /* What lies in the home or in other storage is made there, where it is not the image's. */
    for (size_t i = 0; i < plan->mount_count; i++)
        if (!mount_target_within(plan->mount[i].target, JOB_HOME) &&
            need_folder(policy, plan->mount[i].target, e) < 0)
            return e->code;
    return view_mounts_place(&l->mounts, e);
}

static int build(const struct policy *policy, const struct plan *plan, struct luggage *l, struct err *e)
{
    AUTO_CLOSE int root = mount_overlay(policy, plan, l->source[SOURCE_SCRATCH].fd, e);
    AUTO_CLOSE int old = -1;

    if (root < 0)
        return root;
    if (mounts_read_only(false, e) < 0 || change_root(root, &old, e) < 0)
        return e->code;
    if (furnish(policy, plan, l, e) < 0)
        return e->code;
    return leave_old_root(old, e);
}

int view_image_build(const struct policy *policy, const struct plan *plan, const struct run_directory *run,
                     struct containment_list *list, struct err *e)
{
    struct luggage l = {.source = {{SCRATCH_NAME, NULL, 0, -1},
                                   {HOME_NAME, JOB_HOME, MS_NOSUID | MS_NODEV, -1},
                                   {NOTICE_DIR_NAME, JOB_NOTICE_DIR, MS_NOSUID | MS_NODEV | MS_NOEXEC, -1}},
                        .sys_fd = -1,
                        .resolver = STRBUF_INIT(FILE_BYTES_MAX),
                        .hosts = STRBUF_INIT(FILE_BYTES_MAX)};
    int r;

    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
        return view_failed(e, "part from the host's", "mounts");
    CRASH_POINT("mounts-parted");
    r = pack(policy, plan, run, &l, e);
    if (r == 0)
        r = build(policy, plan, &l, e);
    unpack(&l);
    return r == 0 ? view_check(plan, WRITABLE, "the image and the run's storage are all there is", list, e)
                  : r;
}
