/* objects_output.c - see objects_output.h. */
#include "supervisor/objects_output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
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

int objects_open_beneath(int home_fd, const char *path, char ret_name[NAME_MAX + 1], struct err *e)
{
    AUTO_CLOSE int at = openat(home_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    ret_name[0] = '\0';
    if (at < 0)
        return err_errno(e, errno, BLAME_NODE, "open the home");
    for (const char *part = path; strcmp(path, ".") != 0 && part[0] != '\0'; part += part[0] == '/') {
        size_t n = strcspn(part, "/");
        int next;
        (void)snprintf(ret_name, NAME_MAX + 1, "%.*s", n > NAME_MAX ? NAME_MAX : (int)n, part);
        part += n;
        if (fstatat(at, ret_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            return err_errno(e, errno, BLAME_ASSIGNMENT, "%.100s in the home", path);
        if (S_ISREG(st.st_mode) && part[0] == '\0')
            return take_fd(&at);
        if (!S_ISDIR(st.st_mode))
            return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "%.100s in the home is %s", path,
                           S_ISLNK(st.st_mode) ? "a link, or beyond one" : "neither a file nor a folder");
        next = openat(at, ret_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0)
            return err_errno(e, errno, BLAME_ASSIGNMENT, "%.100s in the home", path);
        fd_close(&at);
        at = next;
        ret_name[0] = '\0';
    }
    return take_fd(&at);
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

static int copy(struct storage_room *room, const struct run_output *output, int cache_fd, struct err *e)
{
    AUTO(strlist) struct strlist words = {0};
    char name[NAME_MAX + 1];
    AUTO_CLOSE int source = objects_open_beneath(room->home_fd, output->from, name, e);
    struct helper h = HELPER_INIT;
    struct object_location to;
    int r;

    if (source < 0)
        return source;
    (void)object_location_parse(output->to, &to);
    if (objects_copy_arguments(&room->policy->objects, &to, name, &words) < 0)
        return err_oom(e);
    r = objects_start(room,
                      &(struct objects_order){.location = &to,
                                              .words = &words,
                                              .cache_fd = cache_fd,
                                              .fuse_fd = -1,
                                              .source_fd = source,
                                              .capabilities = CAPABILITY_BIT(CAP_DAC_READ_SEARCH),
                                              .budget_ms = room->policy->objects.upload_ms},
                      &h, e);
    if (r < 0)
        return r;
    r = attend(room, &h, e);
    helper_close(&h);
    if (r < 0) {
        struct err told = *e;
        return err_set(e, r, told.blame, "%.600s; %s", told.text, objects_remedy(told.text));
    }
    return 0;
}

static int copy_one(struct storage_room *room, size_t index, struct err *e)
{
    AUTO_CLOSE int cache = -1;
    char folder[32];

    (void)snprintf(folder, sizeof(folder), "output-%zu", index);
    cache = objects_open_cache(room, folder, e);
    return cache < 0 ? cache : copy(room, &room->plan->outputs.item[index], cache, e);
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
