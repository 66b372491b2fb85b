/* objects.c - see objects.h. */
#include "supervisor/objects.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "supervisor/nfs.h"
#include "supervisor/objects_cache.h"
#include "supervisor/objects_command.h"
#include "sys/fd.h"
#include "sys/fuse_fd.h"

#define KEY_BYTES_MAX (64UL << 10)
#define PAUSE_MS      100
#define FOREVER_MS    (INT64_MAX / 4)
/* rclone that ends while it uploads is started again that often. */
#define RESTARTS_MAX 3

/* ---- what rclone gets ---- */

int objects_open_key(const struct objects_policy *policy, struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(KEY_BYTES_MAX);
    AUTO_CLOSE int fd = open(policy->credentials, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    int key, r;

    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(e, errno, BLAME_NODE, "open %s (objects.credentials)", policy->credentials);
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
        return err_set(e, -EPERM, BLAME_NODE,
                       "%s (objects.credentials) must be a file of root that nobody else can read: chown "
                       "root and chmod 0600",
                       policy->credentials);
    r = fd_read_all(fd, &text);
    key = r == 0 ? fd_sealed("key", text.data, text.len) : r;
    explicit_bzero(text.data, text.len);
    return key < 0 ? err_errno(e, -key, BLAME_NODE, "read %s (objects.credentials)", policy->credentials)
                   : key;
}

static int own(const struct storage_room *room, int at, const char *name, struct err *e)
{
    uid_t uid = room->policy->objects.uid;

    if ((mkdirat(at, name, 0700) < 0 && errno != EEXIST) ||
        fchownat(at, name, uid, uid, AT_SYMLINK_NOFOLLOW) < 0)
        return err_errno(e, errno, BLAME_NODE, "make the folder %s for rclone", name);
    return 0;
}

/* On the run's own disk where there is one: what is cached is the run's. By path, since that was mounted after our descriptors
 * were opened. */
static int open_scratch(const struct storage_room *room)
{
    char path[RUN_PATH_MAX + 32];
    struct stat disk, scratch;

    (void)snprintf(path, sizeof(path), "%s/" SCRATCH_NAME, room->run_path);
    if (stat(path, &scratch) < 0)
        return -errno;
    (void)snprintf(path, sizeof(path), "%s/" SCRATCH_NAME "/disk", room->run_path);
    if (stat(path, &disk) < 0 || disk.st_dev == scratch.st_dev)
        (void)snprintf(path, sizeof(path), "%s/" SCRATCH_NAME, room->run_path);
    return dir_open(AT_FDCWD, path);
}

int objects_open_cache(const struct storage_room *room, const char *name, struct err *e)
{
    AUTO_CLOSE int scratch = open_scratch(room);
    AUTO_CLOSE int cache = -1;
    char target[512];

    if (scratch < 0)
        return err_errno(e, -scratch, BLAME_NODE, "open the run's scratch space");
    if (own(room, scratch, name, e) < 0)
        return e->code;
    cache = dir_open(scratch, name);
    if (cache < 0)
        return err_errno(e, -cache, BLAME_NODE, "open the folder %s for rclone", name);
    (void)snprintf(target, sizeof(target), "%s/runlet-fuse", room->policy->helper_dir);
    if (own(room, cache, "mnt", e) < 0 || own(room, cache, "vfsMeta", e) < 0)
        return e->code;
    /* It looks for one name or the other, by its version. */
    if ((mkdirat(cache, "bin", 0755) < 0 && errno != EEXIST) ||
        (symlinkat(target, cache, "bin/fusermount") < 0 && errno != EEXIST) ||
        (symlinkat(target, cache, "bin/fusermount3") < 0 && errno != EEXIST))
        return err_errno(e, errno, BLAME_NODE, "make the folder for rclone");
    return take_fd(&cache);
}

/* NULL at the end; borrows the words. */
static char *const *vector(const struct strlist *words, char *ret[], size_t size)
{
    size_t n = words->count < size - 1 ? words->count : size - 1;

    for (size_t i = 0; i < n; i++)
        ret[i] = words->item[i];
    ret[n] = NULL;
    return ret;
}

#define WORDS_MAX 40

int objects_start(const struct storage_room *room, const struct objects_order *o, struct helper *ret,
                  struct err *e)
{
    AUTO(strlist) struct strlist environment = {0};
    AUTO_CLOSE int key = objects_open_key(&room->policy->objects, e);
    struct user_ids user = {room->policy->objects.uid, room->policy->objects.uid};
    const struct helper_fd all[] = {{key, OBJECTS_KEY_FD},
                                    {o->fuse_fd, FUSE_FD},
                                    {o->cache_fd, OBJECTS_CACHE_FD},
                                    {o->source_fd, OBJECTS_SOURCE_FD}};
    struct helper_fd fds[ARRAY_SIZE(all)];
    char *argv[WORDS_MAX], *envp[WORDS_MAX];
    struct helper_order order = {.path = "/usr/bin/rclone",
                                 .argv = vector(o->words, argv, WORDS_MAX),
                                 .fds = fds,
                                 .user = &user,
                                 .capabilities = o->capabilities,
                                 .group = room->group,
                                 .budget_ms = o->budget_ms};

    if (key < 0)
        return key;
    if (objects_environment(&room->policy->objects, o->location, &environment) < 0)
        return err_oom(e);
    order.environment = vector(&environment, envp, WORDS_MAX);
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (all[i].fd >= 0)
            fds[order.fd_count++] = all[i];
    return helper_start(&order, clock_boot(), ret, e);
}

/* ---- mounting ---- */

/* Whether the bucket is there and we may look into it. */
static int look_at_bucket(struct storage_room *room, const struct objects_mount *m, struct err *e)
{
    AUTO(strlist) struct strlist words = {0};
    struct helper h = HELPER_INIT;
    int r;

    if (objects_look_arguments(&room->policy->objects, &m->location, &words) < 0)
        return err_oom(e);
    r = objects_start(room,
                      &(struct objects_order){.location = &m->location,
                                              .words = &words,
                                              .cache_fd = m->cache_fd,
                                              .fuse_fd = -1,
                                              .source_fd = -1,
                                              .budget_ms = room->policy->objects.timeout_ms},
                      &h, e);
    if (r < 0)
        return r;
    room_attend(room, &h);
    r = helper_result(&h, e);
    helper_close(&h);
    return r;
}

/* Mounts, and starts rclone to serve it. */
static int serve(struct storage_room *room, struct objects_mount *m, struct err *e)
{
    AUTO(strlist) struct strlist words = {0};
    AUTO_CLOSE int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    const struct objects_policy *policy = &room->policy->objects;
    struct user_ids owner = {policy_uid(room->policy, room->plan), policy_gid(room->policy, room->plan)};
    char options[160];

    if (fuse < 0)
        return err_errno(e, errno, BLAME_NODE, "open /dev/fuse (modprobe fuse)");
    (void)snprintf(options, sizeof(options),
                   "fd=%d,rootmode=40000,user_id=%u,group_id=%u,allow_other,default_permissions", fuse,
                   (unsigned)policy->uid, (unsigned)policy->uid);
    if (mount(m->asked->source, m->place, "fuse.rclone",
              MS_NOSUID | MS_NODEV | (m->asked->read_only ? MS_RDONLY : 0), options) < 0)
        return err_errno(e, errno, BLAME_NODE, "mount");
    CRASH_POINT("objects-mounted");
    if (objects_mount_arguments(policy, &m->location, &owner, m->asked->read_only, &words) < 0)
        return err_oom(e);
    return objects_start(room,
                         &(struct objects_order){.location = &m->location,
                                                 .words = &words,
                                                 .cache_fd = m->cache_fd,
                                                 .fuse_fd = fuse,
                                                 .source_fd = -1,
                                                 .budget_ms = FOREVER_MS},
                         &m->rclone, e);
}

/* Whether the child has ended within the time. */
static bool ends_within(pid_t pid, int64_t ms, int *ret_status)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000000L};
    boot_ms_t until = {clock_boot().ms + ms};

    while (waitpid(pid, ret_status, WNOHANG) == 0) {
        if (clock_boot().ms >= until.ms)
            return false;
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

/* Asks, in a process that may be held, what is in it. */
static pid_t fork_question(const struct objects_mount *m)
{
    pid_t pid = fork();

    if (pid == 0) {
        DIR *dir = opendir(m->place);
        errno = 0;
        _exit(dir != NULL && (readdir(dir) != NULL || errno == 0) ? 0 : 1);
    }
    return pid;
}

static int await_answer(struct storage_room *room, struct objects_mount *m, pid_t question, int *ret_status,
                        struct err *e)
{
    boot_ms_t until = {clock_boot().ms + room->policy->objects.timeout_ms};

    while (waitpid(question, ret_status, WNOHANG) == 0) {
        helper_read(&m->rclone);
        if (helper_reap(&m->rclone))
            return helper_result(&m->rclone, e) < 0
                       ? e->code
                       : err_set(e, -EIO, BLAME_NODE, "rclone ended instead of serving the bucket");
        if (clock_boot().ms >= until.ms)
            return -ETIMEDOUT;
        if (!room_wait(room, PAUSE_MS))
            return err_set(e, -ECANCELED, BLAME_NODE, "the run was stopped");
    }
    return 1;
}

/* Until what is mounted can be listed. */
static int await_service(struct storage_room *room, struct objects_mount *m, struct err *e)
{
    char words[HELPER_WORDS_MAX];
    pid_t question = fork_question(m);
    int status = 0, r;

    if (question < 0)
        return err_errno(e, errno, BLAME_NODE, "fork");
    r = await_answer(room, m, question, &status, e);
    if (r == 1 && status == 0)
        return 0;
    helper_last_words(&m->rclone, words, sizeof(words));
    if (r < 1) {
        /* With its end, whoever waits for it gets an error. */
        helper_kill(&m->rclone, clock_boot());
        (void)kill(question, SIGKILL);
        (void)ends_within(question, HELPER_ABANDON_MS, &status);
    }
    if (r == 1)
        return err_set(e, -EIO, BLAME_NODE, "it cannot be listed: %.300s", words);
    if (r == -ETIMEDOUT)
        return err_set(e, -ETIMEDOUT, BLAME_NODE, "it was not served within %lld s: %.300s",
                       (long long)(room->policy->objects.timeout_ms / 1000), words);
    return r;
}

static bool end_rclone(struct objects_mount *m)
{
    boot_ms_t now = clock_boot();

    helper_kill(&m->rclone, now);
    for (const struct timespec pause = {.tv_nsec = 20 * 1000000L}; helper_is_active(&m->rclone);) {
        (void)nanosleep(&pause, NULL);
        (void)helper_reap(&m->rclone);
        (void)helper_due(&m->rclone, clock_boot());
    }
    return m->rclone.state != HELPER_ABANDONED;
}

/* Without rclone nothing waits for anybody. */
static bool take_down(struct objects_mount *m)
{
    bool ended = end_rclone(m);

    (void)umount2(m->place, MNT_DETACH);
    helper_close(&m->rclone);
    return ended;
}

static int prepare(struct storage_room *room, size_t index, struct objects_mount *m, struct err *e)
{
    char name[64];

    (void)object_location_parse(m->asked->source, &m->location);
    (void)snprintf(name, sizeof(name), STORAGE_PLACE, index);
    (void)snprintf(m->place, sizeof(m->place), "%.1000s/" STORAGE_PLACE, room->run_path, index);
    if (mkdirat(room->run->fd, name, 0755) < 0 && errno != EEXIST)
        return err_errno(e, errno, BLAME_NODE, "make a place for it");
    (void)snprintf(name, sizeof(name), "objects-%zu", index);
    m->cache_fd = objects_open_cache(room, name, e);
    return m->cache_fd < 0 ? m->cache_fd : look_at_bucket(room, m, e);
}

int objects_mount(struct storage_room *room, size_t index, struct objects_mounts *list, struct err *e)
{
    struct objects_mount *m = &list->item[list->count];
    char object[STORAGE_OBJECT_MAX];
    int r;

    *m = (struct objects_mount){.asked = &room->plan->mount[index], .cache_fd = -1, .rclone = HELPER_INIT};
    (void)snprintf(object, sizeof(object), "%s on %s", m->asked->source, m->asked->target);
    room_begin(room, "mount", object, 3 * room->policy->objects.timeout_ms);
    r = prepare(room, index, m, e);
    if (r == 0)
        r = serve(room, m, e);
    if (r == 0)
        r = await_service(room, m, e);
    if (r < 0) {
        struct err told = *e;
        (void)take_down(m);
        fd_close(&m->cache_fd);
        if (room->ending)
            return err_set(e, -ECANCELED, BLAME_NODE, "the run was stopped");
        return err_set(e, r, BLAME_NODE, "%.600s; %s", told.text, objects_remedy(told.text));
    }
    list->count++;
    room_done(room, m->asked->read_only ? "read-only" : "");
    return 0;
}

/* ---- while the job runs ---- */

void objects_pollfds(const struct objects_mounts *list, struct pollfd ret[JOB_MOUNTS_MAX])
{
    for (size_t i = 0; i < JOB_MOUNTS_MAX; i++)
        ret[i] = (struct pollfd){.fd = i < list->count ? list->item[i].rclone.said_fd : -1, .events = POLLIN};
}

void objects_look(struct storage_room *room, struct objects_mounts *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct objects_mount *m = &list->item[i];
        struct storage_word word = {.kind = STORAGE_LOST, .step = "server"};
        struct err e = ERR_INIT;
        helper_read(&m->rclone);
        if (!helper_reap(&m->rclone) || m->lost)
            continue;
        m->lost = true;
        (void)snprintf(word.object, sizeof(word.object), "%s on %s", m->asked->source, m->asked->target);
        if (helper_result(&m->rclone, &e) == 0)
            (void)err_set(&e, -EIO, BLAME_NODE, "rclone ended");
        (void)err_set(&word.error, -EIO, BLAME_NODE, "storage: %s: nothing serves it any more: %.400s",
                      word.object, e.text);
        room_say(room, &word);
    }
}

void objects_force(struct objects_mounts *list)
{
    for (size_t i = 0; i < list->count; i++)
        helper_kill(&list->item[i].rclone, clock_boot());
}

/* ---- after the job ---- */

static size_t depth_of(const struct object_location *l)
{
    size_t n = 1;

    if (l->prefix[0] != '\0')
        n++;
    for (const char *p = l->prefix; *p != '\0'; p++)
        n += *p == '/';
    return n;
}

static int not_saved(const struct objects_mount *m, int why, const struct objects_pending *left,
                     const char *what, struct err *e)
{
    char text[64], words[HELPER_WORDS_MAX];

    objects_pending_text(left, text, sizeof(text));
    helper_last_words(&m->rclone, words, sizeof(words));
    return err_set(e, why, BLAME_NODE, "%s; not uploaded: %s (%s)%s%.250s; %s", what, text, left->names,
                   words[0] != '\0' ? ": " : "", words, objects_remedy(words));
}

/* One that has ended takes up what it finds in its cache when it is started anew. */
static int serve_again(struct storage_room *room, struct objects_mount *m, struct err *e)
{
    (void)take_down(m);
    m->rclone = HELPER_INIT;
    return serve(room, m, e);
}

static int save(struct storage_room *room, struct objects_mount *m, struct err *e)
{
    const struct objects_policy *policy = &room->policy->objects;
    struct user_ids owner = {policy->uid, policy->uid};
    boot_ms_t until = {clock_boot().ms + policy->upload_ms};
    char text[64];

    for (int restarts = 0;;) {
        struct objects_pending left;
        helper_read(&m->rclone);
        (void)helper_reap(&m->rclone);
        if (objects_pending_read(m->cache_fd, &owner, depth_of(&m->location), &left, e) < 0)
            return e->code;
        if (left.files == 0)
            return 0;
        if (clock_boot().ms >= until.ms)
            return not_saved(m, -ETIMEDOUT, &left, "the time for uploads is over (objects.uploadTime)", e);
        if (!helper_is_active(&m->rclone)) {
            if (left.open > 0)
                return not_saved(m, -EIO, &left, "rclone ended while files were being written", e);
            if (restarts++ == RESTARTS_MAX)
                return not_saved(m, -EIO, &left, "rclone ends again and again", e);
            if (serve_again(room, m, e) < 0)
                return e->code;
        }
        objects_pending_text(&left, text, sizeof(text));
        room_progress(room, text);
        if (!room_wait(room, PAUSE_MS))
            return not_saved(m, -ECANCELED, &left, "the upload was given up", e);
    }
}

int objects_save(struct storage_room *room, struct objects_mounts *list, struct err *e)
{
    int first = 0;

    for (size_t i = 0; i < list->count; i++) {
        struct objects_mount *m = &list->item[i];
        char object[STORAGE_OBJECT_MAX];
        struct err why = ERR_INIT;
        if (m->asked->read_only)
            continue;
        (void)snprintf(object, sizeof(object), "%s on %s", m->asked->source, m->asked->target);
        room_begin(room, "upload", object, room->policy->objects.upload_ms);
        if (save(room, m, &why) == 0) {
            room_done(room, "");
            continue;
        }
        room_not_saved(room, &why);
        if (first == 0) {
            first = why.code;
            *e = why;
        }
    }
    return first;
}

void objects_end(struct objects_mounts *list, char *left, size_t size)
{
    while (list->count > 0) {
        struct objects_mount *m = &list->item[--list->count];
        size_t used = strlen(left);
        if (!take_down(m))
            (void)snprintf(left + used, size - used, "rclone of %.60s does not end; ", m->asked->source);
        fd_close(&m->cache_fd);
    }
}
