/* mounts.c - see mounts.h. */
#include "sys/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/strbuf.h"
#include "sys/fd.h"

#define MOUNTINFO_MAX (1U << 20)

/* For headers that are older than the kernel. */
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#define ATTR_RDONLY 0x1ULL
#define RECURSIVE   0x8000

struct attributes {
    uint64_t set, clear, propagation, userns_fd;
};

/* A field of mountinfo(5) with its octal escapes undone. False when it does not fit. */
static bool unescape(const char *field, size_t n, char *ret, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        char c = field[i];
        if (c == '\\' && i + 3 < n && field[i + 1] >= '0' && field[i + 1] <= '3') {
            c = (char)((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 + (field[i + 3] - '0'));
            i += 3;
        }
        if (used + 1 >= size)
            return false;
        ret[used++] = c;
    }
    ret[used] = '\0';
    return true;
}

struct mount_entry {
    char point[PATH_MAX];
    bool read_only;
};

/* The next line of *text: its mount point and whether its options begin with "ro". False at the end. */
static bool next_mount(const char **text, struct mount_entry *ret)
{
    while (**text != '\0') {
        const char *line = *text, *field[6];
        size_t n = strcspn(line, "\n"), size[6];
        *text = line + n + (line[n] == '\n');
        for (int i = 0; i < 6; i++) {
            size[i] = strcspn(line, " \n");
            field[i] = line;
            line += size[i];
            line += *line == ' ';
        }
        if (size[5] < 2 || !unescape(field[4], size[4], ret->point, sizeof(ret->point)))
            continue;
        ret->read_only = strncmp(field[5], "ro", 2) == 0;
        return true;
    }
    return false;
}

static unsigned long flags_of(const struct statvfs *st)
{
    static const struct {
        unsigned long from, to;
    } FLAGS[] = {{ST_NOSUID, MS_NOSUID},   {ST_NODEV, MS_NODEV},           {ST_NOEXEC, MS_NOEXEC},
                 {ST_NOATIME, MS_NOATIME}, {ST_NODIRATIME, MS_NODIRATIME}, {ST_RELATIME, MS_RELATIME}};
    unsigned long flags = 0;

    for (size_t i = 0; i < ARRAY_SIZE(FLAGS); i++)
        flags |= (st->f_flag & FLAGS[i].from) != 0 ? FLAGS[i].to : 0;
    return flags;
}

/* A mount that another one covers is out of reach by its path, for us as for the job. */
static int one_by_one(struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(MOUNTINFO_MAX);
    struct mount_entry entry;
    const char *at;
    int r = file_read(AT_FDCWD, "/proc/self/mountinfo", &text);

    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "read the list of mounts");
    at = strbuf_str(&text);
    while (next_mount(&at, &entry)) {
        struct statvfs st;
        if (entry.read_only || statvfs(entry.point, &st) < 0)
            continue;
        if (mount(NULL, entry.point, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags_of(&st), NULL) < 0 &&
            errno != EINVAL)
            return err_errno(e, errno, BLAME_NODE, "make %s read-only", entry.point);
    }
    return 0;
}

int mounts_read_only(bool step_by_step, struct err *e)
{
    struct attributes attributes = {.set = ATTR_RDONLY};

    if (!step_by_step &&
        syscall(SYS_mount_setattr, AT_FDCWD, "/", RECURSIVE, &attributes, sizeof(attributes)) == 0)
        return 0;
    return one_by_one(e);
}

static bool is_below(const char *path, const char *top)
{
    size_t n = strlen(top);

    return strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

int mounts_check_text(const char *mountinfo, const char *const *writable, struct err *e)
{
    struct mount_entry entry;

    while (next_mount(&mountinfo, &entry)) {
        const char *const *top = writable;
        while (*top != NULL && !is_below(entry.point, *top))
            top++;
        if (!entry.read_only && *top == NULL)
            return err_set(e, -ENOTSUP, BLAME_NODE, "%s is not read-only", entry.point);
    }
    return 0;
}

int mounts_check_read_only(const char *const *writable, struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(MOUNTINFO_MAX);
    int r = file_read(AT_FDCWD, "/proc/self/mountinfo", &text);

    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "read the list of mounts");
    return mounts_check_text(strbuf_str(&text), writable, e);
}
