/* mounts.c - see mounts.h. */
#include "sys/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/parse.h"
#include "sys/fd.h"

/* A machine full of containers has some thousand mounts of 200 bytes. */
#define MOUNTINFO_BYTES_MAX (8U << 20)

/* As the kernel's headers say it, which older machines do not have. The numbers are the same on all architectures. */
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#define ATTR_RDONLY 0x1U
#define ATTR_NOSUID 0x2U
#define ATTR_NODEV  0x4U
#define RECURSIVE   0x8000U
struct mount_attributes {
    uint64_t set, clear, propagation, userns_fd;
};

/* ---- reading ---- */

static bool next_field(const char **at, const char *end, const char **ret, size_t *ret_n)
{
    const char *from = *at;
    const char *to;

    if (from >= end)
        return false;
    to = memchr(from, ' ', (size_t)(end - from));
    if (to == NULL)
        to = end;
    *ret = from;
    *ret_n = (size_t)(to - from);
    *at = to + (to < end);
    return true;
}

/* Undoes "\040" and the like. */
static bool unescape(const char *text, size_t n, char *ret, size_t size)
{
    size_t to = 0;

    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c == '\\' && i + 3 < n && text[i + 1] >= '0' && text[i + 1] <= '3') {
            c = (char)((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
            i += 3;
        }
        if (to + 1 >= size)
            return false;
        ret[to++] = c;
    }
    ret[to] = '\0';
    return true;
}

static unsigned long flags_of(const char *options, size_t n)
{
    static const struct {
        const char *word;
        unsigned long flag;
    } WORDS[] = {{"ro", MS_RDONLY}, {"nosuid", MS_NOSUID}, {"nodev", MS_NODEV}, {"noexec", MS_NOEXEC}};
    unsigned long flags = 0;

    for (const char *end = options + n; options < end;) {
        const char *comma = memchr(options, ',', (size_t)(end - options));
        size_t length = (size_t)((comma != NULL ? comma : end) - options);
        for (size_t i = 0; i < ARRAY_SIZE(WORDS); i++)
            if (strlen(WORDS[i].word) == length && memcmp(options, WORDS[i].word, length) == 0)
                flags |= WORDS[i].flag;
        options += length + 1;
    }
    return flags;
}

/* "36 35 98:0 /root /point rw,noatime master:1 - ext3 /dev/root rw,errors=continue" */
static bool parse_line(const char *line, size_t n, struct mount_entry *ret)
{
    const char *end = line + n, *at = line, *field[6], *text, *rest;
    size_t length[6], m;
    uint64_t id;

    for (unsigned i = 0; i < ARRAY_SIZE(field); i++)
        if (!next_field(&at, end, &field[i], &length[i]))
            return false;
    if (parse_leading_u64(field[0], &id, &rest) < 0 || id > INT_MAX || *rest != ' ' ||
        !unescape(field[4], length[4], ret->point, sizeof(ret->point)))
        return false;
    ret->id = (int)id;
    ret->flags = flags_of(field[5], length[5]);
    do {
        if (!next_field(&at, end, &text, &m))
            return false;
    } while (m != 1 || *text != '-');
    for (unsigned i = 0; i < 3; i++)
        if (!next_field(&at, end, &text, &m))
            return false;
    ret->flags |= flags_of(text, m) & MS_RDONLY;
    return true;
}

bool mount_next(const char **text, struct mount_entry *ret)
{
    while (**text != '\0') {
        const char *line = *text;
        size_t n = strcspn(line, "\n");
        *text += n + (line[n] == '\n');
        if (parse_line(line, n, ret))
            return true;
    }
    return false;
}

int mount_id_of(int fd)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(4096);
    static const char LABEL[] = "mnt_id:\t";
    char path[64];
    const char *at, *rest;
    uint64_t id;

    (void)snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", fd);
    if (file_read(AT_FDCWD, path, &text) < 0)
        return -1;
    at = strstr(strbuf_str(&text), LABEL);
    if (at == NULL || parse_leading_u64(at + sizeof(LABEL) - 1, &id, &rest) < 0 || id > INT_MAX)
        return -1;
    return (int)id;
}

/* Whether the mount is what one finds at its place: others may lie over it. */
static bool reachable(const struct mount_entry *m)
{
    AUTO_CLOSE int fd = open(m->point, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    return fd >= 0 && mount_id_of(fd) == m->id;
}

static int read_mounts(struct strbuf *text, struct err *e)
{
    int r = file_read(AT_FDCWD, "/proc/self/mountinfo", text);

    return r < 0 ? err_errno(e, -r, BLAME_NODE, "read the mounts") : 0;
}

/* ---- changing ---- */

static int restrict_at_once(struct err *e)
{
    const struct mount_attributes attributes = {.set = ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV};

    if (syscall(SYS_mount_setattr, AT_FDCWD, "/", RECURSIVE, &attributes, sizeof(attributes)) < 0)
        return err_errno(e, errno, BLAME_NODE, "make the system read-only");
    return 0;
}

static int restrict_one_by_one(struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(MOUNTINFO_BYTES_MAX);
    struct mount_entry m;
    const char *at;

    if (read_mounts(&text, e) < 0)
        return e->code;
    at = strbuf_str(&text);
    while (mount_next(&at, &m)) {
        unsigned long flags = m.flags | MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV;
        if (reachable(&m) && mount(NULL, m.point, NULL, flags, NULL) < 0)
            return err_errno(e, errno, BLAME_NODE, "make %s read-only", m.point);
    }
    return 0;
}

int mounts_read_only(bool step_by_step, struct err *e)
{
    int r = step_by_step ? -ENOSYS : restrict_at_once(e);

    return r == -ENOSYS ? restrict_one_by_one(e) : r;
}

int mounts_check_read_only(const char *const *writable, size_t *ret_total, struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(MOUNTINFO_BYTES_MAX);
    struct mount_entry m;
    size_t total = 0;
    const char *at;

    if (read_mounts(&text, e) < 0)
        return e->code;
    at = strbuf_str(&text);
    for (; mount_next(&at, &m); total++) {
        const char *const *path = writable;
        while (*path != NULL && strcmp(m.point, *path) != 0)
            path++;
        if ((m.flags & MS_RDONLY) == 0 && *path == NULL && reachable(&m))
            return err_set(e, -ENOTSUP, BLAME_NODE, "%s is not read-only", m.point);
    }
    if (ret_total != NULL)
        *ret_total = total;
    return 0;
}
