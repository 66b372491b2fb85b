/* process_status.c - see process_status.h. */
#include "sys/process_status.h"

#include <errno.h>
#include <string.h>

const char *process_status_value(const char *status, const char *name, size_t *ret_size)
{
    size_t n = strlen(name);

    for (const char *line = status; *line != '\0'; line += *line == '\n') {
        size_t size = strcspn(line, "\n");
        if (strncmp(line, name, n) == 0 && line[n] == ':') {
            size_t blanks = strspn(line + n + 1, "\t ");
            *ret_size = size - n - 1 - blanks;
            return line + n + 1 + blanks;
        }
        line += size;
    }
    *ret_size = 0;
    return "";
}

int process_status_expect(const char *status, const char *name, const char *expected, struct err *e)
{
    size_t n;
    const char *value = process_status_value(status, name, &n);

    if (n == strlen(expected) && memcmp(value, expected, n) == 0)
        return 0;
    return err_set(e, -ENOTSUP, BLAME_NODE, "%s is '%.*s' and should be '%s'", name, (int)n, value, expected);
}
