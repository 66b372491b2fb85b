/* endpoints.c - see endpoints.h. */
#include "assignment/etcd/endpoints.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool valid(const char *s, size_t n)
{
    size_t scheme = n > 8 && strncmp(s, "https://", 8) == 0  ? 8
                    : n > 7 && strncmp(s, "http://", 7) == 0 ? 7
                                                             : 0;

    if (scheme == 0 || n > ETCD_ENDPOINT_BYTES_MAX)
        return false;
    for (size_t i = scheme; i < n; i++)
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:[]", s[i]) == NULL)
            return false;
    return true;
}

int etcd_endpoints_read(const char *text, struct strlist *ret, struct err *e)
{
    const char *at = text;

    for (;;) {
        size_t n = strcspn(at, ","), used = n > 0 && at[n - 1] == '/' ? n - 1 : n;
        if (!valid(at, used))
            return err_set(
                e, -EINVAL, BLAME_ASSIGNMENT,
                "endpoint %zu of etcd: http:// or https://, a host and perhaps a port expected, not '%.*s'",
                ret->count + 1, (int)(n < 60 ? n : 60), at);
        if (ret->count == ETCD_ENDPOINTS_MAX)
            return err_set(e, -E2BIG, BLAME_ASSIGNMENT, "more than %d endpoints of etcd", ETCD_ENDPOINTS_MAX);
        if (strlist_addn(ret, at, used) < 0)
            return err_oom(e);
        if (at[n] == '\0')
            return 0;
        at += n + 1;
    }
}
