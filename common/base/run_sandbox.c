/* run_sandbox.c - see run_sandbox.h. */
#include "base/run_sandbox.h"

#include <string.h>

#include "base/parse.h"

#define SYSTEM_CALL_NAME_MAX 32
#define DEVICE_PATH_MAX      128

void run_sandbox_free(struct run_sandbox *s)
{
    strlist_free(&s->system_calls);
    strlist_free(&s->devices);
    *s = (struct run_sandbox){0};
}

bool run_sandbox_any(const struct run_sandbox *s)
{
    return s->network_off || s->user_namespace || s->learn || s->system_calls.count > 0 ||
           s->devices.count > 0;
}

bool system_call_name_valid(const char *name)
{
    size_t n = strlen(name);

    return n > 0 && n <= SYSTEM_CALL_NAME_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

bool device_path_valid(const char *path)
{
    static const char DEV[] = "/dev/";
    char component[DEVICE_PATH_MAX];

    if (strlen(path) >= sizeof(component) || strncmp(path, DEV, sizeof(DEV) - 1) != 0)
        return false;
    for (path += sizeof(DEV) - 1;; path++) {
        size_t n = strcspn(path, "/");
        memcpy(component, path, n);
        component[n] = '\0';
        if (!file_name_valid(component))
            return false;
        path += n;
        if (*path == '\0')
            return true;
    }
}
