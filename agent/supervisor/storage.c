/* storage.c - see storage.h. */
#include "supervisor/storage.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "supervisor/helper.h"
#include "sys/fd.h"
#include "sys/packet.h"
#include "sys/process.h"

/* A step's own limit ends its programs, and they may take a while to go. */
#define HUNG_AFTER_MS (HELPER_ABANDON_MS + 5000)
/* A volume whose last gigabytes are on their way to it; and servers that get their time. */
#define CLEAR_LIMIT_MS (10LL * 60 * 1000)
/* After SIGKILL. */
#define KILL_LIMIT_MS 5000

bool storage_wanted(const struct policy *policy, const struct plan *plan)
{
    return policy->storage.volume != VOLUME_DIRECTORY || plan->mount_count > 0 || plan->outputs.count > 0;
}

bool storage_saves(const struct plan *plan)
{
    for (size_t i = 0; i < plan->mount_count; i++)
        if (plan->mount[i].kind == MOUNT_OBJECTS && !plan->mount[i].read_only)
            return true;
    return plan->outputs.count > 0;
}

int storage_start(const struct policy *policy, const struct plan *plan, const struct run_directory *run,
                  const struct run_group *group, struct storage *ret, struct err *e)
{
    AUTO_CLOSE int ours = -1;
    AUTO_CLOSE int theirs = -1;
    int pair[2], r;
    pid_t pid;

    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
        return err_errno(e, errno, BLAME_NODE, "part from the host's mounts");
    r = packet_pair(pair);
    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "make a socket");
    ours = pair[0];
    theirs = pair[1];
    CRASH_POINT("fork-storage");
    pid = fork();
    if (pid < 0)
        return err_errno(e, errno, BLAME_NODE, "fork the process for storage");
    if (pid == 0)
        storage_room_main(&(struct storage_room){
            .policy = policy, .plan = plan, .run = run, .group = group, .control_fd = theirs});
    CRASH_POINT("forked-storage");
    (void)fd_set_nonblocking(ours, true);
    *ret = STORAGE_INIT;
    ret->pid = pid;
    ret->control_fd = take_fd(&ours);
    return 0;
}

int storage_hear(struct storage *s, struct storage_word *ret)
{
    size_t none = 0;
    ssize_t n;

    if (s->control_fd < 0)
        return -EPIPE;
    n = packet_receive(s->control_fd, ret, sizeof(*ret), NULL, 0, &none);
    if (n == -EAGAIN || n == -EINTR)
        return 0;
    if (n != (ssize_t)sizeof(*ret)) {
        fd_close(&s->control_fd);
        s->until.ms = INT64_MAX;
        return -EPIPE;
    }
    if (ret->kind == STORAGE_SAVING)
        return 1;
    s->until.ms = INT64_MAX;
    if (ret->kind == STORAGE_BEGINS) {
        s->step = *ret;
        s->until.ms = clock_boot().ms + ret->limit_ms + HUNG_AFTER_MS;
    }
    return 1;
}

bool storage_hung(const struct storage *s, boot_ms_t now, struct err *e)
{
    if (now.ms < s->until.ms)
        return false;
    (void)err_set(
        e, -ETIMEDOUT, BLAME_NODE,
        "storage: %s %s: it neither ends nor can be ended; the kernel holds the process, see its log",
        s->step.step, s->step.object);
    return true;
}

static void say(const struct storage *s, char word)
{
    if (s->control_fd >= 0)
        (void)packet_send(s->control_fd, &word, 1, NULL, 0);
}

void storage_save(struct storage *s, bool success)
{
    say(s, success ? STORAGE_SAY_SAVE : STORAGE_SAY_KEEP);
}

void storage_cancel(struct storage *s, boot_ms_t now)
{
    say(s, STORAGE_SAY_END);
    if (now.ms + HUNG_AFTER_MS < s->until.ms)
        s->until.ms = now.ms + HUNG_AFTER_MS;
}

void storage_force(struct storage *s)
{
    if (!s->forced)
        say(s, STORAGE_SAY_FORCE);
    s->forced = true;
}

/* Waits for the last word. */
static bool hear_out(struct storage *s, boot_ms_t until, struct storage_word *ret)
{
    for (;;) {
        struct pollfd p = {.fd = s->control_fd, .events = POLLIN};
        int64_t left = until.ms - clock_boot().ms;
        int r = storage_hear(s, ret);

        if (r < 0 || (r == 1 && ret->kind == STORAGE_CLEARED))
            return r == 1;
        if (left <= 0)
            return false;
        if (r == 0)
            (void)poll(&p, 1, left > 60000 ? 60000 : (int)left);
    }
}

int storage_end(struct storage *s, char *left, size_t size)
{
    struct storage_word word = {.kind = 0};
    /* One that hangs in a step does not hear the word. */
    int64_t limit_ms = s->until.ms != INT64_MAX && clock_boot().ms >= s->until.ms ? 0 : CLEAR_LIMIT_MS;
    pid_t pid = s->pid;
    bool cleared;

    left[0] = '\0';
    if (pid == 0)
        return 0;
    say(s, STORAGE_SAY_END);
    cleared = hear_out(s, (boot_ms_t){clock_boot().ms + limit_ms}, &word);
    fd_close(&s->control_fd);
    s->pid = 0;
    if (!cleared || !process_reap(pid, KILL_LIMIT_MS)) {
        (void)kill(pid, SIGKILL);
        if (!process_reap(pid, KILL_LIMIT_MS)) {
            (void)snprintf(left, size, "runlet-storage (pid %d) does not end: %s %s", (int)pid, s->step.step,
                           s->step.object);
            return -ETIMEDOUT;
        }
    }
    if (word.kind == STORAGE_CLEARED && word.detail[0] != '\0') {
        (void)snprintf(left, size, "%.150s", word.detail);
        return -EBUSY;
    }
    return 0;
}
