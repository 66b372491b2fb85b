/*
 * loop_disk.h - a file as a disk of its own: made, given a file system, attached to a loop device that frees itself.
 */
#ifndef SYS_LOOP_DISK_H
#define SYS_LOOP_DISK_H

#include <stdint.h>

#include "base/err.h"

/* Makes the sparse file `name` in dir_fd, which must not exist, with an ext4 file system of so many bytes. Its
 * descriptor, or negative with *e. */
int loop_disk_make(int dir_fd, const char *name, int64_t bytes, struct err *e);

/* How the device is set up; LOOP_BY_PARTS is for kernels before Linux 5.8, and for tests. */
enum loop_setup {
    LOOP_AT_ONCE,
    LOOP_BY_PARTS,
};

/* Attaches the file to a free loop device, which the kernel frees when it was unmounted and nobody has it open. The
 * device's descriptor, owned by the caller, or negative with *e. */
int loop_disk_attach(int image_fd, enum loop_setup setup, struct err *e);

#endif
