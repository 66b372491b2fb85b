/* temp_dir.h - a directory of its own for a test, removed with its files at the end. */
#ifndef UNIT_RECORD_TEMP_DIR_H
#define UNIT_RECORD_TEMP_DIR_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct temp_dir {
    char path[64];
    int fd;
};

static inline struct temp_dir temp_dir_make(void)
{
    struct temp_dir dir = {.path = "/tmp/runlet-test-XXXXXX", .fd = -1};

    if (mkdtemp(dir.path) != NULL)
        dir.fd = open(dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir;
}

/* Number of files in it. */
static inline int temp_dir_count(const struct temp_dir *dir)
{
    DIR *listing = opendir(dir->path);
    int count = 0;

    while (listing != NULL && readdir(listing) != NULL)
        count++;
    if (listing != NULL)
        closedir(listing);
    return count - 2;
}

static inline void temp_dir_auto(struct temp_dir *dir)
{
    DIR *listing = opendir(dir->path);
    const struct dirent *entry;

    while (listing != NULL && (entry = readdir(listing)) != NULL)
        (void)unlinkat(dir->fd, entry->d_name, 0);
    if (listing != NULL)
        closedir(listing);
    close(dir->fd);
    (void)rmdir(dir->path);
}

static inline void temp_file_write(const struct temp_dir *dir, const char *name, const void *bytes, size_t n)
{
    int fd = openat(dir->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
        abort();
    close(fd);
}

/* Up to size - 1 bytes of the file, NUL-terminated; the number of bytes, or -1. */
static inline ssize_t temp_file_read(const struct temp_dir *dir, const char *name, char *buf, size_t size)
{
    int fd = openat(dir->fd, name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, buf, size - 1) : -1;

    buf[n > 0 ? n : 0] = '\0';
    if (fd >= 0)
        close(fd);
    return n;
}

#endif
