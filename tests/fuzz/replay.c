/*
 * replay.c - runs a fuzzer's corpus as an ordinary test: each file, or each file of each folder, named on the
 * command line.
 *
 * Linked instead of libFuzzer in builds that do not fuzz. A missing folder is an empty corpus; a crash is the
 * failure.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    struct stat st;
    uint8_t *data = NULL;
    ssize_t n = -1;

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        data = malloc((size_t)st.st_size + 1);
    if (data != NULL)
        n = read(fd, data, (size_t)st.st_size);
    if (n >= 0)
        (void)LLVMFuzzerTestOneInput(data, (size_t)n);
    else
        (void)fprintf(stderr, "cannot read %s\n", name);
    free(data);
    if (fd >= 0)
        (void)close(fd);
    return n >= 0 ? 0 : 1;
}

static int replay(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry = NULL;
    int failures = 0;

    if (dir == NULL)
        return access(path, F_OK) == 0 ? replay_file(AT_FDCWD, path) : 0;
    while ((entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.')
            failures += replay_file(dirfd(dir), entry->d_name);
    (void)closedir(dir);
    return failures;
}

int main(int argc, char **argv)
{
    int failures = 0;

    for (int i = 1; i < argc; i++)
        failures += replay(argv[i]);
    return failures == 0 ? 0 : 1;
}
