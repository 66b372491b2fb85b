/*
 * verb_wait.c - runlet wait: until a run has ended.
 *
 * When nobody attends the run (the daemon is down, or a `runlet run` was killed), root takes it up here and
 * brings it to its reported end.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/configuration.h"
#include "cli/fleet.h"
#include "cli/run_foreground.h"
#include "cli/run_name.h"
#include "daemon/run_view.h"
#include "sys/fd.h"

#define POLL_NS (100 * 1000 * 1000)

/* Whether the run still has something to come and nobody brings it. A run that was never launched waits for
 * the daemon. */
static bool unattended(const struct run_view *v)
{
    return v->known_to_agent && !v->attended && v->history.phase != PHASE_FINISHED &&
           adoption_of(&v->history) != ADOPT_START;
}

static int take_up(const struct config *config, struct layout *layout, const char *id, struct err *e)
{
    struct foreground f = {.quiet = true, .silent = true, .waits = true};
    struct gate gate = {.starter_fd = -1};

    if (layout_users(config, layout, e) < 0 || agent_open_starter(config, layout, false, &gate, e) < 0)
        return e->code;
    if (privilege_drop(layout->agent_ids, e) < 0) {
        gate_close(&gate);
        return e->code;
    }
    return run_foreground(config, layout, gate, id, -1, &f, e);
}

/* A child takes the run up, since that costs it its privilege, and another may have to after it. 0 also when
 * somebody else was faster. */
static int take_up_in_child(const struct config *config, struct layout *layout, const char *id, struct err *e)
{
    int wait_status = 0;
    pid_t pid = fork();

    if (pid < 0)
        return err_errno(e, errno, BLAME_NODE, "take up run %s", id);
    if (pid == 0) {
        int r = take_up(config, layout, id, e);
        if (r < 0 && r != -EBUSY)
            (void)fprintf(stderr, "runlet: %s\n", e->text);
        _exit(r < 0 && r != -EBUSY ? 1 : 0);
    }
    while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0)
        return 0;
    return err_set(e, -EIO, BLAME_NODE, "run %s was taken up, but not brought to its end", id);
}

/* 0 with *ret when the run is finished: its end is on disk and was reported. */
static int wait_for_end(const struct config *config, struct layout *layout, const char *word,
                        struct run_view *ret, struct err *e)
{
    const struct timespec pause = {.tv_nsec = POLL_NS};

    for (;;) {
        struct named_run name;
        struct run_view view;
        if (run_name_find(layout, word, &name, e) < 0)
            return e->code;
        if (!name.queued) {
            if (run_view_read(layout, name.id, &view, e) < 0)
                return e->code;
            if (view.ended && (!view.known_to_agent || view.phase == PHASE_FINISHED)) {
                *ret = view;
                return 0;
            }
            if (geteuid() == 0 && unattended(&view) && take_up_in_child(config, layout, name.id, e) < 0)
                return e->code;
        }
        (void)nanosleep(&pause, NULL);
    }
}

int verb_wait(struct cli *cli)
{
    AUTO(config) struct config config = {0};
    struct layout layout;
    struct run_view view;
    struct err e = ERR_INIT;

    if (cli_load_config(cli, &config) < 0)
        return EXIT_RUN_ERROR;
    log_set_level(LOG_LEVEL_WARNING);
    if (fleet_wanted(cli))
        return fleet_wait(cli, &config);
    if (layout_paths(&config, &layout, &e) < 0 ||
        wait_for_end(&config, &layout, cli_arg(cli, 0), &view, &e) < 0)
        return cli_fail(cli, EXIT_RUN_ERROR, &e);
    return verdict_shell_status(&view.verdict, &view.record);
}
