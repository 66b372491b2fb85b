/* image.c - see image.h. */
#include "supervisor/image.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "base/fact.h"
#include "sys/fd.h"

#define HELPER_NAME "runlet-image"
/* Namespaces and their users; folders of the images' users, in a store of root's. */
#define KEPT                                                                                                 \
    (CAPABILITY_BIT(CAP_SYS_ADMIN) | CAPABILITY_BIT(CAP_SETUID) | CAPABILITY_BIT(CAP_SETGID) |               \
     CAPABILITY_BIT(CAP_SYS_CHROOT) | CAPABILITY_BIT(CAP_CHOWN) | CAPABILITY_BIT(CAP_FOWNER) |               \
     CAPABILITY_BIT(CAP_DAC_OVERRIDE) | CAPABILITY_BIT(CAP_KILL) | CAPABILITY_BIT(CAP_SETPCAP))

static const char *key_of(const struct plan *plan)
{
    return plan->image_digest + strlen("sha256:");
}

void image_path(const struct policy *policy, const struct plan *plan, char ret[IMAGE_PATH_MAX])
{
    (void)snprintf(ret, IMAGE_PATH_MAX, "%s/%s/fs", policy->images_dir, key_of(plan));
}

static int execute(const struct policy *policy, const struct plan *plan, const struct helper_fd *fds,
                   size_t count, const struct run_group *group, boot_ms_t now, struct image *image,
                   struct err *e)
{
    char path[512], first_id[16], ids[16], max_bytes[24], reserve[24];
    char *argv[] = {(char[]){HELPER_NAME},
                    (char[]){"--key"},
                    (char *)(uintptr_t)key_of(plan),
                    (char[]){"--user"},
                    plan->image_user != NULL ? plan->image_user : (char[]){""},
                    (char[]){"--umoci"},
                    (char *)(uintptr_t)policy->umoci,
                    (char[]){"--first-id"},
                    first_id,
                    (char[]){"--ids"},
                    ids,
                    (char[]){"--max-bytes"},
                    max_bytes,
                    (char[]){"--reserve"},
                    reserve,
                    NULL};
    char *environment[] = {(char[]){"LC_ALL=C.UTF-8"}, (char[]){"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
                           crash_environment(), NULL};
    const struct helper_order order = {.path = path,
                                       .argv = argv,
                                       .environment = environment,
                                       .fds = fds,
                                       .fd_count = count,
                                       .capabilities = KEPT,
                                       .group = group,
                                       .budget_ms = policy->place_budget_ms};

    (void)snprintf(path, sizeof(path), "%s/" HELPER_NAME, policy->helper_dir);
    (void)snprintf(first_id, sizeof(first_id), "%u", policy->image_first_id);
    (void)snprintf(ids, sizeof(ids), "%u", policy->image_ids);
    (void)snprintf(max_bytes, sizeof(max_bytes), "%" PRIu64, policy->images_max_bytes);
    (void)snprintf(reserve, sizeof(reserve), "%" PRId64, policy->disk_reserve_bytes);
    return helper_start(&order, now, &image->helper, e);
}

int image_start(const struct policy *policy, const struct plan *plan, const int *fds,
                const struct run_group *group, boot_ms_t now, struct image *image, struct err *e)
{
    AUTO_CLOSE int store = dir_open(AT_FDCWD, policy->images_dir);
    AUTO_CLOSE int answer = -1;
    char name[80];
    int pair[2];

    if (store < 0)
        return err_errno(e, -store, BLAME_NODE, "open %s", policy->images_dir);
    (void)snprintf(name, sizeof(name), "%s.lock", key_of(plan));
    image->lock_fd = openat(store, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (image->lock_fd < 0)
        return err_errno(e, errno, BLAME_NODE, "make %s/%s", policy->images_dir, name);
    if (pipe2(pair, O_CLOEXEC) < 0)
        return err_errno(e, errno, BLAME_NODE, "make a pipe for " HELPER_NAME);
    image->answer_fd = pair[0];
    answer = pair[1];
    (void)fd_set_nonblocking(image->answer_fd, true);
    return execute(policy, plan,
                   (const struct helper_fd[]){
                       {fds[plan->placement_count], 3}, {answer, 4}, {store, 5}, {image->lock_fd, 6}},
                   4, group, now, image, e);
}

static int take_answer(const struct fact *f, const struct policy *policy, struct plan *plan,
                       bool *ret_unpacked, struct err *e)
{
    int64_t uid = -1, gid = -1;
    bool ready = false;

    (void)fact_bool(f, "ready", &ready);
    if (!ready)
        return err_set(e, -EBADMSG,
                       strcmp(fact_str(f, "blame"), "assignment") == 0 ? BLAME_ASSIGNMENT : BLAME_NODE, "%s",
                       fact_str(f, "reason"));
    if (!fact_int(f, "uid", &uid) || !fact_int(f, "gid", &gid) || !fact_bool(f, "unpacked", ret_unpacked) ||
        uid < 0 || uid >= policy->image_ids || gid < 0 || gid >= policy->image_ids)
        return err_set(e, -EBADMSG, BLAME_BUG, HELPER_NAME " gave an answer that is none");
    plan->image_uid = (unsigned)uid;
    plan->image_gid = (unsigned)gid;
    return 0;
}

int image_result(struct image *image, const struct policy *policy, struct plan *plan, bool *ret_unpacked,
                 struct err *e)
{
    AUTO(fact) struct fact f = {0};
    char text[MESSAGE_BYTES_MAX];
    struct err ended = ERR_INIT;
    ssize_t n = read(image->answer_fd, text, sizeof(text));
    int r = helper_result(&image->helper, &ended);

    if (n > 0 && fact_decode(text, (size_t)n, &f, e) == 0)
        return take_answer(&f, policy, plan, ret_unpacked, e);
    if (r == 0)
        return err_set(e, -EBADMSG, BLAME_BUG, HELPER_NAME " gave no answer");
    *e = ended;
    return r;
}

void image_close(struct image *image)
{
    helper_close(&image->helper);
    fd_close(&image->answer_fd);
    fd_close(&image->lock_fd);
}
