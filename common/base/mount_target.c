/* mount_target.c - see mount_target.h. */
#include "base/mount_target.h"

#include <ctype.h>
#include <string.h>

#include "base/auto.h"

/* Directories of the system: nothing is mounted on them nor below them. */
static const char *const SYSTEM[] = {"/bin",  "/boot", "/dev",  "/etc", "/lib", "/lib32", "/lib64", "/libx32",
                                     "/proc", "/root", "/sbin", "/run", "/sys", "/tmp",   "/usr",   "/var"};
/* Not on them, but below them is fine. */
static const char *const OCCUPIED[] = {"/home",
                                       "/home/datascience",
                                       "/home/datascience/conda",
                                       "/home/datascience/decompressed_artifact",
                                       "/media",
                                       "/mnt",
                                       "/opt",
                                       "/srv"};

bool mount_target_within(const char *path, const char *top)
{
    size_t n = strlen(top);

    return strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

bool mount_target_refused(const char *target)
{
    for (size_t i = 0; i < ARRAY_SIZE(SYSTEM); i++)
        if (mount_target_within(target, SYSTEM[i]))
            return true;
    for (size_t i = 0; i < ARRAY_SIZE(OCCUPIED); i++)
        if (strcmp(target, OCCUPIED[i]) == 0)
            return true;
    return false;
}

bool mount_name_valid(const char *s, size_t n)
{
    if (n == 0 || n > 255 || !isalnum((unsigned char)s[0]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)s[i]) && s[i] != '-' && s[i] != '_')
            return false;
    return true;
}

bool mount_path_valid(const char *path)
{
    if (path[0] != '/')
        return false;
    while (*path == '/' && path[1] != '\0') {
        size_t n = strcspn(path + 1, "/");
        if (!mount_name_valid(path + 1, n))
            return false;
        path += 1 + n;
    }
    return *path == '\0' || path[1] == '\0';
}

bool mount_target_valid(const char *target)
{
    size_t n = strlen(target);

    return n > 1 && n < MOUNT_TARGET_MAX && target[n - 1] != '/' && mount_path_valid(target) &&
           !mount_target_refused(target);
}
