/* devices.c - see devices.h. */
#include "supervisor/devices.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "sys/fd.h"

/* Looking through all processes of a large machine takes a part of a second; one that hangs is not waited for longer. */
#define LOOK_MS 5000
/* How long a holder has for letting go, and how often it is looked for meanwhile. */
#define SETTLE_MS       2000
#define SETTLE_PAUSE_MS 200

int granted_devices_read(const struct policy *policy, const struct strlist *paths,
                         struct granted_devices *ret, struct err *e)
{
    ret->count = 0;
    for (size_t i = 0; i < paths->count && i < SANDBOX_DEVICES_MAX; i++) {
        struct stat st;
        if (fstatat(AT_FDCWD, paths->item[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
            return err_errno(e, errno, BLAME_NODE, "open the device %s that the job asks for",
                             paths->item[i]);
        if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
            return err_set(e, -ENODEV, BLAME_ASSIGNMENT, "%s, which the job asks for, is no device",
                           paths->item[i]);
        ret->item[ret->count++] =
            (struct granted_device){.path = paths->item[i],
                                    .block = S_ISBLK(st.st_mode) != 0,
                                    .number = st.st_rdev,
                                    .shared = policy_shares_device(policy, paths->item[i]),
                                    .lock_fd = -1};
    }
    return 0;
}

/* ---- among the runs of this node ---- */

static bool is_same(const struct granted_device *a, const struct granted_device *b)
{
    return a->block == b->block && a->number == b->number;
}

/* The name of the run that wrote itself down as the owner; "" when it cannot be told. */
static void read_owner(int fd, char ret[RUN_ID_BYTES])
{
    ssize_t n = pread(fd, ret, RUN_ID_BYTES - 1, 0);

    ret[n > 0 ? n : 0] = '\0';
    if (!run_name_valid(ret))
        ret[0] = '\0';
}

static int lock_one(struct granted_device *d, int runs_fd, const char *run_id, struct err *e)
{
    char name[64], owner[RUN_ID_BYTES];

    (void)snprintf(name, sizeof(name), ".device.%c%u-%u", d->block ? 'b' : 'c', major(d->number),
                   minor(d->number));
    d->lock_fd = openat(runs_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (d->lock_fd < 0)
        return err_errno(e, errno, BLAME_NODE, "open the lock of %s", d->path);
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB) < 0) {
        int saved = errno;
        read_owner(d->lock_fd, owner);
        fd_close(&d->lock_fd);
        if (saved != EWOULDBLOCK)
            return err_errno(e, saved, BLAME_NODE, "lock %s", d->path);
        return err_set(e, -EBUSY, BLAME_NODE, "the device %s is granted to %s%s, and to one run at a time",
                       d->path, owner[0] != '\0' ? "the run " : "another run", owner);
    }
    /* The owner's name is for people: a lock without it holds as well. */
    if (ftruncate(d->lock_fd, 0) == 0)
        (void)!pwrite(d->lock_fd, run_id, strlen(run_id), 0);
    return 0;
}

int granted_devices_lock(struct granted_devices *devices, const struct policy *policy, const char *run_id,
                         struct err *e)
{
    AUTO_CLOSE int runs_fd = devices->count > 0 ? dir_open(AT_FDCWD, policy->runs_dir) : -1;

    for (size_t i = 0; i < devices->count; i++) {
        struct granted_device *d = &devices->item[i];
        size_t first = 0;
        if (d->shared)
            continue;
        while (devices->item[first].shared || !is_same(&devices->item[first], d))
            first++;
        /* One device may have two names, and is locked once. */
        if (first == i && lock_one(d, runs_fd, run_id, e) < 0)
            return e->code;
    }
    return 0;
}

void granted_devices_close(struct granted_devices *devices)
{
    for (size_t i = 0; i < devices->count; i++)
        fd_close(&devices->item[i].lock_fd);
    devices->count = 0;
}

/* ---- among the processes of this machine ---- */

int granted_devices_holders(const struct granted_devices *devices, bool shared, struct device_holders *ret)
{
    struct device_number numbers[SANDBOX_DEVICES_MAX];
    size_t place[SANDBOX_DEVICES_MAX];
    size_t n = 0;
    int r;

    *ret = (struct device_holders){0};
    for (size_t i = 0; i < devices->count; i++)
        if (devices->item[i].shared == shared) {
            place[n] = i;
            numbers[n++] = (struct device_number){devices->item[i].block, devices->item[i].number};
        }
    if (n == 0)
        return 0;
    r = device_holders_find("/proc", numbers, n, LOOK_MS, ret);
    for (size_t i = 0; i < ret->count; i++)
        ret->item[i].device = place[ret->item[i].device];
    return r;
}

static bool has_holder(const struct device_holders *holders, const struct device_holder *one)
{
    for (size_t i = 0; i < holders->count; i++)
        if (holders->item[i].pid == one->pid && holders->item[i].device == one->device)
            return true;
    return false;
}

/* Keeps those of `holders` that `later` has, too. */
static void keep_common(struct device_holders *holders, const struct device_holders *later)
{
    size_t n = 0;

    for (size_t i = 0; i < holders->count; i++)
        if (later->more || has_holder(later, &holders->item[i]))
            holders->item[n++] = holders->item[i];
    holders->count = n;
    holders->more = holders->more && later->more;
}

int granted_devices_settled_holders(const struct granted_devices *devices, struct device_holders *ret)
{
    const struct timespec pause = {.tv_nsec = SETTLE_PAUSE_MS * 1000000L};
    int64_t until = clock_boot().ms + SETTLE_MS;
    int r = granted_devices_holders(devices, false, ret);

    while (r == 0 && ret->count > 0 && clock_boot().ms < until) {
        struct device_holders later;
        (void)nanosleep(&pause, NULL);
        r = granted_devices_holders(devices, false, &later);
        if (r == 0)
            keep_common(ret, &later);
    }
    return r;
}

void granted_devices_describe(const struct granted_devices *devices, const struct device_holders *holders,
                              char *ret, size_t size)
{
    ret[0] = '\0';
    for (size_t i = 0; i < holders->count; i++) {
        const struct device_holder *h = &holders->item[i];
        size_t used = strlen(ret);
        (void)snprintf(ret + used, size - used, "%s%s by pid %d (%s)", used > 0 ? ", " : "",
                       devices->item[h->device].path, (int)h->pid, h->command);
    }
}
