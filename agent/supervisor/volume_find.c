/* volume_find.c - see volume_find.h. */
#include "supervisor/volume_find.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "supervisor/scratch_disk.h"
#include "supervisor/volume_decide.h"
#include "sys/fd.h"
#include "sys/loop_disk.h"

/* A device that was attached is there within a second or two. */
#define LOOK_AGAIN_MS 250
#define SERIAL_PREFIX "serial:"
#define SERIAL_MAX    256

static int failed(struct err *e, const char *what)
{
    return err_errno(e, errno, BLAME_NODE, "%s", what);
}

/* ---- serial numbers ---- */

bool volume_serial_matches(const char *told, const char *wanted)
{
    size_t n;

    while (isspace((unsigned char)*told))
        told++;
    n = strlen(told);
    while (n > 0 && (isspace((unsigned char)told[n - 1]) || told[n - 1] == '\0'))
        n--;
    return n > 0 && n == strlen(wanted) && memcmp(told, wanted, n) == 0;
}

/* virtio tells it as "serial", NVMe below "device"; SCSI in a page with 4 bytes before it. */
static bool has_serial(int block_fd, const char *disk, const char *wanted)
{
    static const struct {
        const char *file;
        size_t skip;
    } PLACES[] = {{"serial", 0}, {"device/serial", 0}, {"device/vpd_pg80", 4}};

    for (size_t i = 0; i < ARRAY_SIZE(PLACES); i++) {
        char path[512], text[SERIAL_MAX + 1] = "";
        AUTO_CLOSE int fd = -1;
        ssize_t n;
        (void)snprintf(path, sizeof(path), "%.200s/%s", disk, PLACES[i].file);
        fd = openat(block_fd, path, O_RDONLY | O_CLOEXEC);
        n = fd >= 0 ? read(fd, text, SERIAL_MAX) : -1;
        if (n > (ssize_t)PLACES[i].skip && volume_serial_matches(text + PLACES[i].skip, wanted))
            return true;
    }
    return false;
}

/* The path of the disk with the serial number; false when there is none. */
static bool find_serial(const char *wanted, char *ret, size_t size)
{
    const struct dirent *entry;
    DIR *dir = opendir("/sys/block");
    bool found = false;

    while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
        found = entry->d_name[0] != '.' && has_serial(dirfd(dir), entry->d_name, wanted);
        if (found)
            (void)snprintf(ret, size, "/dev/%.200s", entry->d_name);
    }
    if (dir != NULL)
        (void)closedir(dir);
    return found;
}

/* ---- devices ---- */

/* Names the device as the kernel does. */
static int take_name(struct volume *v, struct err *e)
{
    char path[64];
    ssize_t n;

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", v->device_fd);
    n = readlink(path, v->name, sizeof(v->name) - 1);
    if (n <= 0)
        return failed(e, "ask for its name");
    v->name[n] = '\0';
    return 0;
}

/* Opens it when it is a block device that nobody uses. 0, -EBUSY, or another -errno. */
static int claim(const char *path, int *ret)
{
    AUTO_CLOSE int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    AUTO_CLOSE int exclusive = -1;
    struct stat st;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode))
        return -ENOTBLK;
    /* Against other runs, and udev keeps its hands off as well. */
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return -EBUSY;
    exclusive = open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
    if (exclusive < 0)
        return -errno;
    (void)fd_set_nonblocking(fd, false);
    *ret = take_fd(&fd);
    return 0;
}

/* The first device that can be had. 0; -ENOENT when there is none at all; else why the last one cannot. */
static int claim_any(const char *device, int *ret)
{
    char path[300];
    glob_t found;
    int r = -ENOENT;

    if (strncmp(device, SERIAL_PREFIX, strlen(SERIAL_PREFIX)) == 0)
        return find_serial(device + strlen(SERIAL_PREFIX), path, sizeof(path)) ? claim(path, ret) : -ENOENT;
    if (glob(device, 0, NULL, &found) != 0)
        return -ENOENT;
    for (size_t i = 0; i < found.gl_pathc && r != 0; i++)
        r = claim(found.gl_pathv[i], ret);
    globfree(&found);
    return r;
}

static int not_found(const struct storage_policy *policy, int why, struct err *e)
{
    long long s = (long long)(policy->wait_ms / 1000);

    if (why == -EBUSY)
        return err_set(
            e, why, BLAME_NODE,
            "it is in use, by another run or a mount of the machine, and was not free within %lld s; "
            "attach a volume for each run, or lower concurrency",
            s);
    if (why != -ENOENT)
        return err_errno(e, -why, BLAME_NODE, "open the volume");
    return err_set(e, why, BLAME_NODE,
                   "no such device appeared within %lld s; see that the volume is attached, and that "
                   "volume.device names it",
                   s);
}

static int find_block(struct storage_room *room, struct volume *v, struct err *e)
{
    const struct storage_policy *policy = &room->policy->storage;
    boot_ms_t until = {clock_boot().ms + policy->wait_ms};
    int r;

    while ((r = claim_any(policy->device, &v->lock_fd)) < 0) {
        boot_ms_t now = clock_boot();
        if (now.ms >= until.ms)
            return not_found(policy, r, e);
        if (!room_wait(room, until.ms - now.ms < LOOK_AGAIN_MS ? until.ms - now.ms : LOOK_AGAIN_MS))
            return err_set(e, -ECANCELED, BLAME_NODE, "the run was stopped");
    }
    v->device_fd = fcntl(v->lock_fd, F_DUPFD_CLOEXEC, 0);
    return v->device_fd < 0 ? failed(e, "open it again") : 0;
}

/* ---- images ---- */

/* The run's own, or one that lasts, which becomes larger when more is asked for. */
static int open_image(const struct storage_room *room, int64_t bytes, struct err *e)
{
    const char *lasting = room->policy->storage.device;
    AUTO_CLOSE int fd = lasting[0] != '\0' ? open(lasting, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)
                                           : openat(room->run->fd, HOME_IMAGE_NAME,
                                                    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct stat st;

    if (fd < 0)
        return failed(e, "open or make it");
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return err_set(e, -EINVAL, BLAME_NODE, "it is no regular file");
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return err_set(e, -EBUSY, BLAME_NODE,
                       "another run uses it; lower concurrency, or leave volume.device empty");
    if (st.st_size < bytes && ftruncate(fd, bytes) < 0)
        return failed(e, "give it its size");
    return take_fd(&fd);
}

int volume_find(struct storage_room *room, int64_t bytes, struct volume *v, struct err *e)
{
    const struct storage_policy *policy = &room->policy->storage;
    bool image = policy->volume == VOLUME_IMAGE;

    room_begin(room, "find", policy->device[0] != '\0' ? policy->device : HOME_IMAGE_NAME, policy->wait_ms);
    if (image) {
        v->lock_fd = open_image(room, bytes, e);
        v->device_fd = v->lock_fd >= 0 ? loop_disk_attach(v->lock_fd, LOOP_AT_ONCE, e) : -1;
        if (v->device_fd < 0)
            return e->code;
    } else if (find_block(room, v, e) < 0) {
        return e->code;
    }
    if (take_name(v, e) < 0)
        return e->code;
    room_done(room, v->name);
    return 0;
}
