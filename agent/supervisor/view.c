/* view.c - see view.h. */
#include "supervisor/view.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "supervisor/notice.h"
#include "supervisor/view_dev.h"
#include "supervisor/view_mounts.h"
#include "supervisor/view_parts.h"
#include "sys/fd.h"
#include "sys/mounts.h"

#define RESOLVER_BYTES_MAX (64U * 1024)

int view_failed(struct err *e, const char *what, const char *where)
{
    return err_errno(e, errno, BLAME_NODE, "%s %s", what, where);
}

int view_bind(int fd, const char *target, unsigned long flags, struct err *e)
{
    char source[64];

    (void)snprintf(source, sizeof(source), "/proc/self/fd/%d", fd);
    if (mount(source, target, NULL, MS_BIND, NULL) < 0)
        return view_failed(e, "bind", target);
    CRASH_POINT_OF("bound", target);
    if (flags != 0 && mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0)
        return view_failed(e, "set the mount options of", target);
    CRASH_POINT_OF("bound-with-options", target);
    return 0;
}

/* Name resolution goes on when the machine keeps its resolver's file below /run (systemd-resolved, NetworkManager). */
struct resolver {
    char path[PATH_MAX]; /* of the real file; "" when it is not below /run */
    struct strbuf *text; /* borrowed */
};

static void resolver_save(struct resolver *r)
{
    char real[PATH_MAX];

    r->path[0] = '\0';
    if (realpath("/etc/resolv.conf", real) == NULL || strncmp(real, "/run/", 5) != 0 ||
        file_read(AT_FDCWD, real, r->text) < 0)
        return;
    memcpy(r->path, real, sizeof(real));
}

static int resolver_restore(const struct resolver *r, struct err *e)
{
    AUTO_CLOSE int fd = -1;
    char path[sizeof(r->path)];

    if (r->path[0] == '\0')
        return 0;
    (void)snprintf(path, sizeof(path), "%s", r->path);
    for (char *slash = strchr(path + 5, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            return view_failed(e, "make", path);
        *slash = '/';
    }
    fd = open(r->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || fd_write_all(fd, r->text->data, r->text->len) < 0)
        return view_failed(e, "write", r->path);
    return 0;
}

/* The host's /run is full of sockets that are no business of the job: it gets an empty one with its own notices in it. */
static int mount_run(int notice_fd, struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(RESOLVER_BYTES_MAX);
    struct resolver resolver = {.text = &text};
    int r;

    resolver_save(&resolver);
    if (mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
              "mode=0755,size=256k,nr_inodes=64") < 0)
        return view_failed(e, "mount an empty", "/run");
    CRASH_POINT("mounted:/run");
    r = resolver_restore(&resolver, e);
    if (r == 0 && mkdir(JOB_NOTICE_DIR, 0755) < 0)
        r = view_failed(e, "make", JOB_NOTICE_DIR);
    if (r == 0)
        r = view_bind(notice_fd, JOB_NOTICE_DIR, MS_NOSUID | MS_NODEV | MS_NOEXEC, e);
    if (r == 0 && mount(NULL, "/run", NULL,
                        MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        r = view_failed(e, "make read-only", "/run");
    return r;
}

/* The job's home over an empty /home, so that no other user's home is in sight. */
static int mount_home(int home_fd, struct err *e)
{
    if (mount("tmpfs", "/home", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=64k,nr_inodes=16") < 0)
        return view_failed(e, "mount an empty", "/home");
    CRASH_POINT("mounted:/home");
    if (mkdir(JOB_HOME, 0755) < 0)
        return view_failed(e, "make", JOB_HOME);
    if (view_bind(home_fd, JOB_HOME, MS_NOSUID | MS_NODEV, e) < 0)
        return e->code;
    if (mount(NULL, "/home", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0)
        return view_failed(e, "make read-only", "/home");
    return 0;
}

static int hide(const char *path, struct err *e)
{
    if (path == NULL || access(path, F_OK) < 0)
        return 0;
    if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
              "mode=0000,size=4k,nr_inodes=2") < 0)
        return view_failed(e, "hide", path);
    CRASH_POINT("hidden");
    return 0;
}

/* Parts of /proc and /sys that tell of the machine or reach into it. Most are closed to the job's user anyway; this
 * holds for a job that is root, too. */
static const char *const MASKED[] = {
    "/proc/acpi",          "/proc/asound",        "/proc/kcore",
    "/proc/keys",          "/proc/key-users",     "/proc/kmsg",
    "/proc/latency_stats", "/proc/sched_debug",   "/proc/scsi",
    "/proc/sysrq-trigger", "/proc/timer_list",    "/proc/timer_stats",
    "/proc/kallsyms",      "/proc/config.gz",     "/sys/firmware",
    "/sys/kernel/debug",   "/sys/kernel/tracing", "/sys/kernel/security",
    "/sys/fs/bpf",         "/sys/fs/pstore",      "/sys/devices/virtual/powercap",
    "/sys/hypervisor",
};

/* Settings of the kernel: to be seen, not changed. */
static const char *const PROC_READ_ONLY[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"};

static int mask(const char *path, struct err *e)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return 0;
    if (S_ISDIR(st.st_mode))
        return hide(path, e);
    if (mount("/dev/null", path, NULL, MS_BIND, NULL) < 0 ||
        mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC, NULL) < 0)
        return view_failed(e, "mask", path);
    return 0;
}

int view_mount_proc(struct err *e)
{
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        return view_failed(e, "mount", "/proc");
    CRASH_POINT("mounted:/proc");
    return view_mask(e);
}

int view_mask(struct err *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(PROC_READ_ONLY); i++) {
        const char *path = PROC_READ_ONLY[i];
        if (access(path, F_OK) < 0)
            continue;
        if (mount(path, path, NULL, MS_BIND, NULL) < 0 ||
            mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
                  NULL) < 0)
            return view_failed(e, "make read-only", path);
    }
    for (size_t i = 0; i < ARRAY_SIZE(MASKED); i++)
        if (mask(MASKED[i], e) < 0)
            return e->code;
    return 0;
}

const char *const VIEW_WRITABLE[] = {
    JOB_HOME, "/tmp", "/var/tmp", JOB_NOTICE_DIR, "/proc", "/dev/shm", "/dev/mqueue", "/dev/pts", NULL};

int view_open_sources(const struct policy *policy, const struct run_directory *run,
                      struct view_source *sources, size_t count, struct err *e)
{
    char path[1024];
    AUTO_CLOSE int dir = -1;

    (void)snprintf(path, sizeof(path), "%s/%s", policy->runs_dir, run->name);
    dir = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return view_failed(e, "open", path);
    for (size_t i = 0; i < count; i++) {
        sources[i].fd = openat(dir, sources[i].name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (sources[i].fd < 0)
            return view_failed(e, "open", sources[i].name);
    }
    return 0;
}

int view_check(const struct plan *plan, const char *const *always, const char *what,
               struct containment_list *list, struct err *e)
{
    const char *writable[ARRAY_SIZE(VIEW_WRITABLE) + JOB_MOUNTS_MAX];
    char text[CONTAINMENT_TEXT_MAX];
    size_t total = 0;

    size_t n = 0;

    for (; n < plan->mount_count; n++)
        writable[n] = plan->mount[n].target;
    for (size_t i = 0; always[i] != NULL && n < ARRAY_SIZE(writable) - 1; i++)
        writable[n++] = always[i];
    writable[n] = NULL;
    if (mounts_check_read_only(writable, &total, e) < 0)
        return e->code;
    (void)snprintf(text, sizeof(text), "%s, all %zu mounts looked at", what, total);
    return containment_add(list, "mounts", CONTAINMENT_APPLIED, text, "namespace") < 0 ? err_oom(e) : 0;
}

int view_build(const struct policy *policy, const struct plan *plan, const struct run_directory *run,
               struct containment_list *list, struct err *e)
{
    struct view_source sources[] = {
        {HOME_NAME, JOB_HOME, MS_NOSUID | MS_NODEV, -1},
        {SCRATCH_NAME "/passwd", "/etc/passwd", MS_RDONLY | MS_NOSUID | MS_NODEV, -1},
        {SCRATCH_NAME "/group", "/etc/group", MS_RDONLY | MS_NOSUID | MS_NODEV, -1},
        {SCRATCH_NAME "/var-tmp", "/var/tmp", MS_NOSUID | MS_NODEV, -1},
        {SCRATCH_NAME "/tmp", "/tmp", MS_NOSUID | MS_NODEV, -1},
        {NOTICE_DIR_NAME, JOB_NOTICE_DIR, 0, -1}, /* by mount_run */
    };
    struct view_mounts mounts;
    char run_path[RUN_PATH_MAX];
    int r;

    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
        return view_failed(e, "part from the host's", "mounts");
    CRASH_POINT("mounts-parted");
    (void)snprintf(run_path, sizeof(run_path), "%s/%s", policy->runs_dir, run->name);
    r = view_mounts_root(plan, run_path, e);
    if (r == 0)
        r = view_open_sources(policy, run, sources, ARRAY_SIZE(sources), e);
    if (r == 0)
        r = view_mounts_open(policy, plan, run_path, &mounts, e);
    if (r == 0)
        r = mounts_read_only(false, e);
    if (r == 0)
        r = mount_home(sources[0].fd, e);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(policy->hidden_dirs); i++)
        r = hide(policy->hidden_dirs[i], e);
    if (r == 0)
        r = mount_run(sources[ARRAY_SIZE(sources) - 1].fd, e);
    for (size_t i = 1; r == 0 && i < ARRAY_SIZE(sources) - 1; i++)
        r = view_bind(sources[i].fd, sources[i].target, sources[i].flags, e);
    for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
        fd_close(&sources[i].fd);
    if (r == 0)
        r = view_mounts_place(&mounts, e);
    if (r == 0)
        r = view_dev_build(&plan->sandbox.devices,
                           (struct user_ids){policy_uid(policy, plan), policy_gid(policy, plan)}, e);
    if (r == 0)
        r = view_mount_proc(e);
    return r == 0 ? view_check(plan, VIEW_WRITABLE, "the system is read-only", list, e) : r;
}
