/* volume.c - see volume.h. */
#include "supervisor/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "supervisor/scratch_disk.h"
#include "supervisor/volume_decide.h"
#include "supervisor/volume_find.h"
#include "sys/capabilities.h"
#include "sys/fd.h"
#include "sys/loop_disk.h"

#define VOLUME_FD_PATH "/proc/self/fd/3"

#define LOOK_LIMIT_MS   60000
#define FORMAT_LIMIT_MS (10LL * 60 * 1000)
/* A full check of 1 TB with many files. */
#define CHECK_LIMIT_MS (60LL * 60 * 1000)
#define GROW_LIMIT_MS  (30LL * 60 * 1000)
#define MOUNT_LIMIT_MS (10LL * 60 * 1000)
#define CLEAR_LIMIT_MS (30LL * 60 * 1000)
#define ANSWER_MAX     4096
/* Files that are still open when the run has ended, for a moment. */
#define UNMOUNT_TRIES   50
#define UNMOUNT_WAIT_MS 100

/* The user that looks at volumes: it owns nothing. */
static const struct user_ids NOBODY = {65534, 65534};

static int failed(struct err *e, const char *what)
{
    return err_errno(e, errno, BLAME_NODE, "%s", what);
}

/* ---- what it holds ---- */

static int look(struct storage_room *room, const struct volume *v, struct volume_facts *ret, struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(ANSWER_MAX);
    AUTO_CLOSE int answer = memfd_create("probe", MFD_CLOEXEC);
    char path[512], source[64];
    char *const argv[] = {path, NULL};
    AUTO_CLOSE int readable = -1;
    struct room_program program = {.argv = argv,
                                   .package = "runlet completely",
                                   .output_fd = answer,
                                   .user = &NOBODY,
                                   .budget_ms = LOOK_LIMIT_MS};

    room_begin(room, "look", v->name, LOOK_LIMIT_MS);
    (void)snprintf(path, sizeof(path), "%s/runlet-probe", room->policy->helper_dir);
    (void)snprintf(source, sizeof(source), "/proc/self/fd/%d", v->device_fd);
    readable = open(source, O_RDONLY | O_CLOEXEC);
    if (answer < 0 || readable < 0)
        return failed(e, "open it for reading");
    program.fd = readable;
    if (room_run(room, &program, NULL, e) < 0)
        return e->code;
    if (lseek(answer, 0, SEEK_SET) < 0 || fd_read_all(answer, &text) < 0)
        return failed(e, "read the answer of runlet-probe");
    if (volume_facts_decode(strbuf_str(&text), text.len, ret, e) < 0)
        return err_context(e, "answer of runlet-probe");
    return 0;
}

/* ---- programs on the volume; they have its descriptor, and no capability but those of XFS, which set its block size ---- */

#define XFS_CAPABILITIES CAPABILITY_BIT(CAP_SYS_ADMIN)

static int run_on(struct storage_room *room, const struct volume *v, bool xfs, char *const *argv,
                  int64_t limit_ms, int *ret_status, struct err *e)
{
    const struct room_program program = {.argv = argv,
                                         .package = xfs ? "xfsprogs" : "e2fsprogs",
                                         .fd = v->device_fd,
                                         .output_fd = -1,
                                         .capabilities = xfs ? XFS_CAPABILITIES : 0,
                                         .budget_ms = limit_ms};

    return room_run(room, &program, ret_status, e);
}

static int new_uuid(char ret[VOLUME_UUID_MAX], struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(64);
    int r = file_read(AT_FDCWD, "/proc/sys/kernel/random/uuid", &text);

    if (r < 0 || text.len < 36)
        return err_set(e, r < 0 ? r : -EIO, BLAME_NODE, "make a UUID");
    (void)snprintf(ret, VOLUME_UUID_MAX, "%.36s", strbuf_str(&text));
    return 0;
}

static int write_mark(const struct volume *v, int64_t bytes, const char *mark, struct err *e)
{
    if (pwrite(v->device_fd, mark, VOLUME_MARK_BYTES, volume_mark_offset(bytes)) != VOLUME_MARK_BYTES ||
        fsync(v->device_fd) < 0)
        return failed(e, "note on it that it is being formatted");
    return 0;
}

/* The mark goes when everything else is on the disk; where mkfs wrote over it, it is gone. */
static int clear_mark(const struct volume *v, int64_t bytes, struct err *e)
{
    static const char ZEROS[VOLUME_MARK_BYTES];
    char found[VOLUME_MARK_BYTES], uuid[VOLUME_UUID_MAX];

    if (fsync(v->device_fd) < 0)
        return failed(e, "bring the new file system to the disk");
    if (pread(v->device_fd, found, sizeof(found), volume_mark_offset(bytes)) != VOLUME_MARK_BYTES)
        return failed(e, "read the mark on it");
    return volume_mark_read(found, uuid) ? write_mark(v, bytes, ZEROS, e) : 0;
}

static int format(struct storage_room *room, const struct volume *v, int64_t bytes, struct err *e)
{
    bool xfs = room->policy->storage.file_system == VOLUME_XFS;
    char uuid[VOLUME_UUID_MAX], mark[VOLUME_MARK_BYTES], uuid_option[VOLUME_UUID_MAX + 8];
    char label[] = VOLUME_LABEL, device[] = VOLUME_FD_PATH;
    /* Without discarding first, which would take the mark; and inode tables are cleared later, by the kernel. */
    char *const ext4_argv[] = {(char[]){"mkfs.ext4"},
                               (char[]){"-q"},
                               (char[]){"-F"},
                               (char[]){"-m"},
                               (char[]){"0"},
                               (char[]){"-L"},
                               label,
                               (char[]){"-U"},
                               uuid,
                               (char[]){"-E"},
                               (char[]){"nodiscard,lazy_itable_init=1,lazy_journal_init=1"},
                               device,
                               NULL};
    char *const xfs_argv[] = {(char[]){"mkfs.xfs"},
                              (char[]){"-q"},
                              (char[]){"-f"},
                              (char[]){"-K"},
                              (char[]){"-L"},
                              label,
                              (char[]){"-m"},
                              uuid_option,
                              device,
                              NULL};

    room_begin(room, "format", v->name, FORMAT_LIMIT_MS);
    if (new_uuid(uuid, e) < 0)
        return e->code;
    (void)snprintf(uuid_option, sizeof(uuid_option), "uuid=%s", uuid);
    volume_mark_make(uuid, mark);
    if (write_mark(v, bytes, mark, e) < 0)
        return e->code;
    CRASH_POINT("volume-marked");
    if (run_on(room, v, xfs, xfs ? xfs_argv : ext4_argv, FORMAT_LIMIT_MS, NULL, e) < 0)
        return e->code;
    CRASH_POINT("volume-formatted");
    if (clear_mark(v, bytes, e) < 0)
        return e->code;
    CRASH_POINT("volume-unmarked");
    room_done(room, xfs ? "xfs" : "ext4");
    return 0;
}

/* 1: it was mended. 0: nothing was wrong. */
static int check_ext(struct storage_room *room, const struct volume *v, bool thorough, struct err *e)
{
    char *const quick[] = {(char[]){"e2fsck"}, (char[]){"-p"}, (char[]){VOLUME_FD_PATH}, NULL};
    char *const full[] = {(char[]){"e2fsck"}, (char[]){"-f"}, (char[]){"-p"}, (char[]){VOLUME_FD_PATH}, NULL};
    int status = 0;
    int r = run_on(room, v, false, thorough ? full : quick, CHECK_LIMIT_MS, &status, e);

    if (r == 0)
        return 0;
    if (status == 1) {
        *e = ERR_INIT;
        return 1;
    }
    if (status != 0)
        (void)err_context(
            e, "its file system is damaged; repair it by hand with e2fsck, and look what was lost");
    return r;
}

static int check(struct storage_room *room, const struct volume *v, const struct volume_facts *facts,
                 bool grows, struct err *e)
{
    enum volume_fsck policy = room->policy->storage.fsck;
    char *const xfs[] = {(char[]){"xfs_repair"}, (char[]){"-n"}, (char[]){VOLUME_FD_PATH}, NULL};
    bool ext = volume_is_ext(facts->signature);
    int r;

    /* resize2fs insists on a full check. */
    if (!(ext && grows) && (policy == FSCK_NEVER || (!ext && policy == FSCK_AUTO)))
        return 0;
    room_begin(room, "check", v->name, CHECK_LIMIT_MS);
    r = ext ? check_ext(room, v, grows || policy == FSCK_ALWAYS, e)
            : run_on(room, v, true, xfs, CHECK_LIMIT_MS, NULL, e);
    if (r < 0)
        return r;
    room_done(room, r > 0 ? "errors were mended" : "");
    return 0;
}

static int grow_ext(struct storage_room *room, const struct volume *v, struct err *e)
{
    char *const argv[] = {(char[]){"resize2fs"}, (char[]){VOLUME_FD_PATH}, NULL};

    room_begin(room, "grow", v->name, GROW_LIMIT_MS);
    if (run_on(room, v, false, argv, GROW_LIMIT_MS, NULL, e) < 0)
        return e->code;
    room_done(room, "");
    return 0;
}

static int grow_xfs(struct storage_room *room, const struct volume *v, struct err *e)
{
    char home[sizeof(v->home)];
    char *const argv[] = {(char[]){"xfs_growfs"}, (char[]){"-d"}, home, NULL};
    const struct room_program program = {.argv = argv,
                                         .package = "xfsprogs",
                                         .fd = -1,
                                         .output_fd = -1,
                                         .capabilities =
                                             CAPABILITY_BIT(CAP_SYS_ADMIN) | CAPABILITY_BIT(CAP_DAC_OVERRIDE),
                                         .budget_ms = GROW_LIMIT_MS};

    memcpy(home, v->home, sizeof(home));
    room_begin(room, "grow", v->name, GROW_LIMIT_MS);
    if (room_run(room, &program, NULL, e) < 0)
        return e->code;
    room_done(room, "");
    return 0;
}

/* ---- mounting ---- */

static int mount_home(struct storage_room *room, struct volume *v, const char *type, struct err *e)
{
    bool image = room->policy->storage.volume == VOLUME_IMAGE;
    /* What is freed in an image goes back to the disk that holds it. */
    const char *options = image ? "discard" : NULL;
    char home[sizeof(v->home)];

    room_begin(room, "mount", v->name, MOUNT_LIMIT_MS);
    (void)snprintf(home, sizeof(home), "%s/%s", room->run_path, HOME_NAME);
    if (mount(v->name, home, type, MS_NOSUID | MS_NODEV, options) < 0) {
        int saved = errno;
        return err_errno(e, saved, BLAME_NODE, "mount its %s file system (the kernel's log tells more)",
                         type);
    }
    memcpy(v->home, home, sizeof(home));
    CRASH_POINT("volume-mounted");
    return 0;
}

/* The top folder is the job's; what else lies there is whose it was. */
static int give_to_job(const struct storage_room *room, const struct volume *v, struct err *e)
{
    AUTO_CLOSE int fd = dir_open(AT_FDCWD, v->home);
    struct stat st;

    if (fd < 0)
        return err_errno(e, -fd, BLAME_NODE, "open its top folder");
    if (fstat(fd, &st) < 0 ||
        fchown(fd, policy_uid(room->policy, room->plan), policy_gid(room->policy, room->plan)) < 0 ||
        fchmod(fd, 0750) < 0)
        return failed(e, "give its top folder to the job's user");
    return 0;
}

/* Where the artifact of an earlier run lies, there is room for this one's. */
static int clear_artifact(struct storage_room *room, const struct volume *v, struct err *e)
{
    AUTO_CLOSE int home = dir_open(AT_FDCWD, v->home);
    int r = home < 0 ? home : 0;

    room_begin(room, "clear", v->name, CLEAR_LIMIT_MS);
    for (size_t i = 0; r == 0 && i < room->plan->placement_count; i++) {
        const struct placement *p = &room->plan->placement[i];
        char top[NAME_MAX + 1];
        (void)snprintf(top, sizeof(top), "%.*s", (int)strcspn(p->into, "/"), p->into);
        r = tree_remove(home, top[0] != '\0' ? top : p->name);
    }
    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "remove what the artifact of an earlier run left in it");
    room_done(room, "");
    return 0;
}

static int use(struct storage_room *room, struct volume *v, const struct volume_facts *facts, bool grows,
               struct err *e)
{
    bool ext = volume_is_ext(facts->signature);

    if (check(room, v, facts, grows, e) < 0 || (ext && grows && grow_ext(room, v, e) < 0) ||
        mount_home(room, v, facts->signature, e) < 0)
        return e->code;
    room_done(room, facts->signature);
    if (!ext && grows && grow_xfs(room, v, e) < 0)
        return e->code;
    return clear_artifact(room, v, e);
}

static int64_t wanted_bytes(const struct storage_room *room)
{
    if (room->plan->volume_bytes > 0)
        return room->plan->volume_bytes;
    return room->policy->storage.volume == VOLUME_IMAGE ? room->policy->storage.size : 0;
}

int volume_prepare(struct storage_room *room, struct volume *v, struct err *e)
{
    static const char *const TYPES[] = {[VOLUME_EXT4] = "ext4", [VOLUME_XFS] = "xfs"};
    struct volume_facts facts = {0};
    enum volume_action action;

    if (room->policy->storage.volume == VOLUME_DIRECTORY)
        return 0;
    if (volume_find(room, wanted_bytes(room), v, e) < 0 || look(room, v, &facts, e) < 0)
        return e->code;
    action = volume_decide(&facts, wanted_bytes(room), room->policy->storage.grow, e);
    if (action == VOLUME_REFUSE)
        return e->code;
    room_done(room, facts.signature[0] != '\0' ? facts.signature : "blank");
    if (action == VOLUME_FORMAT) {
        if (format(room, v, facts.bytes, e) < 0)
            return e->code;
        (void)snprintf(facts.signature, sizeof(facts.signature), "%s",
                       TYPES[room->policy->storage.file_system]);
        if (mount_home(room, v, facts.signature, e) < 0)
            return e->code;
        room_done(room, facts.signature);
    } else if (use(room, v, &facts, action == VOLUME_MOUNT_GROWN, e) < 0) {
        return e->code;
    }
    return give_to_job(room, v, e);
}

void volume_end(struct volume *v, char *left, size_t size)
{
    const struct timespec pause = {.tv_nsec = UNMOUNT_WAIT_MS * 1000000L};
    size_t used = strlen(left);
    int r = -1;

    CRASH_POINT("volume-unmount");
    for (int i = 0; v->home[0] != '\0' && i < UNMOUNT_TRIES; i++) {
        r = umount2(v->home, 0);
        if (r == 0 || errno != EBUSY)
            break;
        (void)nanosleep(&pause, NULL);
    }
    if (v->home[0] != '\0' && r < 0) {
        (void)umount2(v->home, MNT_DETACH);
        (void)snprintf(left + used, size - used, "%s was busy; ", v->name);
    }
    v->home[0] = '\0';
    fd_close(&v->device_fd);
    fd_close(&v->lock_fd);
}
