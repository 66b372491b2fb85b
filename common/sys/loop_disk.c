/* loop_disk.c - see loop_disk.h. */
#include "sys/loop_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/program.h"

/* Others look for free devices as well. */
#define ATTACH_TRIES_MAX 64
#define MKFS_LIMIT_MS    60000

/* For headers that are older than the kernel: Linux 5.8. */
#ifndef LOOP_CONFIGURE
#define LOOP_CONFIGURE 0x4C0A
struct loop_config {
    __u32 fd;
    __u32 block_size;
    struct loop_info64 info;
    __u64 __reserved[8];
};
#endif

/* Without a journal: the file system lives as long as the run, and every byte it takes is taken from the job. */
static int make_file_system(int image_fd, struct err *e)
{
    static const char *const PLACES[] = {"/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4"};
    int r = -ENOENT;

    for (size_t i = 0; r == -ENOENT && i < ARRAY_SIZE(PLACES); i++) {
        char path[32];
        char *const argv[] = {path,
                              (char[]){"-q"},
                              (char[]){"-F"},
                              (char[]){"-m"},
                              (char[]){"0"},
                              (char[]){"-O"},
                              (char[]){"^has_journal"},
                              (char[]){"-E"},
                              (char[]){"lazy_itable_init=1,nodiscard"},
                              (char[]){"/proc/self/fd/3"},
                              NULL};
        (void)snprintf(path, sizeof(path), "%s", PLACES[i]);
        *e = ERR_INIT;
        r = program_run(argv, image_fd, MKFS_LIMIT_MS, e);
    }
    return r;
}

int loop_disk_make(int dir_fd, const char *name, int64_t bytes, struct err *e)
{
    AUTO_CLOSE int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return err_errno(e, errno, BLAME_NODE, "make %s", name);
    if (ftruncate(fd, bytes) < 0) {
        int saved = errno;
        (void)unlinkat(dir_fd, name, 0);
        return err_errno(e, saved, BLAME_NODE, "give %s its size", name);
    }
    if (make_file_system(fd, e) < 0) {
        (void)unlinkat(dir_fd, name, 0);
        return err_context(e, "make a file system in %s", name);
    }
    return take_fd(&fd);
}

/* 0 or -errno; -EBUSY when somebody else was faster. */
static int configure(int device, int image_fd, enum loop_setup setup)
{
    const struct loop_config all = {.fd = (__u32)image_fd, .info = {.lo_flags = LO_FLAGS_AUTOCLEAR}};

    if (setup == LOOP_AT_ONCE) {
        if (ioctl(device, LOOP_CONFIGURE, &all) == 0)
            return 0;
        if (errno != EINVAL && errno != ENOTTY && errno != ENOSYS)
            return -errno;
    }
    if (ioctl(device, LOOP_SET_FD, image_fd) < 0)
        return -errno;
    if (ioctl(device, LOOP_SET_STATUS64, &all.info) < 0) {
        int saved = errno;
        (void)ioctl(device, LOOP_CLR_FD, 0);
        return -saved;
    }
    return 0;
}

int loop_disk_attach(int image_fd, enum loop_setup setup, struct err *e)
{
    AUTO_CLOSE int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    int r = -EBUSY;

    if (control < 0)
        return err_errno(e, errno, BLAME_NODE, "open /dev/loop-control");
    for (int i = 0; r == -EBUSY && i < ATTACH_TRIES_MAX; i++) {
        AUTO_CLOSE int device = -1;
        char path[32];
        int number = ioctl(control, LOOP_CTL_GET_FREE);
        if (number < 0)
            return err_errno(e, errno, BLAME_NODE, "find a free loop device");
        (void)snprintf(path, sizeof(path), "/dev/loop%d", number);
        device = open(path, O_RDWR | O_CLOEXEC);
        if (device < 0)
            return err_errno(e, errno, BLAME_NODE, "open %s", path);
        r = configure(device, image_fd, setup);
        if (r == 0)
            return take_fd(&device);
    }
    return err_errno(e, -r, BLAME_NODE, "attach a file to a loop device");
}
