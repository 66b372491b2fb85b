/* objects_output.c - see objects_output.h. */
#include "supervisor/objects_output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "supervisor/helper.h"
#include "supervisor/objects.h"
#include "supervisor/objects_command.h"
#include "sys/capabilities.h"
#include "sys/fd.h"

#define PAUSE_MS  200
#define WORDS_MAX 40

int objects_open_beneath(int home_fd, const char *path, struct err *e)
{
    AUTO_CLOSE int at = openat(home_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    char name[NAME_MAX + 1];
    struct stat st;

    if (at < 0)
        return err_errno(e, errno, BLAME_NODE, "open the home");
    for (const char *part = path; strcmp(path, ".") != 0; part++) {
        size_t n = strcspn(part, "/");
        int next;
        if (n > NAME_MAX)
            return err_set(e, -ENAMETOOLONG, BLAME_ASSIGNMENT, "%.100s: a name in it is too long", path);
        memcpy(name, part, n);
        name[n] = '\0';
        next = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0)
            return err_errno(e, errno, BLAME_ASSIGNMENT, "%.100s in the home", path);
        fd_close(&at);
        at = next;
        part += n;
        if (*part == '\0')
            break;
    }
    if (fstat(at, &st) < 0)
        return err_errno(e, errno, BLAME_NODE, "look at %.100s", path);
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "%.100s in the home is neither a file nor a folder, or a link", path);
    return take_fd(&at);
}

/* Shows it in rclone's folder as `from`, or, when it is a file, by its own name in there. ret_name is empty for a folder. */
static int show(const struct storage_room *room, int cache_fd, const char *path, char ret_name[NAME_MAX + 1],
                char ret_place[], size_t size, struct err *e)
{
    char home[RUN_PATH_MAX + 16], source[64];
    AUTO_CLOSE int home_fd = -1;
    AUTO_CLOSE int fd = -1;
    AUTO_CLOSE int made = -1;
    const char *slash = strrchr(path, '/');
    struct stat st;
    int n;

    (void)snprintf(home, sizeof(home), "%s/" HOME_NAME, room->run_path);
    home_fd = dir_open(AT_FDCWD, home);
    if (home_fd < 0)
        return err_errno(e, -home_fd, BLAME_NODE, "open the home");
    fd = objects_open_beneath(home_fd, path, e);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return err_errno(e, errno, BLAME_NODE, "look at %.100s", path);
    if (mkdirat(cache_fd, "from", 0755) < 0 && errno != EEXIST)
        return err_errno(e, errno, BLAME_NODE, "make a place for it");
    ret_name[0] = '\0';
    if (S_ISREG(st.st_mode)) {
        (void)snprintf(ret_name, NAME_MAX + 1, "%s", slash != NULL ? slash + 1 : path);
        n = snprintf(ret_place, size, "/proc/self/fd/%d/from/%s", cache_fd, ret_name);
        made = open(ret_place, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (made < 0)
            return err_errno(e, errno, BLAME_NODE, "make a place for it");
    } else {
        n = snprintf(ret_place, size, "/proc/self/fd/%d/from", cache_fd);
    }
    if (n < 0 || (size_t)n >= size)
        return err_set(e, -ENAMETOOLONG, BLAME_NODE, "the path is too long");
    (void)snprintf(source, sizeof(source), "/proc/self/fd/%d", fd);
    if (mount(source, ret_place, NULL, MS_BIND, NULL) < 0)
        return err_errno(e, errno, BLAME_NODE, "show it to rclone");
    if (mount(NULL, ret_place, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0) {
        (void)umount2(ret_place, MNT_DETACH);
        return err_errno(e, errno, BLAME_NODE, "show it to rclone as read-only");
    }
    return 0;
}

/* Until rclone has ended; what it says last tells how far it is. */
static int attend(struct storage_room *room, struct helper *h, struct err *e)
{
    char words[HELPER_WORDS_MAX];

    while (helper_is_active(h)) {
        (void)helper_due(h, clock_boot());
        helper_read(h);
        if (helper_reap(h))
            break;
        helper_last_words(h, words, sizeof(words));
        if (words[0] != '\0')
            room_progress(room, strrchr(words, ';') != NULL ? strrchr(words, ';') + 2 : words);
        if (!room_wait(room, PAUSE_MS)) {
            helper_kill(h, clock_boot());
            room_attend(room, h);
            return err_set(e, -ECANCELED, BLAME_NODE, "the copy was given up");
        }
    }
    return helper_result(h, e);
}

static int copy(struct storage_room *room, const struct run_output *output, int cache_fd, const char *name, struct err *e)
{
    AUTO(strlist) struct strlist words = {0};
    struct helper h = HELPER_INIT;
    struct object_location to;
    int r;

    (void)object_location_parse(output->to, &to);
    if (objects_copy_arguments(&room->policy->objects, &to, name, &words) < 0)
        return err_oom(e);
    r = objects_start(room, &to, cache_fd, &words, -1, CAPABILITY_BIT(CAP_DAC_READ_SEARCH), room->policy->objects.upload_ms,
                      &h, e);
    if (r < 0)
        return r;
    r = attend(room, &h, e);
    helper_close(&h);
    return r;
}

static int copy_one(struct storage_room *room, size_t index, struct err *e)
{
    const struct run_output *output = &room->plan->outputs.item[index];
    AUTO_CLOSE int cache = -1;
    char name[NAME_MAX + 1], place[NAME_MAX + 64], folder[32];
    struct err told;
    int r;

    (void)snprintf(folder, sizeof(folder), "output-%zu", index);
    cache = objects_open_cache(room, folder, e);
    if (cache < 0)
        return cache;
    r = show(room, cache, output->from, name, place, sizeof(place), e);
    if (r < 0)
        return r;
    r = copy(room, output, cache, name, e);
    (void)umount2(place, MNT_DETACH);
    if (r == 0)
        return 0;
    told = *e;
    return err_set(e, r, told.blame, "%.600s; %s", told.text, objects_remedy(told.text));
}

int objects_copy_outputs(struct storage_room *room, bool success, struct err *e)
{
    int first = 0;

    for (size_t i = 0; i < room->plan->outputs.count; i++) {
        const struct run_output *output = &room->plan->outputs.item[i];
        char object[STORAGE_OBJECT_MAX];
        struct err why = ERR_INIT;
        if (!success && !output->always)
            continue;
        (void)snprintf(object, sizeof(object), "%.80s to %.150s", output->from, output->to);
        room_begin(room, "output", object, room->policy->objects.upload_ms);
        if (room->ending)
            (void)err_set(&why, -ECANCELED, BLAME_NODE, "the copy was given up");
        else if (copy_one(room, i, &why) == 0) {
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
