/*
 * device_holders.h - which processes of the machine have a device open.
 *
 * From the descriptors in /proc, by the device's number: under whatever name a process opened it. Looking at a
 * descriptor can take as long as its file system does, so a process of its own looks and is given a time. What a process
 * has only mapped is not seen: to read its mappings is to wait for its memory.
 */
#ifndef SYS_DEVICE_HOLDERS_H
#define SYS_DEVICE_HOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DEVICE_HOLDERS_MAX 16
#define HOLDER_COMMAND_MAX 32

struct device_number {
    bool block; /* else a character device */
    dev_t number;
};

struct device_holder {
    pid_t pid;
    size_t device; /* its place among those that were looked for: the first that the process holds */
    char command[HOLDER_COMMAND_MAX]; /* printable; "?" when it is not known */
};

struct device_holders {
    struct device_holder item[DEVICE_HOLDERS_MAX];
    size_t count;
    bool more; /* there are further ones, which have no room here */
};

/*
 * Looks through the processes in `proc` ("/proc"; a parameter for tests). Processes that the caller may not look into are
 * passed over: only root sees all. 0, -ETIMEDOUT when it took longer than patience_ms, or -errno.
 */
int device_holders_find(const char *proc, const struct device_number *devices, size_t count,
                        int64_t patience_ms, struct device_holders *ret);

#endif
