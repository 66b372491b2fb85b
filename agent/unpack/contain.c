/*
 * contain.c - gives up every power but that of writing below the home, for good.
 */
#include "unpack/contain.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "unpack/confine.h"

/* The descriptors that are open, the parent cache, and a handful for folders on the way. */
#define OPEN_FILES_MAX 64
/* The largest window that xz and zstd archives use in practice is 128 MiB; far more than that is an attack.
 */
#define DATA_BYTES_MAX (1ULL << 30)

struct progress {
    const struct containment *want;
    pid_t parent;
    bool may_skip; /* started as the job's user: what needs privilege is not needed */
    bool chrooted; /* / is the home */
    bool landlocked;
};

static int failed(struct err *e, const char *what)
{
    return err_errno(e, errno, BLAME_NODE, "%s", what);
}

/* Sockets, shared memory and mounts of the node out of sight. */
static int step_namespaces(struct progress *p, struct err *e)
{
    static const int KINDS[] = {CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWNS};

    (void)p;
    for (size_t i = 0; i < ARRAY_SIZE(KINDS); i++)
        if (unshare(KINDS[i]) < 0 && errno != EPERM && errno != EINVAL && errno != ENOSPC)
            return failed(e, "new namespace");
    return 0;
}

static int step_root(struct progress *p, struct err *e)
{
    if (fchdir(p->want->home) < 0)
        return failed(e, "enter the home");
    if (chroot(".") == 0)
        p->chrooted = true;
    else if (errno != EPERM || !p->may_skip)
        return failed(e, "chroot to the home");
    return 0;
}

/* Before the identity changes: dropping from the bounding set needs a capability. */
static int step_bounding_set(struct progress *p, struct err *e)
{
    for (unsigned long cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0 || errno != EINVAL; cap++)
        if (errno == EPERM && p->may_skip)
            return 0;
        else if (errno == EPERM)
            return failed(e, "drop the bounding set");
    return 0;
}

static int step_identity(struct progress *p, struct err *e)
{
    uid_t uid = p->want->uid;
    gid_t gid = p->want->gid;

    if (setgroups(0, NULL) < 0 && !(errno == EPERM && p->may_skip))
        return failed(e, "drop the groups");
    if (setresgid(gid, gid, gid) < 0)
        return failed(e, "take the job's group");
    if (setresuid(uid, uid, uid) < 0)
        return failed(e, "take the job's user");
    return 0;
}

/* Also for a job that is root: its unpacker has no use for root's powers. */
static int step_capabilities(struct progress *p, struct err *e)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

    (void)p;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
        return failed(e, "clear the ambient capabilities");
    if (syscall(SYS_capset, &header, none) < 0)
        return failed(e, "drop the capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return failed(e, "set no_new_privs");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return failed(e, "set not dumpable");
    return 0;
}

static int limit(__rlimit_resource_t which, rlim_t value, const char *what, struct err *e)
{
    struct rlimit old;

    if (getrlimit(which, &old) == 0 && old.rlim_max < value)
        value = old.rlim_max;
    return setrlimit(which, &(struct rlimit){value, value}) == 0 ? 0 : failed(e, what);
}

static int step_limits(struct progress *p, struct err *e)
{
    int r = limit(RLIMIT_CORE, 0, "limit core files", e);

    if (r == 0)
        r = limit(RLIMIT_NPROC, 0, "limit processes", e);
    if (r == 0)
        r = limit(RLIMIT_NOFILE, OPEN_FILES_MAX, "limit open files", e);
    if (r == 0)
        r = limit(RLIMIT_FSIZE, (rlim_t)p->want->max_file_bytes, "limit file size", e);
#ifndef __SANITIZE_ADDRESS__ /* whose shadow memory is larger than any limit */
    if (r == 0)
        r = limit(RLIMIT_DATA, DATA_BYTES_MAX, "limit memory", e);
#endif
    return r;
}

static int step_landlock(struct progress *p, struct err *e)
{
    int r = confine_files(p->want->home, e);

    if (r < 0)
        return r;
    p->landlocked = r > 0;
    if (!p->landlocked && !p->chrooted)
        return err_set(e, -ENOSYS, BLAME_NODE,
                       "without root's privileges unpacking needs Landlock, which this kernel does not have");
    return 0;
}

static int step_syscalls(struct progress *p, struct err *e)
{
    (void)p;
    return confine_syscalls(e);
}

/* Who unpacks for nobody must not go on writing. The change of user took back what the supervisor asked for
 * before. */
static int step_parent(struct progress *p, struct err *e)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return failed(e, "end with the supervisor");
    if (getppid() != p->parent)
        return err_set(e, -ECHILD, BLAME_NODE, "the supervisor is gone");
    return 0;
}

static bool identity_is(uid_t uid, gid_t gid)
{
    uid_t u[3];
    gid_t g[3];

    return getresuid(&u[0], &u[1], &u[2]) == 0 && getresgid(&g[0], &g[1], &g[2]) == 0 && u[0] == uid &&
           u[1] == uid && u[2] == uid && g[0] == gid && g[1] == gid && g[2] == gid;
}

static bool no_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

    if (syscall(SYS_capget, &header, data) < 0)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(data); i++)
        if ((data[i].effective | data[i].permitted | data[i].inheritable) != 0)
            return false;
    return true;
}

/* The way up from the home leads back to it (chroot), or to nothing that can be opened (Landlock). */
static bool cannot_climb(const struct progress *p)
{
    AUTO_CLOSE int above = -1;
    struct stat home;
    struct stat up;

    if (p->chrooted)
        return fstat(p->want->home, &home) == 0 && fstatat(p->want->home, "..", &up, 0) == 0 &&
               home.st_dev == up.st_dev && home.st_ino == up.st_ino;
    above = openat(p->want->home, "../", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return above < 0 && errno == EACCES;
}

static int step_verify(struct progress *p, struct err *e)
{
    if (!identity_is(p->want->uid, p->want->gid))
        return err_set(e, -EPERM, BLAME_NODE, "the identity did not change");
    if (!p->may_skip && getgroups(0, NULL) != 0)
        return err_set(e, -EPERM, BLAME_NODE, "groups are left");
    if (!no_capabilities())
        return err_set(e, -EPERM, BLAME_NODE, "capabilities are left");
    if (!cannot_climb(p))
        return err_set(e, -EPERM, BLAME_NODE, "folders outside the home are still in reach");
    return 0;
}

int contain(const struct containment *c, struct err *e)
{
    static const struct {
        const char *name;
        int (*run)(struct progress *p, struct err *e);
    } STEPS[] = {
        {"namespaces", step_namespaces},     /* needs privilege */
        {"root", step_root},                 /* needs privilege */
        {"bounding set", step_bounding_set}, /* needs privilege */
        {"identity", step_identity},         /* ends it */
        {"capabilities", step_capabilities}, /* and no_new_privs, which Landlock and the filter ask for */
        {"parent", step_parent},             /* after the identity, which changes it */
        {"limits", step_limits}, /* after the identity: that change counts against the process limit */
        {"Landlock", step_landlock},
        {"verification", step_verify},
        {"system calls", step_syscalls}, /* last: the steps above use calls that it forbids */
    };
    struct progress p = {.want = c, .parent = getppid(), .may_skip = c->uid == geteuid()};

    for (size_t i = 0; i < ARRAY_SIZE(STEPS); i++) {
        CRASH_POINT_OF("contain", STEPS[i].name);
        if (STEPS[i].run(&p, e) < 0)
            return err_context(e, "contain the unpacker, step %s", STEPS[i].name);
    }
    return 0;
}
