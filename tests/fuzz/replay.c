/*
 * replay.c - runs a fuzzer's function over files, without a fuzzing engine: a corpus as an ordinary test.
 *
 * Each file of the directories named on the command line is fed whole and cut short at a few places, since a
 * torn input is the likeliest bad one. Exits 1 when no file was found, so that a lost corpus does not pass.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CUTS 9

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input is given in a block of its own size, so that a sanitizer sees a read past its end. */
static int feed(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);

    if (copy == NULL)
        return -1;
    if (size > 0)
        memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    return 0;
}

static int feed_cuts(const uint8_t *data, size_t size)
{
    if (feed(data, size) < 0)
        return -1;
    for (size_t i = 0; i < CUTS; i++)
        if (feed(data, size * i / CUTS) < 0)
            return -1;
    return size > 0 ? feed(data, size - 1) : 0;
}

static int replay_file(int dir_fd, const char *name)
{
    struct stat st;
    uint8_t *data = NULL;
    ssize_t n;
    int r = -1;
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) < 0)
        goto out;
    if (!S_ISREG(st.st_mode)) {
        r = 0;
        goto out;
    }
    data = malloc((size_t)st.st_size + 1);
    n = data != NULL ? read(fd, data, (size_t)st.st_size) : -1;
    if (n == st.st_size && feed_cuts(data, (size_t)n) == 0)
        r = 1;
out:
    if (r < 0)
        perror(name);
    free(data);
    if (fd >= 0)
        (void)close(fd);
    return r;
}

/* Number of files fed, or -1. */
static int replay_directory(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    int files = 0;

    if (dir == NULL) {
        perror(path);
        return -1;
    }
    while (files >= 0 && (entry = readdir(dir)) != NULL) {
        int r = entry->d_name[0] == '.' ? 0 : replay_file(dirfd(dir), entry->d_name);
        files = r < 0 ? -1 : files + r;
    }
    (void)closedir(dir);
    return files;
}

int main(int argc, char **argv)
{
    int files = 0;

    for (int i = 1; i < argc; i++) {
        int n = replay_directory(argv[i]);
        if (n < 0)
            return 1;
        files += n;
    }
    if (files == 0) {
        (void)fprintf(stderr, "replay: no file found\n");
        return 1;
    }
    return 0;
}
