/* leave.c - see leave.h. */
#include "daemon/leave.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "base/parse.h"
#include "io/child.h"
#include "run/leave.h"
#include "sys/fd.h"
#include "sys/process.h"

/* A file in the agent's folder: the boot in which a run has finished here. */
#define SERVED_NAME ".served"
#define LOOK_MS     500
/* Between the last word to the sources and the end: a run that was on its way to us is here by then. */
#define SETTLE_MS        1000
#define COMMAND_MS       (10LL * 60 * 1000)
#define COMMAND_OUT_MAX  65536
#define COMMAND_AGAIN_MS (60LL * 1000)

struct leave {
    struct agent *agent; /* borrowed */
    struct loop_timer *timer;
    struct child *child; /* leave.command, while it runs */
    enum leave_action after_run, idle_action;
    boot_ms_t idle_since;
    boot_ms_t settled_at; /* 0: not being left */
    boot_ms_t not_before; /* of the next try, after a command that failed */
    int status;
};

bool leave_begun(const struct agent *a)
{
    return a->leave != NULL && a->leave->settled_at.ms > 0;
}

int leave_status(const struct agent *a)
{
    return a->leave != NULL ? a->leave->status : 0;
}

void leave_note_served(const struct agent *a)
{
    char boot[BOOT_ID_MAX];
    int r;

    if (a->leave == NULL)
        return;
    boot_id_read(boot);
    r = file_replace(a->agent_fd, SERVED_NAME, boot, strlen(boot), 0640);
    if (r < 0)
        log_warning("that a run has finished here could not be written down: %s", strerror(-r));
}

static bool served(const struct agent *a)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(BOOT_ID_MAX);
    char boot[BOOT_ID_MAX];

    boot_id_read(boot);
    return boot[0] != '\0' && file_read(a->agent_fd, SERVED_NAME, &text) == 0 &&
           strcmp(strbuf_str(&text), boot) == 0;
}

/* Whether the folder has a run for which `here` says yes. A folder that cannot be read may have one. */
static bool any_run(int dir_fd, bool (*here)(int dir_fd, const char *name))
{
    int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;
    bool found = false;

    if (dir == NULL) {
        if (copy >= 0)
            (void)close(copy);
        return true;
    }
    while (!found && (entry = readdir(dir)) != NULL)
        found = run_name_valid(entry->d_name) && here(dir_fd, entry->d_name);
    (void)closedir(dir);
    return found;
}

static bool submitted(int queue_fd, const char *name)
{
    return faccessat(queue_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The folder has files beside the runs' folders. */
static bool unfinished(int agent_fd, const char *name)
{
    AUTO_CLOSE int fd = dir_open(agent_fd, name);

    return fd >= 0 && !agent_run_finished(agent_fd, name);
}

static bool busy(const struct agent *a)
{
    return engine_first(a->engine) != NULL || any_run(a->queue_fd, submitted) ||
           any_run(a->agent_fd, unfinished);
}

static void end(struct leave *l, int status)
{
    log_notice("nothing is left to do here: the agent ends");
    CRASH_POINT("leaving");
    l->status = status;
    l->agent->stopping = true;
    loop_stop(l->agent->loop);
}

static void stay(struct leave *l)
{
    l->settled_at = (boot_ms_t){0};
    agent_admit(l->agent);
}

static void command_ended(void *context, const struct child_end *e)
{
    struct leave *l = context;
    bool succeeded =
        !e->late && !e->too_much && WIFEXITED(e->wait_status) && WEXITSTATUS(e->wait_status) == 0;

    if (!succeeded)
        log_error(
            "leave.command failed, and is tried again in a minute when there is still nothing to do: %s",
            e->late                     ? "it did not end in its time"
            : e->words[0] != '\0'       ? e->words
            : WIFEXITED(e->wait_status) ? "it said nothing"
                                        : "a signal ended it");
    child_free(l->child);
    l->child = NULL;
    if (succeeded) {
        end(l, LEAVE_STATUS_EXIT);
        return;
    }
    l->not_before.ms = clock_boot().ms + COMMAND_AGAIN_MS;
    stay(l);
}

static void start_command(struct leave *l)
{
    char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
         locale[] = "LC_ALL=C.UTF-8";
    char *argv[] = {l->agent->config->leave_command, NULL};
    char *environment[] = {path, locale, NULL};
    const struct child_order order = {
        .argv = argv, .environment = environment, .budget_ms = COMMAND_MS, .out_max = COMMAND_OUT_MAX};
    struct err e = ERR_INIT;

    log_notice("nothing is left to do here: %s", argv[0]);
    l->child = child_start(l->agent->loop, &order, command_ended, l, &e);
    if (l->child != NULL)
        return;
    log_error("leave.command: %s", e.text);
    l->not_before.ms = clock_boot().ms + COMMAND_AGAIN_MS;
    stay(l);
}

static void act(struct leave *l, enum leave_action action)
{
    if (action == LEAVE_COMMAND)
        start_command(l);
    else
        end(l, action == LEAVE_POWEROFF ? LEAVE_STATUS_POWEROFF : LEAVE_STATUS_EXIT);
}

static void look(void *context)
{
    struct leave *l = context;
    struct agent *a = l->agent;
    struct leave_state state = {.after_run = l->after_run,
                                .idle_ms = a->config->idle_shutdown_ms,
                                .idle_action = l->idle_action,
                                .now = clock_boot()};
    enum leave_action action;

    if (l->child != NULL || a->stopping)
        return;
    if (engine_first(a->engine) != NULL)
        l->idle_since = state.now;
    state.idle_since = l->idle_since;
    state.busy = engine_first(a->engine) != NULL;
    state.served = l->after_run != LEAVE_WAIT && !state.busy && served(a);
    action = state.now.ms < l->not_before.ms ? LEAVE_WAIT : leave_decide(&state);
    /* Folders are gone through only when everything else is in favour. */
    if (action != LEAVE_WAIT && busy(a)) {
        l->idle_since = state.now;
        action = LEAVE_WAIT;
    }
    if (action == LEAVE_WAIT && leave_begun(a))
        stay(l);
    else if (action != LEAVE_WAIT && !leave_begun(a)) {
        l->settled_at.ms = state.now.ms + SETTLE_MS;
        agent_admit(a);
    } else if (action != LEAVE_WAIT && state.now.ms >= l->settled_at.ms)
        act(l, action);
}

int leave_start(struct agent *a, struct err *e)
{
    struct leave *l;

    if (leave_action_of(a->config->after_run) == LEAVE_WAIT && a->config->idle_shutdown_ms == 0)
        return 0;
    l = calloc(1, sizeof(*l));
    if (l == NULL)
        return err_oom(e);
    *l = (struct leave){.agent = a,
                        .timer = loop_timer_new(a->loop, look, l),
                        .after_run = leave_action_of(a->config->after_run),
                        .idle_action = leave_action_of(a->config->idle_action),
                        .idle_since = clock_boot()};
    a->leave = l;
    if (l->timer == NULL)
        return err_oom(e);
    loop_timer_start(l->timer, LOOK_MS, LOOK_MS);
    return 0;
}

void leave_stop(struct agent *a)
{
    if (a->leave == NULL)
        return;
    child_free(a->leave->child);
    loop_timer_free(a->leave->timer);
    free(a->leave);
    a->leave = NULL;
}
