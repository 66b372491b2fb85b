/* ini.c - see ini.h. */
#include "auth/ini.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/strbuf.h"
#include "sys/fd.h"

#define INI_BYTES_MAX (64U * 1024)

/* Cuts blanks from both ends, in place. */
static char *trim(char *s)
{
    size_t n;

    s += strspn(s, " \t\r");
    n = strlen(s);
    while (n > 0 && strchr(" \t\r", s[n - 1]) != NULL)
        s[--n] = '\0';
    return s;
}

static int take(char *line, const struct ini_value *wanted, size_t count)
{
    char *equals = strchr(line, '=');
    const char *key, *value;

    if (equals == NULL)
        return 0;
    *equals = '\0';
    key = trim(line);
    value = trim(equals + 1);
    for (size_t i = 0; i < count; i++) {
        char *copy;
        if (strcmp(key, wanted[i].key) != 0)
            continue;
        copy = strdup(value);
        if (copy == NULL)
            return -ENOMEM;
        free(*wanted[i].to);
        *wanted[i].to = copy;
    }
    return 0;
}

/* Whether the line begins a section; *ret_inside says whether it is the wanted one. */
static bool section_line(char *line, const char *section, bool *ret_inside)
{
    char *end = line[0] == '[' ? strrchr(line, ']') : NULL;

    if (end == NULL)
        return false;
    *end = '\0';
    *ret_inside = strcmp(trim(line + 1), section) == 0;
    return true;
}

int ini_read(const char *path, const char *section, const struct ini_value *wanted, size_t count,
             struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(INI_BYTES_MAX);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    bool inside = false, found = false;
    int r = fd < 0 ? -errno : fd_read_all(fd, &text);
    char *at;

    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "read the credentials in %s", path);
    for (at = text.data; at != NULL && *at != '\0';) {
        char *end = strchr(at, '\n'), *line;
        if (end != NULL)
            *end = '\0';
        line = trim(at);
        at = end != NULL ? end + 1 : NULL;
        if (line[0] == '#' || line[0] == ';' || section_line(line, section, &inside)) {
            found = found || inside;
            continue;
        }
        if (inside && take(line, wanted, count) < 0)
            return err_oom(e);
    }
    if (!found)
        return err_set(e, -ENOENT, BLAME_NODE, "%s has no section [%s]", path, section);
    return 0;
}
