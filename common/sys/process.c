/* process.c - see process.h. */
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "sys/fd.h"

#define PROC_STAT_MAX         4096
#define REAP_PAUSE_MS         20
#define PROC_STAT_START_FIELD 22 /* proc(5): starttime */

void boot_id_read(char ret[BOOT_ID_MAX])
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(BOOT_ID_MAX);

    ret[0] = '\0';
    if (file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", &text) < 0 || text.len == 0)
        return;
    if (text.data[text.len - 1] == '\n')
        text.data[text.len - 1] = '\0';
    (void)snprintf(ret, BOOT_ID_MAX, "%s", text.data);
}

/* Field 2 of /proc/PID/stat is the command in parentheses and may hold anything, so fields are counted from
 * the last ')'. */
static int start_time_of(char *stat, uint64_t *ret)
{
    char *p = strrchr(stat, ')');
    char *end;

    if (p == NULL)
        return -ESRCH;
    for (int field = 2; field < PROC_STAT_START_FIELD; field++) {
        p = strchr(p + 1, ' ');
        if (p == NULL)
            return -ESRCH;
    }
    p++;
    end = strchr(p, ' ');
    if (end == NULL)
        return -ESRCH;
    *end = '\0';
    return parse_u64(p, UINT64_MAX, ret);
}

int process_identity_of(pid_t pid, struct process_identity *ret)
{
    AUTO(strbuf) struct strbuf stat = STRBUF_INIT(PROC_STAT_MAX);
    struct process_identity id = {.pid = pid};
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (file_read(AT_FDCWD, path, &stat) < 0 || stat.len == 0)
        return -ESRCH;
    if (start_time_of(stat.data, &id.start_time) < 0)
        return -ESRCH;
    boot_id_read(id.boot_id);
    *ret = id;
    return 0;
}

int pidfd_of(pid_t pid)
{
    long fd = syscall(SYS_pidfd_open, pid, 0);

    return fd < 0 ? -errno : (int)fd;
}

bool process_reap(pid_t pid, int64_t ms)
{
    const struct timespec pause = {.tv_nsec = REAP_PAUSE_MS * 1000000L};
    boot_ms_t until = {clock_boot().ms + ms};

    while (waitpid(pid, NULL, WNOHANG) == 0) {
        if (clock_boot().ms >= until.ms)
            return false;
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

int user_lookup(const char *user, const char *group, struct user_ids *ret, struct err *e)
{
    struct user_ids ids = {0};
    uint64_t number;
    const struct passwd *pw;
    const struct group *gr;

    if (parse_u64(user, UINT32_MAX - 1, &number) == 0) {
        ids.uid = (uid_t)number;
    } else {
        pw = getpwnam(user);
        if (pw == NULL)
            return err_set(e, -ENOENT, BLAME_NODE,
                           "there is no user '%s' on this machine; create it with: useradd --system "
                           "--user-group --no-create-home --shell /usr/sbin/nologin %s",
                           user, user);
        ids.uid = pw->pw_uid;
    }
    if (parse_u64(group, UINT32_MAX - 1, &number) == 0) {
        ids.gid = (gid_t)number;
    } else {
        gr = getgrnam(group);
        if (gr == NULL)
            return err_set(e, -ENOENT, BLAME_NODE,
                           "there is no group '%s' on this machine; create it with: groupadd --system %s",
                           group, group);
        ids.gid = gr->gr_gid;
    }
    *ret = ids;
    return 0;
}

/* In a user namespace that an ordinary user made, groups cannot be changed: nobody may lose one that shuts him out. */
static bool groups_are_fixed(void)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(16);

    return file_read(AT_FDCWD, "/proc/self/setgroups", &text) == 0 &&
           strncmp(strbuf_str(&text), "deny", 4) == 0;
}

/* As the kernel does it when root becomes somebody else. */
static int effective_clear(void)
{
    cap_t sets = cap_get_proc();
    int r = sets == NULL || cap_clear_flag(sets, CAP_EFFECTIVE) < 0 || cap_set_proc(sets) < 0 ? -errno : 0;

    (void)cap_free(sets);
    return r;
}

int privilege_drop(struct user_ids to, struct err *e)
{
    uid_t r_uid, e_uid, s_uid;
    gid_t r_gid, e_gid, s_gid;

    if (setgroups(0, NULL) < 0 && !(errno == EPERM && groups_are_fixed()))
        return err_errno(e, errno, BLAME_NODE, "give up the supplementary groups");
    if (setresgid(to.gid, to.gid, to.gid) < 0)
        return err_errno(e, errno, BLAME_NODE, "become group %u", to.gid);
    if (setresuid(to.uid, to.uid, to.uid) < 0)
        return err_errno(e, errno, BLAME_NODE, "become user %u", to.uid);
    if (getresuid(&r_uid, &e_uid, &s_uid) < 0 || getresgid(&r_gid, &e_gid, &s_gid) < 0 || r_uid != to.uid ||
        e_uid != to.uid || s_uid != to.uid || r_gid != to.gid || e_gid != to.gid || s_gid != to.gid)
        return err_set(e, -EPERM, BLAME_NODE, "the change to user %u and group %u did not take", to.uid,
                       to.gid);
    /* In a user namespace that somebody else made the change leaves what its maker had. */
    if (to.uid != 0 && effective_clear() < 0)
        return err_set(e, -EPERM, BLAME_NODE, "capabilities could not be given up");
    if (to.uid != 0 && setuid(0) == 0)
        return err_set(e, -EPERM, BLAME_NODE, "root could be had again after giving it up");
    return 0;
}

int capabilities_forbid(void)
{
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
        return -errno;
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
            return -errno;
    return 0;
}

int capabilities_clear(void)
{
    cap_t none = cap_init();
    int r = 0;

    if (none == NULL || cap_set_proc(none) < 0)
        r = -errno;
    if (none != NULL)
        (void)cap_free(none);
    return r;
}
