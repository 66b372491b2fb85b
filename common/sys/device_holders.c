/* device_holders.c - see device_holders.h. */
#include "sys/device_holders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "sys/fd.h"

struct search {
    const struct device_number *devices;
    size_t count;
    int to; /* where what is found is written */
};

/* ---- the looking process ---- */

static DIR *open_folder(int dir_fd, const char *name)
{
    int fd = dir_open(dir_fd, name);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (dir == NULL && fd >= 0)
        (void)close(fd);
    return dir;
}

static bool is_number(const char *name)
{
    return name[0] != '\0' && name[strspn(name, "0123456789")] == '\0';
}

/* Which of the devices the descriptor is of; `count` when of none. Its attributes are taken as they are known here. */
static size_t device_of(const struct search *s, int fds, const char *name)
{
    struct statx st;
    size_t i = 0;
    bool block;

    if (statx(fds, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &st) < 0)
        return s->count;
    block = S_ISBLK(st.stx_mode);
    if (!block && !S_ISCHR(st.stx_mode))
        return s->count;
    while (i < s->count && (s->devices[i].block != block ||
                            s->devices[i].number != makedev(st.stx_rdev_major, st.stx_rdev_minor)))
        i++;
    return i;
}

/* Only a file in a file system can be a device: pipes and sockets, which are most, are not asked further. */
static bool has_path(int fds, const char *name)
{
    char first;

    return readlinkat(fds, name, &first, 1) == 1 && first == '/';
}

static size_t device_held(const struct search *s, int process)
{
    DIR *dir = open_folder(process, "fd");
    const struct dirent *entry;
    size_t first = s->count;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        size_t device = is_number(entry->d_name) && has_path(dirfd(dir), entry->d_name)
                            ? device_of(s, dirfd(dir), entry->d_name)
                            : s->count;
        if (device < first)
            first = device;
    }
    if (dir != NULL)
        (void)closedir(dir);
    return first;
}

/* A command's name is of its own choice. */
static void read_command(int process, char ret[HOLDER_COMMAND_MAX])
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(256);
    size_t n = 0;

    if (file_read(process, "comm", &text) < 0)
        strbuf_reset(&text);
    for (; n < text.len && n < HOLDER_COMMAND_MAX - 1 && text.data[n] != '\n'; n++)
        ret[n] = text.data[n] >= ' ' && text.data[n] <= '~' ? text.data[n] : '?';
    ret[n] = '\0';
    if (n == 0)
        (void)snprintf(ret, HOLDER_COMMAND_MAX, "?");
}

static void look_at(const struct search *s, int proc, const char *pid)
{
    struct device_holder holder = {0};
    AUTO_CLOSE int process = -1;
    uint64_t number;

    if (!is_number(pid) || parse_u64(pid, INT32_MAX, &number) < 0)
        return;
    process = dir_open(proc, pid);
    holder.pid = (pid_t)number;
    holder.device = process >= 0 ? device_held(s, process) : s->count;
    if (holder.device == s->count)
        return;
    read_command(process, holder.command);
    (void)fd_write_all(s->to, &holder, sizeof(holder));
}

static _Noreturn void look(const struct search *s, const char *proc)
{
    const struct dirent *entry;
    DIR *dir;

    CRASH_ROLE("holders");
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* Should it hang, it keeps nobody's locks and pipes. */
    fd_close_from(STDERR_FILENO + 1, &s->to, 1);
    dir = open_folder(AT_FDCWD, proc);
    if (dir == NULL)
        _exit(1);
    while ((entry = readdir(dir)) != NULL)
        look_at(s, dirfd(dir), entry->d_name);
    _exit(0);
}

/* ---- the caller ---- */

static void keep(struct device_holders *to, const struct device_holder *holder)
{
    if (to->count < DEVICE_HOLDERS_MAX)
        to->item[to->count++] = *holder;
    else
        to->more = true;
}

/* Takes what is found until the looking process ends. 0 or -ETIMEDOUT. */
static int hear_out(int fd, int64_t patience_ms, struct device_holders *ret)
{
    int64_t until = clock_boot().ms + patience_ms;

    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left = until - clock_boot().ms;
        struct device_holder holder;
        ssize_t n;
        if (left <= 0)
            return -ETIMEDOUT;
        if (poll(&p, 1, (int)(left < 60000 ? left : 60000)) <= 0)
            continue;
        n = read(fd, &holder, sizeof(holder)); /* they are written one at a time, and small */
        if (n == (ssize_t)sizeof(holder))
            keep(ret, &holder);
        else if (n >= 0 || errno != EINTR)
            return 0;
    }
}

int device_holders_find(const char *proc, const struct device_number *devices, size_t count,
                        int64_t patience_ms, struct device_holders *ret)
{
    struct search search = {.devices = devices, .count = count};
    AUTO_CLOSE int ours = -1;
    int ends[2], wait_status = 0, r;
    pid_t pid;

    *ret = (struct device_holders){0};
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    ours = ends[0];
    search.to = ends[1];
    pid = fork();
    if (pid == 0)
        look(&search, proc);
    r = pid < 0 ? -errno : 0;
    (void)close(ends[1]);
    if (r < 0)
        return r;
    r = hear_out(ours, patience_ms, ret);
    if (r < 0)
        (void)kill(pid, SIGKILL);
    /* One that hangs where not even SIGKILL gets it is left to whoever reaps after us. */
    while (waitpid(pid, &wait_status, r < 0 ? WNOHANG : 0) < 0 && errno == EINTR)
        continue;
    if (r == 0 && (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0))
        r = -EIO;
    return r;
}
