/* nfs.c - see nfs.h. */
#include "supervisor/nfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "sys/capabilities.h"
#include "sys/fd.h"
#include "sys/packet.h"
#include "sys/process.h"

/* What a server gets to take the last writes, and then what an unmount may take. */
#define FLUSH_MS   30000
#define UNMOUNT_MS 5000
#define KILL_MS    3000

/* Mounting, a port below 1024, and /run/mount; statd is started by mount.nfs itself where locks of version 3 need it. */
#define MOUNT_CAPABILITIES                                                                                   \
    (CAPABILITY_BIT(CAP_SYS_ADMIN) | CAPABILITY_BIT(CAP_NET_BIND_SERVICE) | CAPABILITY_BIT(CAP_DAC_OVERRIDE))

/* ---- mounting ---- */

int nfs_options(const char *configured, bool read_only, struct strbuf *out)
{
    return strbuf_addf(out, "%s%snosuid,nodev,nosharecache%s", configured, configured[0] != '\0' ? "," : "",
                       read_only ? ",ro" : "");
}

const char *nfs_remedy(const char *words)
{
    if (strstr(words, "access denied") != NULL || strstr(words, "Permission denied") != NULL)
        return "let this machine in with the export's options";
    if (strstr(words, "No such file") != NULL || strstr(words, "not found") != NULL)
        return "check the path of the export";
    if (strstr(words, "requested NFS version") != NULL || strstr(words, "not supported") != NULL)
        return "check vers= in nfs.options, and whether this machine's kernel has NFS";
    if (strstr(words, "statd") != NULL)
        return "start rpc-statd, or add nolock to nfs.options";
    if (strstr(words, "not installed") != NULL)
        return "that is nfs-common on Debian and nfs-utils on Oracle Linux";
    return "see that the server runs, and that the security list lets TCP 111 and 2048 to 2050, and UDP 111 "
           "and "
           "2048 pass";
}

static int not_mounted(const struct room_program *program, int why, struct err *e)
{
    const char *remedy = nfs_remedy(e->text);
    struct err told = *e;

    if (why == -ETIMEDOUT)
        return err_set(e, why, BLAME_NODE, "the server did not answer within %lld s; %s",
                       (long long)(program->budget_ms / 1000), remedy);
    return err_set(e, why, BLAME_NODE, "%.300s; %s", told.text, remedy);
}

static void place_of(const struct storage_room *room, size_t index, struct nfs_mount *ret)
{
    (void)snprintf(ret->place, sizeof(ret->place), "%.1000s/" STORAGE_PLACE, room->run_path, index);
}

int nfs_mount(struct storage_room *room, size_t index, struct nfs_mounts *list, struct err *e)
{
    const struct plan_mount *asked = &room->plan->mount[index];
    struct nfs_mount *m = &list->item[list->count];
    AUTO(strbuf) struct strbuf options = STRBUF_INIT(1024);
    char object[STORAGE_OBJECT_MAX], name[64];
    char *const argv[] = {(char[]){"mount.nfs"}, asked->source, m->place, (char[]){"-n"},
                          (char[]){"-o"},        NULL,          NULL};
    char *words[ARRAY_SIZE(argv)];
    struct room_program program = {.argv = words,
                                   .package = "the NFS client",
                                   .fd = -1,
                                   .output_fd = -1,
                                   .capabilities = MOUNT_CAPABILITIES,
                                   .budget_ms = room->policy->storage.nfs_timeout_ms};
    int r;

    (void)snprintf(object, sizeof(object), "%s on %s", asked->source, asked->target);
    room_begin(room, "mount", object, program.budget_ms);
    (void)snprintf(name, sizeof(name), STORAGE_PLACE, index);
    place_of(room, index, m);
    if (mkdirat(room->run->fd, name, 0755) < 0 && errno != EEXIST)
        return err_errno(e, errno, BLAME_NODE, "make a place for it");
    if (nfs_options(room->policy->storage.nfs_options, asked->read_only, &options) < 0)
        return err_oom(e);
    memcpy(words, argv, sizeof(argv));
    words[5] = options.data;
    r = room_run(room, &program, NULL, e);
    if (r == -ECANCELED)
        return r;
    if (r < 0) {
        (void)umount2(m->place, MNT_DETACH);
        return not_mounted(&program, r, e);
    }
    CRASH_POINT("nfs-mounted");
    *m = (struct nfs_mount){.asked = asked, .fd = -1};
    place_of(room, index, m);
    m->fd = open(m->place, O_PATH | O_DIRECTORY | O_CLOEXEC);
    list->count++;
    room_done(room, asked->read_only ? "read-only" : "");
    return 0;
}

/* ---- looking ---- */

static void tell(struct storage_room *room, const struct nfs_mount *m, enum storage_word_kind kind,
                 int64_t took_ms)
{
    struct storage_word word = {.kind = kind, .step = "server", .took_ms = took_ms};

    (void)snprintf(word.object, sizeof(word.object), "%s on %s", m->asked->source, m->asked->target);
    if (kind == STORAGE_LOST)
        (void)err_set(&word.error, -ETIMEDOUT, BLAME_NODE,
                      "storage: %s: the server has not answered for %lld s; %s", word.object,
                      (long long)(took_ms / 1000), nfs_remedy(""));
    (void)packet_send(room->control_fd, &word, sizeof(word), NULL, 0);
}

void nfs_check(struct storage_room *room, struct nfs_mounts *list, boot_ms_t now)
{
    for (size_t i = 0; i < list->count; i++) {
        struct nfs_mount *m = &list->item[i];
        struct statfs st;
        if (m->check_pid == 0) {
            m->check_began = now;
            m->check_pid = fork();
            if (m->check_pid == 0) {
                /* It may wait for long, and holds nobody's lock meanwhile. */
                fd_close_from(STDERR_FILENO + 1, NULL, 0);
                _exit(statfs(m->place, &st) == 0 ? 0 : 1);
            }
            if (m->check_pid < 0)
                m->check_pid = 0;
        } else if (!m->lost && now.ms - m->check_began.ms >= room->policy->storage.nfs_timeout_ms) {
            m->lost = true;
            tell(room, m, STORAGE_LOST, now.ms - m->check_began.ms);
        }
    }
}

void nfs_check_ended(struct storage_room *room, struct nfs_mounts *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct nfs_mount *m = &list->item[i];
        if (m->check_pid == 0 || waitpid(m->check_pid, NULL, WNOHANG) != m->check_pid)
            continue;
        m->check_pid = 0;
        if (m->lost)
            tell(room, m, STORAGE_BACK, clock_boot().ms - m->check_began.ms);
        m->lost = false;
    }
}

/* ---- the end ---- */

void nfs_force(struct nfs_mounts *list)
{
    /* It stays mounted, since our descriptor is in it. */
    for (size_t i = 0; i < list->count; i++)
        (void)umount2(list->item[i].place, MNT_FORCE);
}

static pid_t fork_flush(const struct nfs_mount *m)
{
    pid_t pid = fork();

    if (pid == 0) {
        AUTO_CLOSE int fd = open(m->place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _exit(fd >= 0 && syncfs(fd) == 0 ? 0 : 1);
    }
    return pid;
}

static bool end_one(struct nfs_mount *m)
{
    pid_t flush = m->lost ? -1 : fork_flush(m);
    bool flushed = flush > 0 && process_reap(flush, FLUSH_MS);
    bool ended;
    pid_t pid;

    if (!flushed) {
        (void)umount2(m->place, MNT_FORCE);
        if (flush > 0)
            (void)kill(flush, SIGKILL);
    }
    if (m->check_pid > 0)
        (void)kill(m->check_pid, SIGKILL);
    fd_close(&m->fd);
    pid = fork();
    if (pid == 0) {
        (void)umount2(m->place, MNT_DETACH);
        _exit(0);
    }
    if (pid < 0)
        return umount2(m->place, MNT_DETACH) == 0;
    ended = process_reap(pid, UNMOUNT_MS);
    if (!ended) {
        (void)kill(pid, SIGKILL);
        ended = process_reap(pid, KILL_MS);
    }
    if (flush > 0 && !flushed)
        ended = process_reap(flush, KILL_MS) && ended;
    if (m->check_pid > 0)
        ended = process_reap(m->check_pid, KILL_MS) && ended;
    return ended;
}

void nfs_end(struct nfs_mounts *list, char *left, size_t size)
{
    while (list->count > 0) {
        struct nfs_mount *m = &list->item[--list->count];
        size_t used = strlen(left);
        if (!end_one(m))
            (void)snprintf(left + used, size - used, "a process waits for the server of %s; ",
                           m->asked->source);
    }
}
