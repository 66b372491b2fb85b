/* storage_room.c - see storage_room.h: the process itself, its words and its programs. */
#include "supervisor/storage_room.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "supervisor/helper.h"
#include "supervisor/nfs.h"
#include "supervisor/objects.h"
#include "supervisor/objects_output.h"
#include "supervisor/volume.h"
#include "sys/fd.h"
#include "sys/packet.h"

/* How often servers are looked at, at least. */
#define LOOK_MS_MAX 15000
/* From being asked to use force until it is used: what a server still takes meanwhile is not lost. */
#define FORCE_AFTER_MS 10000
/* And how often, since processes may ask anew. */
#define FORCE_EVERY_MS 1000
/* How often it is told how far something is. */
#define PROGRESS_MS 1000

/* ---- words ---- */

void room_say(struct storage_room *room, const struct storage_word *word)
{
    if (packet_send(room->control_fd, word, sizeof(*word), NULL, 0) == -EPIPE)
        room->ending = room->deserted = true;
}

void room_begin(struct storage_room *room, const char *step, const char *object, int64_t limit_ms)
{
    room->step = (struct storage_word){.kind = STORAGE_BEGINS, .limit_ms = limit_ms};
    (void)snprintf(room->step.step, sizeof(room->step.step), "%s", step);
    (void)snprintf(room->step.object, sizeof(room->step.object), "%s", object);
    room->step_began = clock_boot();
    room_say(room, &room->step);
    CRASH_POINT_OF("storage", step);
}

static void end_step(struct storage_room *room, enum storage_word_kind kind, const char *detail,
                     const struct err *e)
{
    struct storage_word word = room->step;

    word.kind = kind;
    word.took_ms = clock_boot().ms - room->step_began.ms;
    (void)snprintf(word.detail, sizeof(word.detail), "%s", detail);
    if (e != NULL)
        word.error = *e;
    room_say(room, &word);
}

void room_done(struct storage_room *room, const char *detail)
{
    end_step(room, STORAGE_DONE, detail, NULL);
}

void room_progress(struct storage_room *room, const char *detail)
{
    struct storage_word word = room->step;
    boot_ms_t now = clock_boot();

    if (strcmp(detail, room->step.detail) == 0 || now.ms < room->told_at.ms + PROGRESS_MS)
        return;
    room->told_at = now;
    (void)snprintf(room->step.detail, sizeof(room->step.detail), "%s", detail);
    word.kind = STORAGE_SAVING;
    memcpy(word.detail, room->step.detail, sizeof(word.detail));
    room_say(room, &word);
}

void room_not_saved(struct storage_room *room, const struct err *e)
{
    struct err full = *e;

    (void)err_context(&full, "storage: %s %s", room->step.step, room->step.object);
    end_step(room, STORAGE_UNSAVED, "", &full);
}

/* Reads what the supervisor says. True when it asks for force. */
static bool hear(struct storage_room *room)
{
    char word = 0;
    size_t none = 0;
    bool force = false;
    ssize_t n;

    while ((n = packet_receive(room->control_fd, &word, 1, NULL, 0, &none)) == 1) {
        if (word == STORAGE_SAY_END)
            room->ending = true;
        else if (word == STORAGE_SAY_SAVE || word == STORAGE_SAY_KEEP)
            room->saving = word;
        else
            force = true;
    }
    if (n != -EAGAIN && n != -EINTR)
        room->ending = room->deserted = true;
    return force;
}

bool room_wait(struct storage_room *room, int64_t ms)
{
    struct pollfd fds[] = {{.fd = room->control_fd, .events = POLLIN},
                           {.fd = room->signal_fd, .events = POLLIN}};
    struct signalfd_siginfo info;

    if (room->ending)
        return false;
    if (poll(fds, ARRAY_SIZE(fds), ms > 60000 ? 60000 : (int)ms) <= 0)
        return true;
    if (fds[1].revents != 0)
        (void)!read(room->signal_fd, &info, sizeof(info));
    if (fds[0].revents != 0)
        (void)hear(room);
    return !room->ending;
}

/* ---- programs ---- */

static const char *find_program(const char *name, char ret[], size_t size)
{
    static const char *const PLACES[] = {"/usr/sbin", "/sbin", "/usr/bin", "/bin"};

    for (size_t i = 0; i < ARRAY_SIZE(PLACES); i++) {
        (void)snprintf(ret, size, "%s/%s", PLACES[i], name);
        if (name[0] == '/')
            (void)snprintf(ret, size, "%s", name);
        if (access(ret, X_OK) == 0)
            return ret;
    }
    return NULL;
}

void room_attend(struct storage_room *room, struct helper *h)
{
    while (helper_is_active(h)) {
        struct pollfd fds[] = {{.fd = room->ending ? -1 : room->control_fd, .events = POLLIN},
                               {.fd = room->signal_fd, .events = POLLIN},
                               {.fd = h->said_fd, .events = POLLIN}};
        struct signalfd_siginfo info;
        int64_t due = helper_due(h, clock_boot());
        int64_t left = due == INT64_MAX ? 0 : due - clock_boot().ms;

        if (!helper_is_active(h))
            break;
        if (poll(fds, ARRAY_SIZE(fds), left < 0 ? 0 : left > 60000 ? 60000 : (int)left) < 0)
            continue;
        if (fds[1].revents != 0)
            (void)!read(room->signal_fd, &info, sizeof(info));
        if (fds[0].revents != 0)
            (void)hear(room);
        if (fds[2].revents != 0)
            helper_read(h);
        if (room->ending)
            helper_kill(h, clock_boot());
        (void)helper_reap(h);
    }
}

int room_run(struct storage_room *room, const struct room_program *program, int *ret_status, struct err *e)
{
    const struct helper_fd all[] = {{program->output_fd, STDOUT_FILENO}, {program->fd, 3}};
    size_t first = program->output_fd >= 0 ? 0 : 1;
    size_t count = (program->output_fd >= 0 ? 1U : 0U) + (program->fd >= 0 ? 1U : 0U);
    struct helper h = HELPER_INIT;
    char path[512];
    struct helper_order order = {.path = path,
                                 .argv = program->argv,
                                 .fds = all + first,
                                 .fd_count = count,
                                 .user = program->user,
                                 .capabilities = program->capabilities,
                                 .group = room->group,
                                 .budget_ms = program->budget_ms};
    int r;

    if (ret_status != NULL)
        *ret_status = 0;
    if (find_program(program->argv[0], path, sizeof(path)) == NULL)
        return err_set(e, -ENOENT, BLAME_NODE, "%s is not installed; install %s", program->argv[0],
                       program->package);
    r = helper_start(&order, clock_boot(), &h, e);
    if (r < 0)
        return r;
    room_attend(room, &h);
    r = helper_result(&h, e);
    if (ret_status != NULL && r == -EIO && h.state == HELPER_ENDED && WIFEXITED(h.wait_status))
        *ret_status = WEXITSTATUS(h.wait_status);
    helper_close(&h);
    return room->ending && r < 0 ? err_set(e, -ECANCELED, BLAME_NODE, "the run was stopped") : r;
}

/* ---- the process ---- */

/* All that is mounted for the run. */
struct mounted {
    struct nfs_mounts nfs;
    struct objects_mounts objects;
};

static void save_all(struct storage_room *room, struct mounted *all)
{
    struct storage_word word = {.kind = STORAGE_SAVED};
    bool success = room->saving == STORAGE_SAY_SAVE;
    struct err e = ERR_INIT;

    room->saving = 0;
    (void)objects_save(room, &all->objects, &word.error);
    if (objects_copy_outputs(room, success, &e) < 0 && word.error.code == 0)
        word.error = e;
    room_say(room, &word);
}

/* What woke us, but for the time. True when force is asked for. */
static bool take_up(struct storage_room *room, struct mounted *all, const struct pollfd *fds)
{
    struct signalfd_siginfo info;
    bool force = false;

    if (fds[1].revents != 0) {
        (void)!read(room->signal_fd, &info, sizeof(info));
        nfs_check_ended(room, &all->nfs);
    }
    objects_look(room, &all->objects);
    if (fds[0].revents != 0)
        force = hear(room);
    if (room->saving != 0 && !room->ending)
        save_all(room, all);
    return force;
}

/* Servers are looked at while the job runs; force is used when its processes do not end. */
static void stand_by(struct storage_room *room, struct mounted *all)
{
    int64_t timeout = room->policy->storage.nfs_timeout_ms;
    int64_t every = all->nfs.count == 0 ? INT64_MAX : timeout / 3 < LOOK_MS_MAX ? timeout / 3 : LOOK_MS_MAX;
    boot_ms_t force_at = {INT64_MAX}, look_at = {every == INT64_MAX ? INT64_MAX : clock_boot().ms + every};

    while (!room->ending) {
        struct pollfd fds[2 + JOB_MOUNTS_MAX] = {{.fd = room->control_fd, .events = POLLIN},
                                                 {.fd = room->signal_fd, .events = POLLIN}};
        boot_ms_t now = clock_boot();
        int64_t next = force_at.ms < look_at.ms ? force_at.ms : look_at.ms;
        int wait_ms = next == INT64_MAX       ? -1
                      : next <= now.ms        ? 0
                      : next - now.ms > 60000 ? 60000
                                              : (int)(next - now.ms);

        objects_pollfds(&all->objects, fds + 2);
        if (poll(fds, ARRAY_SIZE(fds), wait_ms) < 0)
            continue;
        if (take_up(room, all, fds) && all->nfs.count + all->objects.count > 0 && force_at.ms == INT64_MAX)
            force_at.ms = clock_boot().ms + FORCE_AFTER_MS;
        now = clock_boot();
        if (now.ms >= force_at.ms) {
            nfs_force(&all->nfs);
            objects_force(&all->objects);
            force_at.ms = now.ms + FORCE_EVERY_MS;
        }
        if (now.ms >= look_at.ms) {
            nfs_check(room, &all->nfs, now);
            look_at.ms = now.ms + every;
        }
    }
}

static void fail(struct storage_room *room, const struct err *e)
{
    struct err full = *e;

    (void)err_context(&full, "storage: %s %s", room->step.step, room->step.object);
    end_step(room, STORAGE_FAILED, "", &full);
}

/* Mounts that the policy can do without, one after the other. */
static int mount_all(struct storage_room *room, struct mounted *all, struct err *e)
{
    for (size_t i = 0; i < room->plan->mount_count && !room->ending; i++) {
        bool objects = room->plan->mount[i].kind == MOUNT_OBJECTS;
        bool ignore = objects ? room->policy->objects.ignore_failure : room->policy->storage.ignore_failure;
        *e = ERR_INIT;
        if ((objects ? objects_mount(room, i, &all->objects, e) : nfs_mount(room, i, &all->nfs, e)) == 0)
            continue;
        if (!ignore || room->ending)
            return e->code;
        end_step(room, STORAGE_IGNORED, "", e);
    }
    return room->ending ? err_set(e, -ECANCELED, BLAME_NODE, "the run was stopped") : 0;
}

static void take_down(struct storage_room *room, struct volume *volume, struct mounted *all)
{
    struct storage_word word = {.kind = STORAGE_CLEARED};

    fd_close(&room->home_fd);
    objects_end(&all->objects, word.detail, sizeof(word.detail));
    volume_end(volume, word.detail, sizeof(word.detail));
    /* A run that is recovered needs its volume free, and not what a server owes us. */
    (void)close(room->run->lock_fd);
    nfs_end(&all->nfs, word.detail, sizeof(word.detail));
    room_say(room, &word);
}

static int ascending(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* Programs join the helpers' groups, so those stay open. */
static void keep_only(const struct storage_room *room)
{
    int keep[4 + CONTROLLER_COUNT] = {room->control_fd, room->run->fd, room->run->lock_fd};
    size_t count = 3;

    if (room->group != NULL) {
        keep[count++] = room->group->unified.procs_fd;
        for (size_t i = 0; i < CONTROLLER_COUNT; i++)
            keep[count++] = room->group->v1[i].procs_fd;
    }
    qsort(keep, count, sizeof(keep[0]), ascending);
    fd_close_from(STDERR_FILENO + 1, keep, count);
}

/* Signals meant for the supervisor's group do not end it: it goes when it has cleared up. */
static int prepare_signals(void)
{
    sigset_t all;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    (void)sigemptyset(&all);
    (void)sigaddset(&all, SIGCHLD);
    return signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int open_home(struct storage_room *room, struct err *e)
{
    char path[RUN_PATH_MAX + 16];

    (void)snprintf(path, sizeof(path), "%s/" HOME_NAME, room->run_path);
    room->home_fd = room->plan->outputs.count > 0 ? dir_open(AT_FDCWD, path) : -1;
    return room->plan->outputs.count > 0 && room->home_fd < 0
               ? err_errno(e, -room->home_fd, BLAME_NODE, "open the home")
               : 0;
}

_Noreturn void storage_room_main(struct storage_room *room)
{
    struct volume volume = VOLUME_INIT;
    struct mounted all = {.nfs = {.count = 0}};
    struct err e = ERR_INIT;
    struct storage_word ready = {.kind = STORAGE_READY};

    CRASH_ROLE("storage");
    CRASH_POINT("born");
    (void)prctl(PR_SET_NAME, "runlet-storage");
    keep_only(room);
    room->signal_fd = prepare_signals();
    room->home_fd = -1;
    (void)fd_set_nonblocking(room->control_fd, true);
    (void)snprintf(room->run_path, sizeof(room->run_path), "%s/%s", room->policy->runs_dir, room->run->name);
    room->step = (struct storage_word){.kind = STORAGE_BEGINS, .step = "begin"};
    room->step_began = clock_boot();
    if (room->signal_fd < 0)
        fail(room, (err_errno(&e, errno, BLAME_NODE, "make a signal descriptor"), &e));
    else if (volume_prepare(room, &volume, &e) < 0 || mount_all(room, &all, &e) < 0 ||
             open_home(room, &e) < 0)
        fail(room, &e);
    else
        room_say(room, &ready);
    stand_by(room, &all);
    take_down(room, &volume, &all);
    CRASH_POINT("storage-cleared");
    _exit(0);
}
