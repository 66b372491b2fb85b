/* run_directory.c - see run_directory.h. */
#include "supervisor/run_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include "supervisor/notice.h"
#include "sys/fd.h"

/* Room for the exit record, the journal's last lines and directory entries when the job has filled the disk.
 */
#define RESERVE_BYTES     (64 * 1024)
#define RESERVE_NAME      "reserve"
#define PASSWD_MAX        (1U << 20)
#define HALF_MADE_KEPT_MS (60LL * 60 * 1000)

/* Copies passwd(5) or group(5) without the lines that have our name or number, and adds ours: the job knows
 * its own name whatever accounts the machine has. */
static int write_accounts(int scratch_fd, const char *source, const char *name, unsigned id, const char *user,
                          const char *line)
{
    AUTO(strbuf) struct strbuf in = STRBUF_INIT(PASSWD_MAX);
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(PASSWD_MAX + 512);
    char number[16];
    int r = file_read(AT_FDCWD, source, &in);

    if (r < 0 && r != -ENOENT)
        return r;
    (void)snprintf(number, sizeof(number), ":%u", id);
    strbuf_addstr(&out, line);
    for (char *l = in.data, *next; l != NULL; l = next) {
        size_t n = strlen(user);
        const char *second, *third;
        size_t digits = strlen(number);
        next = strchr(l, '\n');
        if (next != NULL)
            *next++ = '\0';
        if (*l == '\0')
            continue;
        second = strchr(l, ':');
        third = second != NULL ? strchr(second + 1, ':') : NULL;
        if (strncmp(l, user, n) == 0 && l[n] == ':')
            continue;
        if (third != NULL && strncmp(third, number, digits) == 0 && third[digits] == ':')
            continue;
        strbuf_addf(&out, "%s\n", l);
    }
    if (out.failed < 0)
        return out.failed;
    return file_replace(scratch_fd, name, out.data, out.len, 0644);
}

static int make_accounts(int scratch_fd, const struct policy *policy, const struct plan *plan)
{
    char line[512];
    const struct user_ids own = policy_own_ids(policy, plan);
    uid_t uid = own.uid;
    gid_t gid = own.gid;
    const char *user = uid == 0 ? "root" : policy->job_user;
    const char *group = gid == 0 ? "root" : gid == 100 ? "users" : policy->job_user;
    int r;

    (void)snprintf(line, sizeof(line), "%s:x:%u:%u::" JOB_HOME ":/bin/bash\n", user, uid, gid);
    r = write_accounts(scratch_fd, "/etc/passwd", "passwd", uid, user, line);
    if (r < 0)
        return r;
    (void)snprintf(line, sizeof(line), "%s:x:%u:\n", group, gid);
    return write_accounts(scratch_fd, "/etc/group", "group", gid, group, line);
}

/* mkdirat and open, then exact owner and mode whatever the umask is. fd or -errno. */
static int make_dir(int at, const char *name, mode_t mode, uid_t uid, gid_t gid)
{
    AUTO_CLOSE int fd = -1;

    if (mkdirat(at, name, 0700) < 0)
        return -errno;
    fd = dir_open(at, name);
    if (fd < 0)
        return fd;
    if (fchown(fd, uid, gid) < 0 || fchmod(fd, mode) < 0)
        return -errno;
    return take_fd(&fd);
}

static int make_scratch(int run_fd, const struct policy *policy, const struct plan *plan)
{
    AUTO_CLOSE int scratch = make_dir(run_fd, SCRATCH_NAME, 0755, 0, 0);
    AUTO_CLOSE int tmp = -1;
    AUTO_CLOSE int var_tmp = -1;
    AUTO_CLOSE int reserve = -1;

    if (scratch < 0)
        return scratch;
    tmp = make_dir(scratch, "tmp", 01777, 0, 0);
    var_tmp = make_dir(scratch, "var-tmp", 01777, 0, 0);
    if (tmp < 0 || var_tmp < 0)
        return tmp < 0 ? tmp : var_tmp;
    reserve = openat(scratch, RESERVE_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (reserve < 0)
        return -errno;
    if (fallocate(reserve, 0, 0, RESERVE_BYTES) < 0 && errno != EOPNOTSUPP)
        return -errno;
    return make_accounts(scratch, policy, plan);
}

static int lock_file(int run_fd)
{
    AUTO_CLOSE int fd = openat(run_fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
        return -errno;
    return take_fd(&fd);
}

/* Fills the directory while it has its temporary name. 0 or -errno. */
static int fill(const struct policy *policy, const struct plan *plan, const char *plan_text, size_t plan_size,
                struct run_directory *d)
{
    int r;

    d->lock_fd = lock_file(d->fd);
    if (d->lock_fd < 0)
        return d->lock_fd;
    CRASH_POINT("run-directory-locked");
    r = make_scratch(d->fd, policy, plan);
    CRASH_POINT("run-directory-scratch");
    if (r < 0)
        return r;
    d->home_fd = make_dir(d->fd, HOME_NAME, 0750, policy_uid(policy, plan), policy_gid(policy, plan));
    CRASH_POINT("run-directory-home");
    if (d->home_fd < 0)
        return d->home_fd;
    r = notice_create(d->fd, policy_uid(policy, plan), policy_gid(policy, plan));
    if (r == 0 && plan->cluster.count > 0)
        r = notice_put_cluster(d->fd, &plan->cluster);
    if (r < 0)
        return r;
    d->log_fd = make_dir(d->fd, LOG_NAME, 02750, 0, policy->agent_gid);
    CRASH_POINT("run-directory-log");
    if (d->log_fd < 0)
        return d->log_fd;
    return file_replace(d->fd, PLAN_NAME, plan_text, plan_size, 0640);
}

/* A supervisor that was killed while it made or removed a run's directory left half of it; one that is at work holds
 * its lock. 0, -EEXIST when somebody is at work, or another -errno. */
static int remove_half(int runs_fd, const char *temporary)
{
    AUTO_CLOSE int fd = dir_open(runs_fd, temporary);
    AUTO_CLOSE int lock = fd >= 0 ? lock_file(fd) : -1;

    if (fd == -ENOENT)
        return 0;
    if (fd < 0 || lock < 0)
        return lock == -EWOULDBLOCK ? -EEXIST : fd < 0 ? fd : lock;
    return tree_remove(runs_fd, temporary);
}

int run_directory_create(const struct policy *policy, const struct plan *plan, const char *plan_text,
                         size_t plan_size, struct run_directory *ret, struct err *e)
{
    struct run_directory d = RUN_DIRECTORY_INIT;
    char temporary[256];
    int r;

    (void)snprintf(d.name, sizeof(d.name), "%s", plan->run_id);
    (void)snprintf(temporary, sizeof(temporary), RUN_HALF_MADE "%s", d.name);
    d.runs_fd = dir_open(AT_FDCWD, policy->runs_dir);
    if (d.runs_fd < 0)
        return err_errno(e, -d.runs_fd, BLAME_NODE, "open %s", policy->runs_dir);
    /* set-group-id: what is written here later belongs to the agent's group, which reads it. */
    r = remove_half(d.runs_fd, temporary);
    if (r == 0)
        r = d.fd = make_dir(d.runs_fd, temporary, 02750, 0, policy->agent_gid);
    CRASH_POINT("run-directory-made");
    if (r >= 0)
        r = fill(policy, plan, plan_text, plan_size, &d);
    if (r >= 0 && renameat2(d.runs_fd, temporary, d.runs_fd, d.name, RENAME_NOREPLACE) < 0)
        r = -errno;
    CRASH_POINT("run-directory-renamed");
    if (r >= 0 && fsync(d.runs_fd) < 0)
        r = -errno;
    CRASH_POINT("run-directory-kept");
    if (r < 0) {
        if (d.lock_fd >= 0) /* only then it is ours */
            (void)tree_remove(d.runs_fd, temporary);
        run_directory_close(&d);
        return err_errno(e, -r, BLAME_NODE, "make the run directory %s/%s", policy->runs_dir, plan->run_id);
    }
    *ret = d;
    return 0;
}

int run_directory_open(const struct policy *policy, const char *run_id, int64_t wait_ms,
                       struct run_directory *ret, struct err *e)
{
    struct run_directory d = RUN_DIRECTORY_INIT;
    boot_ms_t until = {clock_boot().ms + wait_ms};
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};

    (void)snprintf(d.name, sizeof(d.name), "%s", run_id);
    d.runs_fd = dir_open(AT_FDCWD, policy->runs_dir);
    d.fd = d.runs_fd < 0 ? d.runs_fd : dir_open(d.runs_fd, run_id);
    if (d.fd < 0) {
        int code = -d.fd;
        run_directory_close(&d);
        return err_errno(e, code, BLAME_NODE, "open the run directory %s/%s", policy->runs_dir, run_id);
    }
    while ((d.lock_fd = lock_file(d.fd)) == -EWOULDBLOCK && clock_boot().ms < until.ms)
        (void)nanosleep(&pause, NULL);
    if (d.lock_fd < 0) {
        int code = d.lock_fd == -EWOULDBLOCK ? EBUSY : -d.lock_fd;
        run_directory_close(&d);
        return err_errno(e, code, BLAME_NODE, "lock the run directory %s/%s", policy->runs_dir, run_id);
    }
    d.home_fd = dir_open(d.fd, HOME_NAME);
    d.log_fd = dir_open(d.fd, LOG_NAME);
    *ret = d;
    return 0;
}

void run_directory_release_reserve(const struct run_directory *d)
{
    AUTO_CLOSE int scratch = dir_open(d->fd, SCRATCH_NAME);

    if (scratch >= 0)
        (void)unlinkat(scratch, RESERVE_NAME, 0);
    CRASH_POINT("reserve-released");
}

int run_directory_clean(const struct run_directory *d)
{
    return tree_remove(d->fd, SCRATCH_NAME);
}

static bool begins(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

static bool is_old(int runs_fd, const char *name, wall_ms_t now)
{
    struct stat st;

    return fstatat(runs_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           now.ms - st.st_mtim.tv_sec * 1000LL > HALF_MADE_KEPT_MS;
}

size_t run_directory_sweep(int runs_fd, wall_ms_t now)
{
    int copy = openat(runs_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;
    size_t count = 0;

    if (dir == NULL && copy >= 0)
        (void)close(copy);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        const char *name = entry->d_name;
        if (begins(name, RUN_HALF_REMOVED) || (begins(name, RUN_HALF_MADE) && is_old(runs_fd, name, now)))
            count += remove_half(runs_fd, name) == 0;
    }
    if (dir != NULL)
        (void)closedir(dir);
    return count;
}

void run_directory_close(struct run_directory *d)
{
    fd_close(&d->home_fd);
    fd_close(&d->log_fd);
    fd_close(&d->lock_fd);
    fd_close(&d->fd);
    fd_close(&d->runs_fd);
}
