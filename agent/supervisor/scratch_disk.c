/* scratch_disk.c - see scratch_disk.h. */
#include "supervisor/scratch_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "supervisor/limits.h"
#include "sys/fd.h"
#include "sys/loop_disk.h"

/* Where the whole disk is mounted, in the run directory. */
#define DISK_NAME SCRATCH_NAME "/disk"

/* The folders of the disk, and what of the run directory they are mounted over. */
static const struct folder {
    const char *name, *over;
    mode_t mode;
    bool of_job;
} FOLDERS[] = {
    {"home", HOME_NAME, 0750, true},
    {"tmp", SCRATCH_NAME "/tmp", 01777, false},
    {"var-tmp", SCRATCH_NAME "/var-tmp", 01777, false},
};

/* Where the home lies on a volume, the disk needs no name that stays. */
#define SCRATCH_IMAGE_NAME SCRATCH_NAME "/disk.img"

static const char *image_name(const struct scratch_disk *d)
{
    return d->without_home ? SCRATCH_IMAGE_NAME : HOME_IMAGE_NAME;
}

static bool is_elsewhere(const struct scratch_disk *d, const struct folder *f)
{
    return f->of_job && d->without_home;
}

struct path {
    char text[RUN_PATH_MAX + 64];
};

static struct path below(const struct scratch_disk *d, const char *name, const char *deeper)
{
    struct path p;

    (void)snprintf(p.text, sizeof(p.text), "%s/%s%s%s", d->base, name, deeper[0] != '\0' ? "/" : "", deeper);
    return p;
}

static int failed(struct err *e, const char *what, const char *where)
{
    return err_errno(e, errno, BLAME_NODE, "%s %s", what, where);
}

static int make_folder(int disk_fd, const struct folder *f, uid_t uid, gid_t gid, struct err *e)
{
    AUTO_CLOSE int fd = -1;

    if (mkdirat(disk_fd, f->name, 0700) < 0)
        return failed(e, "make the folder", f->name);
    fd = dir_open(disk_fd, f->name);
    if (fd < 0 || fchown(fd, f->of_job ? uid : 0, f->of_job ? gid : 0) < 0 || fchmod(fd, f->mode) < 0)
        return failed(e, "give its owner the folder", f->name);
    return 0;
}

static int mount_disk(struct scratch_disk *d, int device, int run_fd, struct err *e)
{
    struct path disk = below(d, DISK_NAME, "");
    char source[64];

    if (mkdirat(run_fd, DISK_NAME, 0700) < 0)
        return failed(e, "make", disk.text);
    if (unshare(CLONE_NEWNS) < 0)
        return failed(e, "part from the host's mounts for", disk.text);
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
        return failed(e, "part from the host's mounts for", disk.text);
    (void)snprintf(source, sizeof(source), "/proc/self/fd/%d", device);
    /* What is freed goes back to the disk that holds the file; and what was never used, as the inode tables of a large
     * one, is not written, which would take its place there. */
    if (mount(source, disk.text, "ext4", MS_NOSUID | MS_NODEV, "discard,noinit_itable") < 0)
        return failed(e, "mount", disk.text);
    d->mounted = true;
    CRASH_POINT("disk-mounted");
    return 0;
}

static int mount_folders(struct scratch_disk *d, const struct policy *policy, const struct plan *plan,
                         struct err *e)
{
    AUTO_CLOSE int disk = dir_open(AT_FDCWD, below(d, DISK_NAME, "").text);

    if (disk < 0)
        return err_errno(e, -disk, BLAME_NODE, "open the run's disk");
    for (size_t i = 0; i < ARRAY_SIZE(FOLDERS); i++) {
        struct path from = below(d, DISK_NAME, FOLDERS[i].name);
        struct path over = below(d, FOLDERS[i].over, "");
        if (is_elsewhere(d, &FOLDERS[i]))
            continue;
        if (make_folder(disk, &FOLDERS[i], policy_uid(policy, plan), policy_gid(policy, plan), e) < 0)
            return e->code;
        if (mount(from.text, over.text, NULL, MS_BIND, NULL) < 0)
            return failed(e, "mount over", over.text);
        CRASH_POINT_OF("disk-folder-mounted", FOLDERS[i].name);
    }
    return 0;
}

/* The folders must really lie on one disk of at most that size. */
static int read_back(const struct scratch_disk *d, int home_fd, int64_t asked, struct err *e)
{
    struct stat disk, folder;
    struct statvfs size;
    int64_t bytes;

    if (fstatvfs(home_fd, &size) < 0 || stat(below(d, DISK_NAME, "").text, &disk) < 0)
        return failed(e, "look at the disk in", d->base);
    bytes = (int64_t)(size.f_blocks * size.f_frsize);
    for (size_t i = 0; i < ARRAY_SIZE(FOLDERS); i++)
        if (!is_elsewhere(d, &FOLDERS[i]) &&
            (stat(below(d, FOLDERS[i].over, "").text, &folder) < 0 || folder.st_dev != disk.st_dev))
            return err_set(e, -EIO, BLAME_NODE, "%s is not on the run's disk", FOLDERS[i].over);
    if (bytes <= 0 || bytes > asked)
        return err_set(e, -EIO, BLAME_NODE, "the run's disk has %lld bytes", (long long)bytes);
    return 0;
}

/* Whoever still has something of it open keeps it, and nobody can find it any more. */
static int unmount(struct scratch_disk *d)
{
    int first = 0;

    for (size_t i = ARRAY_SIZE(FOLDERS); i-- > 0;)
        if (!is_elsewhere(d, &FOLDERS[i]) && umount2(below(d, FOLDERS[i].over, "").text, MNT_DETACH) < 0 &&
            errno != EINVAL && first == 0)
            first = -errno;
    CRASH_POINT("disk-folders-detached");
    if (umount2(below(d, DISK_NAME, "").text, MNT_DETACH) < 0 && first == 0)
        first = -errno;
    CRASH_POINT("disk-detached");
    d->mounted = false;
    return first;
}

static int make(const struct policy *policy, const struct plan *plan, const struct run_directory *run,
                struct scratch_disk *d, int *ret_home, struct err *e)
{
    int64_t asked = plan->limits.value[LIMIT_SCRATCH];
    AUTO_CLOSE int image = loop_disk_make(run->fd, image_name(d), asked, e);
    AUTO_CLOSE int device = -1;
    AUTO_CLOSE int home = -1;

    CRASH_POINT("disk-made");
    device = image >= 0 ? loop_disk_attach(image, LOOP_AT_ONCE, e) : -1;
    CRASH_POINT("disk-attached");
    if (device < 0 || mount_disk(d, device, run->fd, e) < 0 || mount_folders(d, policy, plan, e) < 0)
        return e->code;
    home = dir_open(AT_FDCWD, below(d, d->without_home ? SCRATCH_NAME "/tmp" : HOME_NAME, "").text);
    if (home < 0)
        return err_errno(e, -home, BLAME_NODE, "open the home on the run's disk");
    d->fd = dir_open(AT_FDCWD, below(d, DISK_NAME, "").text);
    if (d->fd < 0)
        return err_errno(e, -d->fd, BLAME_NODE, "open the run's disk");
    if (read_back(d, home, asked, e) < 0)
        return e->code;
    *ret_home = take_fd(&home);
    return 0;
}

int scratch_disk_make(const struct policy *policy, const struct plan *plan, struct run_directory *run,
                      struct scratch_disk *ret, struct containment_list *list, struct err *e)
{
    const char *name = run_limit_info(LIMIT_SCRATCH)->name;
    struct scratch_disk d = SCRATCH_DISK_INIT;
    struct err why = ERR_INIT;
    char asked[LIMIT_TEXT_MAX];
    int home = -1;

    d.without_home = policy->storage.volume != VOLUME_DIRECTORY;
    *ret = d;
    if (plan->limits.value[LIMIT_SCRATCH] == LIMIT_UNSET)
        return 0;
    run_limit_format(LIMIT_SCRATCH, plan->limits.value[LIMIT_SCRATCH], asked);
    (void)snprintf(d.base, sizeof(d.base), "%s/%s", policy->runs_dir, run->name);
    if (make(policy, plan, run, &d, &home, &why) < 0) {
        fd_close(&d.fd);
        if (d.mounted)
            (void)unmount(&d);
        (void)unlinkat(run->fd, image_name(&d), 0);
        return limits_missing(name, asked, !policy->limits_best_effort, why.text, list, e);
    }
    if (d.without_home) {
        fd_close(&home);
    } else {
        fd_close(&run->home_fd);
        run->home_fd = home;
    }
    *ret = d;
    return containment_add(list, name, CONTAINMENT_APPLIED, asked, image_name(&d)) < 0 ? err_oom(e) : 0;
}

int scratch_disk_detach(struct scratch_disk *d, struct run_directory *run)
{
    if (!d->mounted)
        return 0;
    fd_close(&run->home_fd);
    return unmount(d);
}

int scratch_disk_end(struct scratch_disk *d, struct run_directory *run)
{
    int r;

    if (d->fd < 0)
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(FOLDERS); i++)
        if (!FOLDERS[i].of_job)
            (void)tree_remove(d->fd, FOLDERS[i].name);
    (void)tree_remove(d->fd, "image"); /* what was written above the run's image (view_image.c) */
    r = scratch_disk_detach(d, run);
    CRASH_POINT("disk-unmount");
    fd_close(&d->fd);
    CRASH_POINT("disk-unmounted");
    return r;
}

uint64_t home_bytes(const struct run_directory *run, size_t max_entries)
{
    struct stat st;

    if (fstatat(run->fd, HOME_IMAGE_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return (uint64_t)st.st_blocks * 512;
    return tree_bytes(run->home_fd, max_entries);
}

uint64_t run_bytes(const struct run_directory *run, size_t max_entries)
{
    AUTO_CLOSE int scratch = -1;
    uint64_t bytes = home_bytes(run, max_entries);

    if (faccessat(run->fd, HOME_IMAGE_NAME, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return bytes;
    scratch = dir_open(run->fd, SCRATCH_NAME);
    return scratch < 0 ? bytes : bytes + tree_bytes(scratch, max_entries);
}
