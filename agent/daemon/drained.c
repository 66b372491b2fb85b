/* drained.c - see drained.h. */
#include "daemon/drained.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "base/strbuf.h"
#include "sys/fd.h"

#define DRAINED_NAME ".drained"

/* The first line of `text`, cut between two characters of UTF-8. */
static void take_line(const char *text, char ret[DRAINED_REASON_MAX])
{
    size_t n = 0;

    (void)snprintf(ret, DRAINED_REASON_MAX, "%s", text);
    for (; ret[n] != '\0'; n++)
        if ((unsigned char)ret[n] < ' ' || ret[n] == 0x7F)
            ret[n] = ' ';
    if (text[n] != '\0')
        while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80)
            n--;
    while (n > 0 && ret[n - 1] == ' ')
        n--;
    ret[n] = '\0';
}

int drained_set(int agent_fd, const char *reason)
{
    char line[DRAINED_REASON_MAX];
    struct drained former;
    int r;

    take_line(reason, line);
    if (drained_read(agent_fd, &former) && strcmp(former.reason, line) == 0)
        return 0;
    r = file_replace(agent_fd, DRAINED_NAME, line, strlen(line), 0640);
    CRASH_POINT("node-drained");
    return r;
}

int drained_clear(int agent_fd)
{
    if (unlinkat(agent_fd, DRAINED_NAME, 0) < 0 && errno != ENOENT)
        return -errno;
    return fsync(agent_fd) < 0 ? -errno : 0;
}

bool drained_read(int agent_fd, struct drained *ret)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(DRAINED_REASON_MAX * 4);
    struct stat st;

    *ret = (struct drained){0};
    if (fstatat(agent_fd, DRAINED_NAME, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    ret->since.ms = st.st_mtim.tv_sec * 1000LL + st.st_mtim.tv_nsec / 1000000;
    if (file_read(agent_fd, DRAINED_NAME, &text) == 0)
        take_line(strbuf_str(&text), ret->reason);
    return true;
}
